//! A project whose event store is missing, and users who may only read.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::bench::{Bench, Ran};

#[test]
fn only_init_and_the_first_import_or_append_make_a_store() {
    let bench = Bench::new();
    assert!(bench.path().join("data/events.sqlite").is_file(), "init makes it");
    for first in [&["import", "some.jsonl"][..], &["events", "append", "--stream", "s", "--type", "T", "--data", "1"]] {
        let bench = Bench::bare();
        bench.write("projectionist.toml", "");
        bench.write("some.jsonl", "{\"stream\":\"s\",\"type\":\"T\",\"data\":1}\n");
        for command in [&["events", "show"][..], &["status"], &["history", "status"], &["project"], &["serve"]] {
            let ran = bench.run(command);
            assert_eq!(ran.code, Some(1), "{command:?}: {ran:?}");
            assert!(ran.err.contains("there is no event store at "), "{command:?}: {}", ran.err);
            assert!(ran.err.contains("`projectionist import FILE`"), "{command:?}: {}", ran.err);
        }
        bench.ok(first);
        assert_eq!(bench.lines(&["events", "show"]).len(), 1);
    }
}

#[test]
fn a_store_that_went_missing_is_never_made_anew() {
    let bench = Bench::with_ledger();
    bench.ok(&["project"]);
    let store = bench.path().join("data/events.sqlite");
    fs::rename(&store, bench.path().join("elsewhere")).unwrap();
    for command in [
        &["events", "show"][..],
        &["events", "append", "--stream", "s", "--type", "T", "--data", "1"],
        &["import", "ledger.jsonl"],
        &["status"],
        &["history", "status"],
        &["project"],
        &["serve"],
        &["replay", "none.wasm"],
    ] {
        let ran = bench.run(command);
        assert_eq!(ran.code, Some(1), "{command:?}: {ran:?}");
        assert!(!store.exists(), "{command:?}");
        if command[0] != "replay" {
            assert!(ran.err.contains("there is no event store at "), "{command:?}: {}", ran.err);
            assert!(ran.err.contains("put it back from a backup"), "{command:?}: {}", ran.err);
        }
    }
    // What the hints say works: put back, or begun anew.
    fs::rename(bench.path().join("elsewhere"), &store).unwrap();
    assert_eq!(bench.lines(&["events", "show"]).len(), 3);
    fs::remove_dir_all(bench.path().join("data")).unwrap();
    bench.ok(&["import", "ledger.jsonl"]);
    assert_eq!(bench.lines(&["events", "show"]).len(), 3);
}

/// Runs a command as somebody who may read everything of the project and write nothing.
fn as_reader(bench: &Bench, arguments: &[&str]) -> Ran {
    use std::os::unix::process::CommandExt;
    let program = bench.path().join("projectionist");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_projectionist"), &program).unwrap();
    }
    let modes = |read_only: bool| set_modes(bench.path(), read_only);
    modes(true);
    let mut command = std::process::Command::new(&program);
    command.args(arguments).current_dir(bench.path()).env_remove("PROJECTIONIST_LOG");
    // Root may write everywhere, whatever the modes are.
    if fs::metadata(bench.path()).unwrap().uid() == 0 {
        command.uid(65_534).gid(65_534);
    }
    let output = command.output().unwrap();
    modes(false);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn set_modes(folder: &Path, read_only: bool) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            set_modes(&path, read_only);
        } else if about.is_file() {
            let execute = if path.ends_with("projectionist") { 0o111 } else { 0 };
            let mode = execute | if read_only { 0o444 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(if read_only { 0o555 } else { 0o755 })).unwrap();
}

#[test]
fn who_may_only_read_can_ask_for_events() {
    let bench = Bench::with_ledger();
    let shown = bench.ok(&["events", "show"]);
    for _ in 0..2 {
        let ran = as_reader(&bench, &["events", "show"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), shown.as_str()), "{}", ran.err);
    }
    let ran = as_reader(&bench, &["events", "append", "--stream", "s", "--type", "T", "--data", "1"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("hint: "), "{}", ran.err);
    assert_eq!(bench.ok(&["events", "show"]), shown);
}

#[test]
fn who_may_only_read_can_ask_beside_somebody_who_writes() {
    let bench = Bench::with_ledger();
    // Whoever has the store open keeps files beside it.
    let store = projectionist::event_store::sqlite::SqliteStore::open(bench.path().join("data/events.sqlite")).unwrap();
    let new =
        projectionist::event::NewEvent { kind: "T".into(), data: "1".into(), metadata: None, id: None, time: None };
    store.append("s", projectionist::event::ExpectedVersion::Any, &[new]).unwrap();
    let ran = as_reader(&bench, &["events", "show"]);
    assert_eq!((ran.code, ran.out.lines().count()), (Some(0), 4), "{ran:?}");
    drop(store);
}
