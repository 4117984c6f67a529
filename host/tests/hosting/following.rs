//! New events reach the rows, from this process and others, over restarts.

use projectionist::event_store::sqlite::SqliteStore;
use projectionist::server::Notice;

use crate::stage::{Stage, append, balances};

#[test]
fn new_events_reach_the_rows() {
    let stage = Stage::new();
    let mut show = stage.show();
    stage.drop_plugin("ledger.wasm", &balances(1));
    assert_eq!(show.swapped().events, 0);
    for total in 1..=50 {
        stage.deposit(1);
        stage.wait_for_balance(total);
    }
}

#[test]
fn another_connection_appends_and_the_rows_follow() {
    let (stage, _show) = Stage::serving(0);
    let other = SqliteStore::open(&stage.project.store).unwrap();
    for total in 1..=20 {
        append(&other, "account-1", "Deposited", r#"{"amount":1}"#);
        stage.wait_for_balance(total);
    }
}

#[test]
fn a_restart_goes_on_from_the_checkpoint() {
    let (stage, show) = Stage::serving(50);
    show.end();

    stage.deposit(7);
    let mut show = stage.show();
    stage.wait_for_balance(57);
    assert!(!show.saw(|notice| matches!(notice, Notice::Building { .. } | Notice::Swapped(_))));
    show.end();

    stage.drop_plugin("ledger.wasm", &balances(2));
    let mut show = stage.show();
    assert_eq!(show.swapped().events, 57, "a file that changed while no host ran is built");
}

#[test]
fn events_of_other_types_move_the_checkpoint_and_nothing_else() {
    let stage = Stage::new();
    stage.deposit(5);
    append(&stage.store, "weather", "ItRained", "{}");
    let mut show = stage.show();
    stage.drop_plugin("ledger.wasm", &balances(1));
    let report = show.swapped();
    assert_eq!((report.events, report.checkpoint.0), (5, 6));
}

#[test]
fn changed_settings_are_another_generation() {
    let (stage, show) = Stage::serving(5);
    show.end();
    let configuration = stage.project.folder.join("projectionist.toml");
    std::fs::write(configuration, "[projections.balances.settings]\ncurrency = \"EUR\"\n").unwrap();
    let project = projectionist::project::Project::open(&stage.project.folder).unwrap();
    let mut host = projectionist::server::Host::open(&project).unwrap();
    let outcomes = host.project_once(&Default::default(), &mut |_| ()).unwrap();
    assert_eq!(outcomes[0].swapped.as_ref().expect("a rebuild").events, 5);
}
