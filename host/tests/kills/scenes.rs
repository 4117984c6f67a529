//! The **scenes**: what the program is doing when it is killed.

use crate::shim;
use crate::stage::Stage;

/// Events of a scene that is about a build.
const FEW: u64 = 900;

/// A project with so many events, nothing computed yet.
fn with_events(number: u64) -> Stage {
    let stage = Stage::new();
    stage.drop_plugin(1);
    let file = stage.events("events.jsonl", 0..number);
    shim::run(stage.path(), &["import", file.to_str().unwrap()]);
    stage
}

/// The same, built and served.
fn served() -> Stage {
    let stage = with_events(FEW);
    shim::run(stage.path(), &["project"]);
    stage
}

#[test]
fn import() {
    let stage = Stage::new();
    stage.drop_plugin(1);
    stage.events("events.jsonl", 0..FEW);
    // Relative to the project, so that each copy imports its own file, which is the same.
    let folder = stage.path().join("events.jsonl");
    let import = ["import", folder.to_str().unwrap()];
    stage.harmed(&import, &[&import, &["project"]]);
}

#[test]
fn append() {
    let stage = served();
    let append = [
        "events",
        "append",
        "--stream",
        "account-1",
        "--type",
        "Deposited",
        "--id",
        "once",
        "--data",
        r#"{"amount":5}"#,
    ];
    stage.harmed(&append, &[&append, &["project"]]);
}

#[test]
fn sealing() {
    // One segment, and some events beyond it.
    let stage = with_events(16_384 + 100);
    shim::run(stage.path(), &["history", "drop"]);
    stage.harmed(&["history", "build"], &[&["history", "build"], &["project"]]);
}

#[test]
fn the_first_build() {
    with_events(FEW).harmed(&["project"], &[&["project"]]);
}

#[test]
fn following() {
    let stage = served();
    let file = stage.events("more.jsonl", FEW..2 * FEW);
    shim::run(stage.path(), &["import", file.to_str().unwrap()]);
    stage.harmed(&["project"], &[&["project"]]);
}

#[test]
fn another_version() {
    let stage = served();
    stage.drop_plugin(2);
    stage.harmed(&["project"], &[&["project"]]);
}

#[test]
fn rollback() {
    let stage = served();
    stage.drop_plugin(2);
    shim::run(stage.path(), &["project"]);
    // Whether it was rolled back or not, both versions come to the same rows at the head.
    let file = stage.events("more.jsonl", FEW..2 * FEW);
    shim::run(stage.path(), &["import", file.to_str().unwrap()]);
    stage.harmed(&["rollback", "balances"], &[&["project"]]);
}
