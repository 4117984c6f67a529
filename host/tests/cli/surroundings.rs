//! Where the program runs: with little address space, and as a user who may only read.

use std::path::Path;
use std::process::{Command, Output};

use crate::bench::Bench;
use crate::support::plugin_wasm;

#[test]
fn with_little_address_space_a_plugin_still_runs() {
    let bench = Bench::with_ledger();
    let plugin = plugin_wasm("ledger-balances");
    let program = env!("CARGO_BIN_EXE_projectionist");
    let limited = format!("ulimit -v 3000000; exec '{program}' replay '{}' --json", plugin.display());
    let output = Command::new("bash").args(["-c", &limited]).current_dir(bench.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["projection"].as_str(), report["events"].as_u64()), (Some("balances"), Some(3)));
}

#[test]
fn a_user_who_may_only_read_can_ask() {
    let bench = Bench::with_ledger();
    bench.drop_in("balances.wasm", &std::fs::read(plugin_wasm("ledger-balances")).unwrap());
    bench.ok(&["project"]);
    let program = bench.path().join("program");
    std::fs::copy(env!("CARGO_BIN_EXE_projectionist"), &program).unwrap();
    let is_superuser = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    change_mode("a+rX", bench.path());
    if !is_superuser {
        change_mode("a-w", bench.path());
    }
    let commands: [&[&str]; 5] = [
        &["status"],
        &["query", "balances", "SELECT count(*) AS accounts FROM balances"],
        &["events", "show"],
        &["replay", "plugins/balances.wasm"],
        &["history", "status"],
    ];
    let files = || walk(bench.path());
    let before = files();
    let outputs: Vec<Output> =
        commands.iter().map(|command| as_reader(is_superuser, &program, command, bench.path())).collect();
    change_mode("u+w", bench.path());
    for (command, output) in commands.iter().zip(outputs) {
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(files(), before, "asking leaves nothing behind");
}

/// Runs as nobody when this is the superuser, whom no permission stops.
fn as_reader(is_superuser: bool, program: &Path, arguments: &[&str], folder: &Path) -> Output {
    let mut command = match is_superuser {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
            command
        }
        false => Command::new(program),
    };
    command.args(arguments).current_dir(folder).output().unwrap()
}

fn change_mode(mode: &str, path: &Path) {
    assert!(Command::new("chmod").args(["-R", mode]).arg(path).status().unwrap().success());
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}
