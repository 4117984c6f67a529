//! `new`, `dev` and `build`: from nothing to served, from a save to served, and the file to deploy.

use std::path::{Path, PathBuf};
use std::process::Command;

use projectionist::read_model::{CompareLimits, compare};
use serde_json::json;

use crate::bench::{Bench, PATIENCE, Running, eventually};
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
    let broken = dev.wait_for("not-compiled");
    let line = text.lines().position(|line| line.contains("row.entries += 1;")).unwrap() + 1;
    let place = &broken["errors"][0]["place"];
    assert_eq!((&place["file"], &place["line"]), (&json!("src/lib.rs"), &json!(line)), "{broken}");
    let changed = text.replace("version = 1", "version = 2").replace("row.entries += 1;", "row.entries += 10;");
    std::fs::write(&source, changed).unwrap();
    let second = dev.wait_for("swapped");
    assert_eq!((&second["version"], &second["replaced"]), (&json!(2), &first["hash"]));
    let served = dev.wait_for("served");
    assert!(served["build_ms"].as_f64().unwrap() > 0.0 && served["replay_ms"].is_number(), "{served}");
    let rows = dev.wait_for("rows-changed");
    let table = &rows["tables"][0];
    assert_eq!((&table["table"], &table["changed"], &table["added"]), (&json!("balances"), &json!(2), &json!(0)));
    let first_row = json!({"key": {"account": "account-1"}, "before": {"entries": 2}, "after": {"entries": 20}});
    assert_eq!(table["first"][0], first_row);
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

#[test]
fn a_fault_says_at_which_event_and_what_that_looks_like() {
    let bench = Bench::with_ledger();
    bench.ok(&["new", "failing-balances", "--sdk", &sdk()]);
    let source = bench.path().join("failing-balances/src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    let dev = start_dev(&bench, &["dev", "failing-balances", "--json"]);
    let first = dev.wait_for("swapped");
    let fails = "if row.entries == 1 { return Err(Fault::new(\"no second entry\")); }";
    std::fs::write(&source, text.replace("row.entries += 1;", &format!("{fails}\n        row.entries += 1;"))).unwrap();
    let refused = dev.wait_for("refused");
    assert_eq!(refused["serving"], first["hash"], "{refused}");
    let event = dev.wait_for("failed-at");
    assert_eq!(
        (&event["position"], &event["stream"], &event["type"], &event["payload"]),
        (&json!(3), &json!("account-1"), &json!("Withdrawn"), &json!("{amount: integer}"))
    );
    assert!(dev.signal("INT").success());
}

#[test]
fn saves_in_bursts_end_at_the_newest_and_never_serve_a_mixture() {
    let bench = Bench::with_ledger();
    bench.ok(&["new", "burst-balances", "--sdk", &sdk()]);
    let folder = bench.path().join("burst-balances/src");
    let template = std::fs::read_to_string(folder.join("lib.rs")).unwrap();
    // Two files with one number: a plugin made of two saves counts no multiple of 1,001.
    let save = |number: u64| {
        let library = template.replace("row.entries += 1;", &format!("row.entries += step::STEP * 1000 + {number};"));
        let library = library.replace("#[cfg(test)]\nmod tests", "mod step;\n\n#[cfg(any())]\nmod tests");
        std::fs::write(folder.join("lib.rs"), library).unwrap();
        // As editors do it: written beside, and renamed.
        std::fs::write(folder.join(".step.rs.tmp"), format!("pub const STEP: u64 = {number};\n")).unwrap();
        std::fs::rename(folder.join(".step.rs.tmp"), folder.join("step.rs")).unwrap();
    };
    save(1);
    let dev = start_dev(&bench, &["dev", "burst-balances", "--json"]);
    dev.wait_for("swapped");
    let entries = || {
        let sql = "SELECT entries FROM balances WHERE account = 'account-2'";
        bench.lines(&["query", "burst-balances", sql, "--json"])[0]["entries"].as_u64().unwrap()
    };
    for number in 2..=12 {
        save(number);
        assert_eq!(entries() % 1001, 0, "a mixture serves");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    // A formatter writes right after the last save.
    let text = std::fs::read_to_string(folder.join("lib.rs")).unwrap();
    std::fs::write(folder.join("lib.rs"), text + "\n// Formatted.\n").unwrap();
    eventually("the newest content", || {
        let entries = entries();
        assert_eq!(entries % 1001, 0, "a mixture serves");
        (entries == 12 * 1001).then_some(())
    });
    // The same content again is built no second time; another one is.
    save(13);
    eventually("the content after it", || (entries() == 13 * 1001).then_some(()));
    assert!(dev.signal("INT").success());
    let left = processes_that_name(bench.path());
    assert!(left.is_empty(), "still running: {left:?}");
}

#[test]
fn a_file_that_is_older_than_the_last_build_is_noticed_when_it_is_moved_into_place() {
    let bench = Bench::with_ledger();
    bench.ok(&["new", "moved-balances", "--sdk", &sdk()]);
    let source = bench.path().join("moved-balances/src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    let other = bench.path().join("older.rs");
    std::fs::write(&other, text.replace("row.entries += 1;", "row.entries += 7;")).unwrap();
    let dev = start_dev(&bench, &["dev", "moved-balances", "--json", "--test"]);
    dev.wait_for("swapped");
    let tested = dev.wait_for("tested");
    assert_eq!((&tested["passed"], &tested["failed"]), (&json!(1), &json!(0)), "{tested}");
    std::fs::rename(&other, &source).unwrap();
    dev.wait_for("swapped");
    let tested = dev.wait_for("tested");
    assert_eq!((&tested["passed"], &tested["failed"]), (&json!(0), &json!(1)), "{tested}");
    assert!(tested["failures"][0]["name"].as_str().unwrap().contains("add_up"), "{tested}");
    assert!(dev.signal("INT").success());
}

#[test]
fn what_is_deployed_has_the_rows_of_the_quick_build() {
    let bench = Bench::with_ledger();
    let ledger = workspace().join("plugins/ledger").display().to_string();
    let dev = start_dev(&bench, &["dev", &ledger, "--json"]);
    dev.wait_for("swapped");
    assert!(dev.signal("INT").success());
    let mut command = bench.command(&["build", &ledger, "--out", "deploy.wasm", "--json"]);
    let output = command.env("CARGO_TARGET_DIR", scaffold_target()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let deployed = std::fs::read(bench.path().join("deploy.wasm")).unwrap();
    assert_eq!(made["bytes"], json!(deployed.len()));
    assert_eq!(made["hash"], json!(blake3::hash(&deployed).to_hex().as_str()));
    assert_eq!(made["check"]["accepted"], json!(true));
    let quick = std::fs::read(bench.path().join("plugins/ledger-balances.wasm")).unwrap();
    assert_ne!(quick, deployed, "they are built otherwise");
    bench.ok(&["replay", "deploy.wasm", "--out", "deployed.sqlite"]);
    bench.ok(&["replay", "plugins/ledger-balances.wasm", "--out", "quick.sqlite"]);
    let limits = CompareLimits { rows_shown: 3, time: PATIENCE };
    let compared = compare(&bench.path().join("quick.sqlite"), &bench.path().join("deployed.sqlite"), limits).unwrap();
    assert!(compared.is_empty() && compared.tables[0].same == 2 && compared.tables[0].is_complete, "{compared:?}");
}

#[test]
fn build_says_what_does_not_compile() {
    let bench = Bench::new();
    bench.ok(&["new", "broken-balances", "--sdk", &sdk()]);
    bench.write("broken-balances/src/lib.rs", "fn broken( {}\n");
    let mut command = bench.command(&["build", "broken-balances"]);
    let output = command.env("CARGO_TARGET_DIR", scaffold_target()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("src/lib.rs:1:") && said.contains("does not compile"), "{said}");
    assert!(!bench.path().join("broken-balances.wasm").exists());
}

fn start_dev(bench: &Bench, arguments: &[&str]) -> Running {
    let mut command = bench.command(arguments);
    command.env("CARGO_TARGET_DIR", scaffold_target());
    Running::start(command)
}

/// The command lines of the processes that name a folder, as compilers do.
fn processes_that_name(folder: &Path) -> Vec<String> {
    let folder = folder.canonicalize().unwrap().display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&folder) {
            found.push(line);
        }
    }
    found
}
