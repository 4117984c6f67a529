//! `import`, `events append`, `events show` and the way round.

use serde_json::json;

use crate::bench::Bench;

#[test]
fn one_event_is_appended_and_shown() {
    let bench = Bench::new();
    let append = |expect: &str| {
        bench.run(&[
            "events",
            "append",
            "--stream",
            "a",
            "--type",
            "Deposited",
            "--data",
            "{\"amount\": 1.10}",
            "--metadata",
            "{\"by\": \"me\"}",
            "--id",
            "first",
            "--time",
            "2026-01-01T00:00:00Z",
            "--expect",
            expect,
            "--json",
        ])
    };
    let ran = append("none");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let event = json!({"position": 1, "stream_version": 1, "already_there": false});
    assert_eq!(serde_json::from_str::<serde_json::Value>(&ran.out).unwrap(), json!({"stream": "a", "events": [event]}));
    assert!(append("none").out.contains("\"already_there\":true"), "the same id again is harmless");
    assert_eq!(
        bench.ok(&["events", "show"]),
        "{\"position\":1,\"stream\":\"a\",\"stream_version\":1,\"type\":\"Deposited\",\
         \"time\":\"2026-01-01T00:00:00Z\",\"id\":\"first\",\"data\":{\"amount\": 1.10},\"metadata\":{\"by\": \"me\"}}\n"
    );
}

#[test]
fn events_on_stdin_are_appended_all_or_none() {
    let bench = Bench::new();
    let append = ["events", "append", "--stream", "a", "--expect", "none"];
    let bad = "{\"type\": \"T\", \"data\": 1}\n\n{\"type\": \"T\", \"data\": }\n";
    let ran = bench.fed(&append, bad);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("stdin line 3: column 23: expected value\n"), "{}", ran.err);
    assert_eq!(bench.ok(&["events", "show"]), "");

    let good = "{\"type\": \"T\", \"data\": 1}\n{\"stream\": \"a\", \"type\": \"T\", \"data\": 2}\n";
    assert_eq!(bench.fed(&append, good).out, "1 a/1\n2 a/2\n");
    let late = bench.fed(&append, good);
    assert_eq!(late.code, Some(1));
    assert!(late.err.contains("was expected to have no events and is at version 2"), "{}", late.err);
    assert_eq!(bench.fed(&append, "{\"stream\": \"b\", \"type\": \"T\", \"data\": 2}\n").code, Some(1));
}

#[test]
fn a_byte_order_mark_does_no_harm_and_a_time_is_not_cut() {
    let bench = Bench::new();
    bench.write("data.json", "\u{FEFF}{\"n\": 1}");
    bench.ok(&["events", "append", "--stream", "a", "--type", "T", "--data", "@data.json"]);
    let append = ["events", "append", "--stream", "a"];
    assert_eq!(bench.fed(&append, "\u{FEFF}{\"type\": \"T\", \"data\": {\"n\": 1}}\n").code, Some(0));
    for event in bench.lines(&["events", "show"]) {
        assert_eq!(event["data"], json!({"n": 1}));
    }
    let fine = "2026-01-01T00:00:00.1234567Z";
    let ran = bench.run(&["events", "append", "--stream", "a", "--type", "T", "--data", "1", "--time", fine]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("parts of a microsecond"), "{}", ran.err);
    let ran = bench.fed(&append, &format!("{{\"type\": \"T\", \"data\": 1, \"time\": \"{fine}\"}}\n"));
    assert!(ran.code == Some(1) && ran.err.contains("parts of a microsecond"), "{}", ran.err);
}

#[test]
fn a_payload_comes_from_a_file_or_from_stdin() {
    let bench = Bench::new();
    bench.write("data.json", "{\n  \"n\": 1\n}\n");
    bench.ok(&["events", "append", "--stream", "a", "--type", "T", "--data", "@data.json"]);
    bench.fed(&["events", "append", "--stream", "a", "--type", "T", "--data", "-"], "{\"n\": 2}");
    let shown = bench.lines(&["events", "show"]);
    assert_eq!((&shown[0]["data"], &shown[1]["data"]), (&json!({"n": 1}), &json!({"n": 2})));
}

#[test]
fn show_narrows_down() {
    let bench = Bench::with_ledger();
    bench.ok(&["events", "append", "--stream", "account-11", "--type", "Deposited", "--data", "{}"]);
    let positions = |arguments: &[&str]| -> Vec<u64> {
        bench
            .lines(&[&["events", "show"], arguments].concat())
            .iter()
            .map(|e| e["position"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(positions(&[]), [1, 2, 3, 4]);
    assert_eq!(positions(&["--stream", "account-1"]), [1, 3], "and not of account-11");
    assert_eq!(positions(&["--type", "Withdrawn"]), [3]);
    assert_eq!(positions(&["--after", "1", "--limit", "2"]), [2, 3]);
    assert!(positions(&["--after", "9"]).is_empty());
}

#[test]
fn what_is_shown_can_be_imported() {
    let bench = Bench::with_ledger();
    let shown = bench.ok(&["events", "show"]);
    let copy = Bench::new();
    let report: serde_json::Value = serde_json::from_str(&copy.fed(&["import", "-", "--json"], &shown).out).unwrap();
    assert_eq!((report["added"].as_u64(), report["bad"].as_u64()), (Some(3), Some(0)));
    assert_eq!(copy.ok(&["events", "show"]), shown);
    let again: serde_json::Value = serde_json::from_str(&copy.fed(&["import", "-", "--json"], &shown).out).unwrap();
    assert_eq!((again["added"].as_u64(), again["already_there"].as_u64()), (Some(0), Some(3)));
}

#[test]
fn a_bad_line_ends_an_import_or_is_put_aside() {
    let bench = Bench::new();
    bench.write(
        "some.jsonl",
        "{\"stream\":\"a\",\"type\":\"T\",\"data\":1}\nnonsense\n{\"stream\":\"a\",\"type\":\"T\",\"data\":2}\n",
    );
    let ran = bench.run(&["import", "some.jsonl"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("some.jsonl:2:"), "{}", ran.err);
    assert_eq!(bench.lines(&["events", "show"]).len(), 1, "what stands before it is kept");

    let report = bench.json(&["import", "some.jsonl", "--skip-bad", "bad.jsonl", "--json"]);
    assert_eq!((report["added"].as_u64(), report["bad"].as_u64()), (Some(1), Some(1)), "{report}");
    assert_eq!(std::fs::read_to_string(bench.path().join("bad.jsonl")).unwrap(), "nonsense\n");
}

#[test]
fn putting_bad_lines_aside_destroys_no_file() {
    let bench = Bench::new();
    let text = "{\"stream\":\"a\",\"type\":\"T\",\"data\":1}\nnonsense\n";
    bench.write("some.jsonl", text);
    bench.write("kept.txt", "mine\n");
    std::fs::hard_link(bench.path().join("some.jsonl"), bench.path().join("linked.jsonl")).unwrap();
    for (aside, reason) in [
        ("some.jsonl", "some.jsonl is the file that is imported"),
        ("plugins/../some.jsonl", "is the file that is imported"),
        ("linked.jsonl", "is the file that is imported"),
        ("kept.txt", "kept.txt holds something already"),
    ] {
        let ran = bench.run(&["import", "some.jsonl", "--skip-bad", aside]);
        assert_eq!(ran.code, Some(1), "{aside}: {ran:?}");
        assert!(ran.err.contains(reason) && ran.err.contains("hint: "), "{aside}: {}", ran.err);
    }
    // From stdin its name is not known; that it holds something is.
    let ran = bench.fed(&["import", "-", "--skip-bad", "some.jsonl"], text);
    assert!(ran.err.contains("some.jsonl holds something already"), "{}", ran.err);
    assert_eq!(std::fs::read_to_string(bench.path().join("some.jsonl")).unwrap(), text);
    assert_eq!(std::fs::read_to_string(bench.path().join("kept.txt")).unwrap(), "mine\n");
    assert_eq!(bench.ok(&["events", "show"]), "", "nothing was imported");
    bench.ok(&["import", "some.jsonl", "--skip-bad", "bad.jsonl"]);
}
