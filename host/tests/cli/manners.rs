//! Exit codes, stdout and stderr, broken pipes, help.

use std::process::Stdio;

use crate::bench::Bench;

#[test]
fn used_wrongly_is_2_failed_is_1() {
    let bench = Bench::new();
    for wrong in [
        &["status", "--no-such-flag"][..],
        &["query"],
        &["replay", "a.wasm", "--until", "yesterday"],
        &["events", "append", "--stream", "a", "--type", "T", "--data", "1", "--expect", "some"],
        &["events", "append", "--stream", "a"],
        &["new", "Not_A_Name"],
        &["query", "a", "select 1", "--csv", "--json"],
    ] {
        let ran = bench.run(wrong);
        assert_eq!(ran.code, Some(2), "{wrong:?}: {ran:?}");
        assert_eq!(ran.out, "", "{wrong:?}");
        assert!(ran.err.starts_with("error: "), "{wrong:?}: {}", ran.err);
    }
    for failing in [&["query", "none", "select 1"][..], &["check", "none.wasm"], &["import", "none.jsonl"], &["init"]] {
        let ran = bench.run(failing);
        assert_eq!(ran.code, Some(1), "{failing:?}: {ran:?}");
        assert_eq!(ran.out, "", "{failing:?}");
        assert!(ran.err.starts_with("error: "), "{failing:?}: {}", ran.err);
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let bench = Bench::new();
    let lines: String =
        (0..20_000).map(|n| format!("{{\"stream\":\"s\",\"type\":\"T\",\"data\":{{\"n\":{n}}}}}\n")).collect();
    bench.write("many.jsonl", lines);
    bench.ok(&["import", "many.jsonl"]);
    let mut child = bench.command(&["events", "show"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn nothing_is_coloured_away_from_a_terminal() {
    let ran = Bench::bare().run(&["status"]);
    assert!(ran.err.contains("hint: `projectionist init`"), "{}", ran.err);
    assert!(!ran.err.contains('\u{1b}'), "{:?}", ran.err);
}
