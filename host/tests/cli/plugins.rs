//! `check`, `replay`, `project`, `query`, `rebuild`, `rollback`, `pause`, `resume`.

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::support::{plugin_bytes, plugin_wasm};

/// A project with a ledger and its balances.
fn projected() -> Bench {
    let bench = Bench::with_ledger();
    bench.drop_in("balances.wasm", &plugin_bytes("ledger-balances"));
    let outcomes = bench.lines(&["project", "--json"]);
    assert_eq!(outcomes.len(), 1);
    assert_eq!((&outcomes[0]["projection"], &outcomes[0]["checkpoint"]), (&json!("balances"), &json!(3)));
    bench
}

fn status_of_balances(bench: &Bench) -> Value {
    bench.json(&["status", "--json"])["projections"][0].clone()
}

#[test]
fn check_says_what_a_plugin_is() {
    let bench = Bench::new();
    bench.write("projectionist.toml", "[projections.balances.limits]\ncall-ms-max = 77\n");
    let file = plugin_wasm("ledger-balances");
    let answer = bench.json(&["check", file.to_str().unwrap(), "--json"]);
    assert_eq!(answer["accepted"], true);
    assert_eq!(answer["manifest"]["name"], "balances");
    assert_eq!(answer["contract"], "0.1.0");
    assert_eq!(answer["limits"]["call-ms-max"], 77, "the limits in force are the projection's own");
    assert_eq!(answer["hash"].as_str().map(str::len), Some(64));
    let text = bench.ok(&["check", file.to_str().unwrap()]);
    assert!(text.contains("Deposited(amount)"), "{text}");
    assert!(text.contains("balances(account text key, balance integer, entries integer)"), "{text}");
    assert!(text.ends_with("verdict      accepted\n"), "{text}");
}

#[test]
fn check_refuses_with_a_reason() {
    let bench = Bench::new();
    bench.write("text.wasm", "hello");
    let ran = bench.run(&["check", "text.wasm", "--json"]);
    assert_eq!(ran.code, Some(1));
    let answer: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&answer["accepted"], &answer["fault"]["kind"]), (&json!(false), &json!("incompatible")));
    let ran = bench.run(&["check", "text.wasm"]);
    assert!(ran.out.contains("refused: the file is text, not WebAssembly"), "{}", ran.out);
}

#[test]
fn project_brings_everything_to_the_head() {
    let bench = projected();
    let status = bench.json(&["status", "--json"]);
    assert_eq!((&status["head"], &status["host"]), (&json!(3), &Value::Null));
    let balances = &status["projections"][0];
    for (key, value) in [
        ("name", json!("balances")),
        ("version", json!(1)),
        ("checkpoint", json!(3)),
        ("lag", json!(0)),
        ("rows", json!(2)),
    ] {
        assert_eq!(balances[key], value, "{key}");
    }
    assert_eq!(balances["hash"].as_str().map(str::len), Some(12));
    let text = bench.ok(&["status"]);
    assert!(text.contains("balances") && text.contains("CHECKPOINT"), "{text}");

    bench.ok(&["events", "append", "--stream", "account-2", "--type", "Withdrawn", "--data", "{\"amount\": 4}"]);
    assert_eq!(status_of_balances(&bench)["lag"], 1);
    bench.ok(&["project"]);
    assert_eq!(
        bench.lines(&["query", "balances", "SELECT * FROM balances ORDER BY 1", "--json"]),
        [
            json!({"account": "account-1", "balance": 2, "entries": 2}),
            json!({"account": "account-2", "balance": 3, "entries": 2})
        ]
    );
}

#[test]
fn a_refused_plugin_is_reported_and_fails_the_command() {
    let bench = projected();
    bench.drop_in("balances.wasm", b"no plugin at all");
    let ran = bench.run(&["project"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("refused balances.wasm"), "{}", ran.err);
    assert_eq!(bench.lines(&["query", "balances", "SELECT count(*) AS n FROM balances", "--json"]), [json!({"n": 2})]);
}

#[test]
fn a_projection_that_never_served_says_why() {
    let bench = Bench::new();
    bench.write("plugins/balances.wasm", "text");
    bench.run(&["project"]);
    let text = bench.ok(&["status"]);
    assert!(text.contains("`projectionist check FILE` says why one is refused"), "{text}");

    bench.ok(&["events", "append", "--stream", "a", "--type", "Deposited", "--data", "{\"amount\": 1}"]);
    bench.ok(&["events", "append", "--stream", "a", "--type", "Deposited", "--data", "{\"amount\": \"one\"}"]);
    bench.drop_in("balances.wasm", &plugin_bytes("ledger-balances"));
    let ran = bench.run(&["project"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let (why, hint) = ("at position 2: expected an integer", "`projectionist events show --after 1 --limit 1`");
    assert!(ran.err.contains(why) && ran.err.contains(hint), "{}", ran.err);

    let text = bench.ok(&["status"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[2].starts_with("balances") && lines[2].contains("stopped"), "{text}");
    assert!(lines[3].starts_with(&format!("    refused: {why}")), "{text}");
    assert!(lines[4].starts_with("    hint: ") && lines[4].contains(hint), "{text}");

    let ran = bench.run(&["query", "balances", "SELECT 1"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("has no read model yet: its plugin was refused: at position 2"), "{}", ran.err);
    assert!(ran.err.contains(hint), "{}", ran.err);
    assert_eq!(
        bench.lines(&["events", "show", "--after", "1", "--limit", "1"])[0]["position"],
        2,
        "what the hint shows"
    );
}

#[test]
fn a_query_is_printed_as_table_json_or_csv() {
    let bench = projected();
    let sql = "SELECT account, balance, NULL AS missing FROM balances ORDER BY account";
    assert_eq!(bench.ok(&["query", "balances", sql, "--csv"]), "account,balance,missing\naccount-1,2,\naccount-2,7,\n");
    let table = bench.ok(&["query", "balances", sql]);
    assert_eq!(table.lines().count(), 3, "{table}");
    let cut = bench.run(&["query", "balances", sql, "--rows-max", "1", "--csv"]);
    assert_eq!(cut.out.lines().count(), 2);
    assert!(cut.err.contains("cut after 1 row;"), "{}", cut.err);
}

#[test]
fn a_query_that_writes_or_fails_says_so() {
    let bench = projected();
    for sql in ["DELETE FROM balances", "SELECT nothing FROM balances", "SELEKT 1"] {
        let ran = bench.run(&["query", "balances", sql]);
        assert_eq!(ran.code, Some(1), "{sql}: {ran:?}");
        assert!(ran.err.starts_with("error: balances: "), "{sql}: {}", ran.err);
    }
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let ran = bench.run(&["query", "balances", endless, "--ms-max", "50"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
}

#[test]
fn a_replay_changes_nothing_and_can_be_kept() {
    let bench = Bench::with_ledger();
    let file = plugin_wasm("ledger-balances");
    let report = bench.json(&["replay", file.to_str().unwrap(), "--until", "2", "--out", "then.sqlite", "--json"]);
    assert_eq!((&report["checkpoint"], &report["events"]), (&json!(2), &json!(2)));
    assert_eq!(report["tables"], json!({"balances": 2}));
    assert!(bench.path().join("then.sqlite").is_file());
    assert_eq!(bench.json(&["status", "--json"])["projections"], json!([]));
    assert_eq!(bench.run(&["replay", file.to_str().unwrap(), "--until", "9"]).code, Some(1), "beyond the head");
}

#[test]
fn rebuild_pause_and_resume_work_without_a_host() {
    let bench = projected();
    let answer = bench.json(&["rebuild", "balances", "--json"]);
    assert_eq!((&answer["answer"], &answer["events"]), (&json!("swapped"), &json!(3)));

    assert_eq!(bench.json(&["pause", "balances", "--json"]), json!({"answer": "paused"}));
    assert_eq!(status_of_balances(&bench)["state"], "paused");
    bench.ok(&["events", "append", "--stream", "account-1", "--type", "Deposited", "--data", "{\"amount\": 1}"]);
    bench.run(&["project"]);
    assert_eq!(status_of_balances(&bench)["checkpoint"], 3, "a pause outlasts the host");
    assert_eq!(bench.json(&["resume", "balances", "--json"]), json!({"answer": "resumed"}));
    bench.ok(&["project"]);
    assert_eq!(status_of_balances(&bench)["checkpoint"], 4);
    for command in ["rebuild", "rollback", "pause", "resume"] {
        let ran = bench.run(&[command, "none"]);
        assert_eq!(ran.code, Some(1), "{command}: {ran:?}");
        assert!(ran.err.contains("no projection `none`"), "{command}: {}", ran.err);
    }
}
