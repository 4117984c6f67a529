//! Exit codes, stdout and stderr, broken pipes, help.

use std::process::Stdio;

use crate::bench::Bench;
use crate::support::plugin_bytes;

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
    let long = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 9000) SELECT x, hex(zeroblob(200)) FROM c";
    bench.drop_in("balances.wasm", &plugin_bytes("ledger-balances"));
    bench.ok(&["project"]);
    let query = ["query", "balances", long];
    for command in [
        &["events", "show"][..],
        &["events", "show", "--json"],
        &query,
        &[&query[..], &["--json"]].concat(),
        &[&query[..], &["--csv"]].concat(),
        &["status"],
        &["status", "--json"],
        &["history", "status"],
        &["project"],
        &["project", "--json"],
        &["import", "many.jsonl", "--json"],
        &["check", "plugins/balances.wasm"],
        &["replay", "plugins/balances.wasm"],
        &["replay", "plugins/balances.wasm", "--json"],
    ] {
        let mut child = bench.command(command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{command:?}: {said}");
        assert!(!said.contains("error") && !said.to_lowercase().contains("pipe"), "{command:?}: {said}");
    }
}

#[test]
fn one_thing_is_not_many() {
    let bench = Bench::new();
    bench.write("one.jsonl", "{\"stream\":\"a\",\"type\":\"Deposited\",\"data\":{\"amount\":5}}\n");
    let added = bench.ok(&["import", "one.jsonl"]);
    assert!(added.starts_with("1 event added ("), "{added}");
    let again = bench.ok(&["import", "one.jsonl"]);
    assert!(again.starts_with("0 events added, 1 was there already ("), "{again}");
    bench.drop_in("balances.wasm", &plugin_bytes("ledger-balances"));
    let swapped = bench.run(&["project"]).err;
    assert!(swapped.contains(": 1 event, 1 row, served in "), "{swapped}");
    let asked = bench.run(&["query", "balances", "SELECT * FROM balances"]).err;
    assert!(asked.starts_with("1 row in "), "{asked}");
    let replayed = bench.ok(&["replay", "plugins/balances.wasm"]);
    assert!(replayed.contains("balances: 1 row\n1 event in "), "{replayed}");
}

#[test]
fn nothing_is_coloured_away_from_a_terminal() {
    let ran = Bench::bare().run(&["status"]);
    assert!(ran.err.contains("hint: `projectionist init`"), "{}", ran.err);
    assert!(!ran.err.contains('\u{1b}'), "{:?}", ran.err);
}
