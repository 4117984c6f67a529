//! `serve`, and the commands beside it.

use serde_json::{Value, json};

use crate::bench::{Bench, eventually};
use crate::support::plugin_bytes;

#[test]
fn a_served_project_swaps_follows_and_answers() {
    let bench = Bench::with_ledger();
    let host = bench.start(&["serve", "--json"]);
    assert_eq!(host.wait_for("serving")["head"], 3);
    assert_eq!(bench.json(&["status", "--json"])["host"], host.process());

    bench.drop_in("balances.wasm", &plugin_bytes("ledger-balances"));
    let swapped = host.wait_for("swapped");
    for (key, value) in
        [("projection", json!("balances")), ("version", json!(1)), ("events", json!(3)), ("rows", json!(2))]
    {
        assert_eq!(swapped[key], value, "{key}");
    }
    assert!(swapped["served_ms"].as_f64().unwrap() > 0.0);

    // Another process appends; the live projection follows.
    bench.ok(&["events", "append", "--stream", "account-1", "--type", "Deposited", "--data", "{\"amount\": 40}"]);
    let sql = "SELECT balance FROM balances WHERE account = 'account-1'";
    let balance = || bench.lines(&["query", "balances", sql, "--json"])[0]["balance"].clone();
    eventually("the appended event in the read model", || (balance() == 42).then_some(()));

    let second = bench.run(&["serve"]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.err.contains(&host.process().to_string()), "it names the host that runs: {}", second.err);

    let state = || bench.json(&["status", "--json"])["projections"][0]["state"].clone();
    assert_eq!(bench.json(&["pause", "balances", "--json"])["answer"], "paused");
    eventually("the pause in the status", || (state() == "paused").then_some(()));
    assert_eq!(bench.json(&["resume", "balances", "--json"])["answer"], "resumed");
    eventually("live again", || (state() == "live").then_some(()));

    let rebuilt: Value = bench.json(&["rebuild", "balances", "--json"]);
    assert_eq!((&rebuilt["answer"], &rebuilt["events"]), (&json!("swapped"), &json!(4)));
    assert_eq!(bench.json(&["rollback", "balances", "--json"])["answer"], "rolled-back");
    assert_eq!(balance(), 42);

    assert!(host.signal("TERM").success(), "a signal stops it cleanly");
    assert_eq!(bench.json(&["status", "--json"])["host"], Value::Null);
}

#[test]
fn ctrl_c_stops_a_host_cleanly() {
    let bench = Bench::new();
    let host = bench.start(&["serve", "--json"]);
    host.wait_for("serving");
    assert!(host.signal("INT").success());
}

#[test]
fn a_bad_plugin_is_refused_while_the_old_one_serves() {
    let bench = Bench::with_ledger();
    let host = bench.start(&["serve", "--json"]);
    bench.drop_in("balances.wasm", &plugin_bytes("ledger-balances"));
    let hash = host.wait_for("swapped")["hash"].clone();
    bench.drop_in("balances.wasm", b"text");
    let refused = host.wait_for("refused");
    assert_eq!((&refused["file"], &refused["serving"]), (&json!("balances.wasm"), &hash));
    assert_eq!(refused["fault"]["kind"], "incompatible");
    assert_eq!(bench.lines(&["query", "balances", "SELECT count(*) AS n FROM balances", "--json"]), [json!({"n": 2})]);
}
