//! `new` and `dev`: from nothing to served, from a save to served.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::bench::{Bench, Running, eventually};
use crate::support::workspace;

/// Where the scaffolds are built: kept from run to run, so that only the first compiles the SDK. Each test gives its
/// crate another name, since what is built lands side by side.
fn scaffold_target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
    target.join("scaffold")
}

/// The dependency's place is part of what cargo builds, so it is the same in each run.
fn sdk() -> String {
    workspace().join("plugins/sdk").display().to_string()
}

#[test]
fn a_new_plugin_passes_its_test() {
    let bench = Bench::new();
    let made = bench.json(&["new", "my-balances", "--json"]);
    let manifest = PathBuf::from(made["folder"].as_str().unwrap()).join("Cargo.toml");
    // The SDK that the program carries, as written out: it must be whole.
    let tested = Command::new("cargo")
        .args(["test", "--quiet", "--manifest-path"])
        .arg(manifest)
        .env("CARGO_TARGET_DIR", scaffold_target())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&tested.stdout);
    assert!(tested.status.success(), "{said}\n{}", String::from_utf8_lossy(&tested.stderr));
    assert!(said.contains("1 passed"), "{said}");

    let again = bench.run(&["new", "my-balances"]);
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("is there already"), "{}", again.err);
}

#[test]
fn a_save_is_served() {
    let bench = Bench::with_ledger();
    bench.ok(&["new", "saved-balances", "--sdk", &sdk()]);
    let mut command = bench.command(&["dev", "saved-balances", "--json"]);
    command.env("CARGO_TARGET_DIR", scaffold_target());
    let dev = Running::start(command);
    let first = dev.wait_for("swapped");
    assert_eq!(
        (&first["projection"], &first["version"], &first["rows"]),
        (&json!("saved-balances"), &json!(1), &json!(2))
    );

    let source = bench.path().join("saved-balances/src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    // What does not compile changes nothing, and the next save is another try.
    std::fs::write(&source, text.replace("row.entries += 1;", "row.entries += ;")).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let changed = text.replace("version = 1", "version = 2").replace("row.entries += 1;", "row.entries += 10;");
    std::fs::write(&source, changed).unwrap();
    let second = dev.wait_for("swapped");
    assert_eq!((&second["version"], &second["replaced"]), (&json!(2), &first["hash"]));
    let sql = "SELECT entries FROM balances ORDER BY account";
    let entries = bench.lines(&["query", "saved-balances", sql, "--json"]);
    assert_eq!(entries, [json!({"entries": 20}), json!({"entries": 10})]);
    assert!(dev.signal("INT").success(), "ctrl-c stops it cleanly");
}

#[test]
fn dev_beside_a_host_leaves_the_serving_to_it() {
    let bench = Bench::with_ledger();
    bench.ok(&["new", "beside-balances", "--sdk", &sdk()]);
    let host = bench.start(&["serve", "--json"]);
    host.wait_for("serving");
    let mut command = bench.command(&["dev", "beside-balances", "--json"]);
    command.env("CARGO_TARGET_DIR", scaffold_target());
    let dev = Running::start(command);
    host.wait_for("swapped");
    eventually("the read model", || {
        (bench.run(&["query", "beside-balances", "SELECT 1"]).code == Some(0)).then_some(())
    });
    assert!(dev.signal("INT").success());
}

#[test]
fn dev_says_what_is_missing() {
    let bench = Bench::new();
    let ran = bench.run(&["dev", "nowhere"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("nowhere has no Cargo.toml"), "{}", ran.err);
    std::fs::create_dir_all(bench.path().join("plain/src")).unwrap();
    bench.write("plain/Cargo.toml", "[package]\nname = \"plain\"\nedition = \"2024\"\n[workspace]\n");
    bench.write("plain/src/lib.rs", "");
    let ran = bench.run(&["dev", "plain"]);
    assert!(ran.err.contains("makes no cdylib") && ran.err.contains("crate-type"), "{}", ran.err);
}
