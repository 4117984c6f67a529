//! `kill -9` at many moments leaves the rows of an undisturbed run. A real process is killed, again and again.

use std::process::{Command, Stdio};
use std::time::Duration;

use projectionist::project::Project;
use projectionist::read_model::{Catalogue, Snapshot};
use projectionist::server::Host;

use crate::stage::{Stage, append, balances};

/// Kills for each test; each at another moment of a process's life.
const KILLS: u64 = 25;

/// Few events a commit, so that kills fall between commits too.
const CONFIGURATION: &str = "batch-events = 50\n[limits]\nflush-rows-max = 40\n";

fn projectionist(project: &Project, command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_projectionist"));
    program.arg("--project").arg(&project.folder).arg(command);
    program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    program
}

/// The digest of the serving rows, and the checkpoint.
fn rows(project: &Project) -> (String, u64) {
    let catalogue = Catalogue::open(&project.data).unwrap();
    let serving = catalogue.serving("balances").unwrap().expect("a generation serves");
    let snapshot = Snapshot::open(&catalogue.generation_path("balances", serving.id)).unwrap();
    (snapshot.digest().unwrap().to_string(), snapshot.checkpoint().0)
}

fn undisturbed(stage: &Stage) -> (String, u64) {
    let calm = Stage::with(CONFIGURATION);
    std::fs::copy(&stage.project.store, &calm.project.store).unwrap();
    calm.drop_plugin("ledger.wasm", &balances(1));
    Host::open(&calm.project).unwrap().project_once(&Default::default(), &mut |_| ()).unwrap();
    rows(&calm.project)
}

fn history(stage: &Stage) {
    for number in 0..1_500 {
        let kind = if number % 3 == 0 { "Withdrawn" } else { "Deposited" };
        append(&stage.store, &format!("account-{}", number * 7 % 113), kind, &format!(r#"{{"amount":{number}}}"#));
    }
    // SegmentBuilder of the log is in its one file, so that it can be copied.
    let log = rusqlite::Connection::open(&stage.project.store).unwrap();
    log.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

#[test]
fn a_rebuild_killed_at_any_moment_is_made_up_for() {
    let stage = Stage::with(CONFIGURATION);
    history(&stage);
    let expected = undisturbed(&stage);
    stage.drop_plugin("ledger.wasm", &balances(1));
    for kill in 0..KILLS {
        // Other bytes each time, so that each life builds a generation beside the one that serves.
        stage.drop_plugin("ledger.wasm", &balances(kill as u8 + 1));
        let mut life = projectionist(&stage.project, "project").spawn().unwrap();
        std::thread::sleep(Duration::from_millis(3 * kill * kill / 2 % 400));
        life.kill().unwrap();
        life.wait().unwrap();
        if Catalogue::open(&stage.project.data).unwrap().serving("balances").unwrap().is_some() {
            assert_eq!(rows(&stage.project), expected, "after kill {kill} a whole generation serves");
        }
    }
    assert!(projectionist(&stage.project, "project").status().unwrap().success());
    assert_eq!(rows(&stage.project), expected);
    let link = stage.project.data.join("read-models/balances/current.sqlite");
    assert_eq!(stage.balance(), stage.try_number("balances", "SELECT sum(balance) FROM balances"));
    assert!(link.exists());
}

#[test]
fn a_host_killed_while_it_follows_loses_nothing_and_repeats_nothing() {
    let stage = Stage::with(CONFIGURATION);
    history(&stage);
    stage.drop_plugin("ledger.wasm", &balances(1));
    assert!(projectionist(&stage.project, "project").status().unwrap().success());
    for kill in 0..KILLS {
        let mut life = projectionist(&stage.project, "serve").spawn().unwrap();
        for number in 0..(kill * 17 % 60) {
            append(&stage.store, &format!("account-{}", number % 11), "Deposited", r#"{"amount":3}"#);
        }
        std::thread::sleep(Duration::from_millis(kill * 13 % 120));
        life.kill().unwrap();
        life.wait().unwrap();
    }
    assert!(projectionist(&stage.project, "project").status().unwrap().success());
    let log = rusqlite::Connection::open(&stage.project.store).unwrap();
    log.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    assert_eq!(rows(&stage.project), undisturbed(&stage));
}
