//! `init`, finding a project, mistakes in its configuration.

use crate::bench::Bench;

#[test]
fn init_makes_a_documented_project_and_never_touches_one() {
    let bench = Bench::bare();
    let made = bench.json(&["init", "shop", "--json"]);
    let config = std::fs::read_to_string(made["config"].as_str().unwrap()).unwrap();
    assert_eq!(config, projectionist::project::DEFAULT_CONFIG);
    assert!(bench.path().join("shop/plugins").is_dir());
    bench.write("shop/projectionist.toml", "# mine\n");
    assert_eq!(bench.run(&["init", "shop"]).code, Some(1));
    assert_eq!(std::fs::read_to_string(bench.path().join("shop/projectionist.toml")).unwrap(), "# mine\n");
}

#[test]
fn a_project_is_found_upward_or_by_name() {
    let bench = Bench::new();
    let below = bench.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    let from_below = bench.command(&["status", "--json"]).current_dir(&below).output().unwrap();
    assert!(from_below.status.success());

    let elsewhere = Bench::bare();
    assert_eq!(elsewhere.run(&["status"]).code, Some(1));
    elsewhere.ok(&["status", "--project", bench.path().to_str().unwrap()]);
    // A folder that is named is taken as it is: nothing above it counts.
    assert_eq!(elsewhere.run(&["status", "--project", below.to_str().unwrap()]).code, Some(1));
}

#[test]
fn a_mistake_in_the_configuration_is_shown_with_its_place() {
    let bench = Bench::new();
    bench.write("projectionist.toml", "[limits]\nmemory-mib-maximum = 3\n");
    let ran = bench.run(&["status"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("projectionist.toml:2:1: unknown key `memory-mib-maximum`"), "{}", ran.err);
    assert!(ran.err.contains("hint: did you mean `memory-mib-max`?"), "{}", ran.err);
}

#[test]
fn a_missing_event_store_is_told_and_never_made_up_for() {
    let bench = Bench::with_ledger();
    bench.ok(&["project"]);
    std::fs::rename(bench.path().join("data/events.sqlite"), bench.path().join("elsewhere.sqlite")).unwrap();
    let plugin = crate::support::plugin_wasm("ledger-balances");
    let commands: [&[&str]; 9] = [
        &["status"],
        &["query", "balances", "SELECT 1"],
        &["replay", plugin.to_str().unwrap()],
        &["serve"],
        &["project"],
        &["events", "show"],
        &["history", "status"],
        &["import", "ledger.jsonl"],
        &["events", "append", "--stream", "a", "--type", "Deposited", "--data", "{}"],
    ];
    for command in commands {
        let ran = bench.run(command);
        assert_eq!(ran.code, Some(1), "{command:?}: {ran:?}");
        assert!(ran.err.contains("there is no event store at") && ran.err.contains("put it back"), "{ran:?}");
        assert!(!bench.path().join("data/events.sqlite").exists(), "{command:?} made an empty one");
    }
    std::fs::rename(bench.path().join("elsewhere.sqlite"), bench.path().join("data/events.sqlite")).unwrap();
    assert_eq!(bench.json(&["status", "--json"])["head"], 3);
}

#[test]
fn only_a_project_that_never_had_events_gets_its_store_by_the_first_append() {
    let bench = Bench::bare();
    bench.write("projectionist.toml", "");
    let ran = bench.run(&["status"]);
    assert!(ran.code == Some(1) && ran.err.contains("`projectionist import FILE`"), "{ran:?}");
    assert!(!bench.path().join("data").exists(), "asking makes nothing");
    bench.ok(&["events", "append", "--stream", "a", "--type", "Deposited", "--data", "{}"]);
    assert_eq!(bench.json(&["status", "--json"])["head"], 1);
}
