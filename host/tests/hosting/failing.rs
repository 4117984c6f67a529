//! Faults park a projection right before the event that caused them, and a candidate that fails never serves.

use projectionist::event::{Fault, FaultKind, Position};
use projectionist::projection::State;
use projectionist::server::{Command, Notice, ask, status};

use crate::stage::{Show, Stage, append, balances, variant};
use crate::support::plugin_bytes;

fn parked(show: &mut Show) -> (Position, Fault) {
    show.until("parking", |notice| match notice {
        Notice::Parked { checkpoint, fault, .. } => Some((*checkpoint, fault.clone())),
        _ => None,
    })
}

/// A host whose misbehaving plugin serves, with some good events before.
fn misbehaving(configuration: &str) -> (Stage, Show) {
    let stage = Stage::with(configuration);
    (0..5).for_each(|_| stage.steer("ok"));
    let mut show = stage.show();
    stage.drop_plugin("misbehaving.wasm", &plugin_bytes("misbehaving"));
    show.swapped();
    (stage, show)
}

#[test]
fn a_malformed_event_parks_the_projection_right_before_it() {
    let (stage, mut show) = Stage::serving(10);
    stage.deposit(3);
    append(&stage.store, "account-1", "Deposited", r#"{"amount":"12,50"}"#);
    stage.deposit(3);
    let (checkpoint, fault) = parked(&mut show);
    assert_eq!((checkpoint, fault.position), (Position(13), Some(Position(14))));
    assert_eq!((fault.kind, fault.field.as_deref()), (FaultKind::Event, Some("amount")));
    assert_eq!(stage.balance(), Some(13));
    show.end();
    let one = status(&stage.project).unwrap().projections.remove(0);
    assert_eq!((one.state, one.lag), (State::Parked, 4), "it stays parked for the next to see");
    assert!(one.fault.is_some());
}

#[test]
fn a_fault_of_quick_code_is_not_final() {
    // A new plugin starts with quick code, which has not the stack for this event; live, and while it is built.
    let (stage, mut show) = misbehaving("");
    stage.steer("deep");
    let rows = || stage.try_number("misbehaving", "SELECT count(*) FROM steps");
    let started = std::time::Instant::now();
    while rows() != Some(6) {
        assert!(started.elapsed().as_secs() < 60 && !show.saw(|notice| matches!(notice, Notice::Parked { .. })));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    stage.drop_plugin("misbehaving.wasm", &variant("misbehaving", 1));
    assert_eq!(show.swapped().events, 6);
}

#[test]
fn a_trap_is_narrowed_to_its_event_and_carries_a_backtrace() {
    let (stage, mut show) = misbehaving("");
    let (events, trap) = (20, 12);
    // In one go, so that the trap lies in the middle of a batch.
    let batch = (0..events)
        .map(|number| projectionist::event::NewEvent {
            kind: "Steered".into(),
            data: format!(r#"{{"do":"{}"}}"#, if number == trap { "trap" } else { "ok" }),
            metadata: None,
            id: None,
            time: None,
        })
        .collect::<Vec<_>>();
    stage.store.append("steering", projectionist::event::ExpectedVersion::Any, &batch).unwrap();
    let (checkpoint, fault) = parked(&mut show);
    assert_eq!(fault.kind, FaultKind::Trap);
    assert_eq!((checkpoint, fault.position), (Position(5 + trap), Some(Position(5 + trap + 1))));
    assert!(fault.backtrace.iter().any(|frame| frame.contains("trap")), "{:?}", fault.backtrace);
    assert_eq!(fault.projection.as_deref(), Some("misbehaving"));
}

#[test]
fn an_endless_loop_is_stopped_and_the_host_goes_on() {
    let (stage, mut show) = misbehaving("[limits]\ncall-ms-max = 200\n");
    stage.drop_plugin("ledger.wasm", &balances(1));
    show.swapped();
    stage.steer("spin");
    let (checkpoint, fault) = parked(&mut show);
    assert_eq!((checkpoint, fault.kind), (Position(5), FaultKind::Deadline));
    assert_eq!(fault.position, Some(Position(6)));
    stage.deposit(10);
    stage.wait_for_balance(10);
}

#[test]
fn a_candidate_that_traps_leaves_the_old_generation_serving() {
    let (stage, mut show) = misbehaving("");
    stage.steer("trap");
    parked(&mut show);
    let fault = ask(&stage.project, &Command::Rebuild { name: "misbehaving".into() }, &mut |_| ()).unwrap_err();
    assert_eq!((fault.kind, fault.position), (FaultKind::Trap, Some(Position(6))));
    let one = status(&stage.project).unwrap().projections.remove(0);
    assert_eq!((one.state, one.checkpoint.0, one.generations), (State::Parked, 5, 1));
    assert!(one.refused.is_some() && one.building.is_none());
}

#[test]
fn a_new_projection_that_fails_serves_nothing() {
    let stage = Stage::new();
    stage.steer("ok");
    stage.steer("trap");
    let mut show = stage.show();
    stage.drop_plugin("misbehaving.wasm", &plugin_bytes("misbehaving"));
    let fault = show.refused();
    assert_eq!(fault.position, Some(Position(2)));
    assert_eq!(stage.try_number("misbehaving", "SELECT 1"), None);
    let left = std::fs::read_dir(stage.project.data.join("read-models/misbehaving"));
    let left = left.map(|files| files.count()).unwrap_or(0);
    assert!(left <= 3, "the unfinished generation goes once its worker is gone");
}

#[test]
fn changes_that_the_read_model_refuses_are_narrowed_too() {
    let (stage, mut show) = misbehaving("");
    stage.steer("ok");
    stage.steer("duplicate-keys");
    let (checkpoint, fault) = parked(&mut show);
    assert_eq!((checkpoint, fault.kind), (Position(6), FaultKind::Changes));
    assert_eq!(fault.position, Some(Position(7)));
}

#[test]
fn a_plugin_that_needs_more_memory_than_it_may_have_is_refused_with_the_limit() {
    let stage = Stage::with("[projections.balances.limits]\nmemory-mib-max = 1\n");
    stage.deposit(10);
    let mut show = stage.show();
    stage.drop_plugin("ledger.wasm", &balances(1));
    let fault = show.refused();
    assert_eq!(fault.kind, FaultKind::Memory, "{fault}");
    assert!(fault.hint.as_deref().is_some_and(|hint| hint.contains("memory-mib-max")), "{fault:?}");
}

#[test]
fn a_sum_that_overflows_parks_instead_of_wrapping() {
    let (stage, mut show) = Stage::serving(0);
    append(&stage.store, "account-1", "Deposited", &format!(r#"{{"amount":{}}}"#, i64::MAX));
    append(&stage.store, "account-1", "Deposited", r#"{"amount":5}"#);
    let (checkpoint, fault) = parked(&mut show);
    assert_eq!((checkpoint, fault.position, fault.kind), (Position(1), Some(Position(2)), FaultKind::Trap));
    assert!(fault.message.contains("overflow"), "{fault}");
    assert_eq!(stage.balance(), Some(i64::MAX));
}

/// Damages the one kept plugin without changing its length, and what was compiled of it is gone.
fn damage_the_kept_plugin(stage: &Stage) -> std::path::PathBuf {
    let kept = std::fs::read_dir(stage.project.data.join("plugins")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&kept).unwrap();
    bytes[100..400].iter_mut().for_each(|byte| *byte ^= 0x55);
    std::fs::write(&kept, bytes).unwrap();
    std::fs::remove_dir_all(stage.project.data.join("compiled")).unwrap();
    kept
}

#[test]
fn a_damaged_kept_plugin_is_made_up_for_from_the_plugin_folder() {
    let (stage, show) = Stage::serving(10);
    show.end();
    let kept = damage_the_kept_plugin(&stage);
    stage.deposit(5);
    let mut show = stage.show();
    stage.wait_for_balance(15);
    assert!(!show.saw(|notice| matches!(notice, Notice::Parked { .. } | Notice::Building { .. })));
    assert_eq!(std::fs::read(kept).unwrap(), balances(1), "the good bytes are kept again");
}

#[test]
fn a_damaged_kept_plugin_parks_when_its_file_is_another_and_dropping_it_in_again_helps() {
    let (stage, mut show) = Stage::serving(10);
    stage.drop_plugin("ledger.wasm", &variant("misbehaving", 1));
    show.until("the other", |notice| {
        matches!(notice, Notice::Swapped(report) if report.projection == "misbehaving").then_some(())
    });
    stage.drop_plugin("ledger.wasm", b"no plugin at all");
    show.until("a refusal", |notice| matches!(notice, Notice::Refused { .. }).then_some(()));
    show.end();
    // The file that has the projection's name does not load, and the kept bytes are damaged.
    for kept in std::fs::read_dir(stage.project.data.join("plugins")).unwrap() {
        std::fs::write(kept.unwrap().path(), b"damaged").unwrap();
    }
    let mut show = stage.show();
    let (_, fault) = parked(&mut show);
    assert!(fault.message.contains("damaged"), "{fault}");
    assert!(fault.hint.as_deref().is_some_and(|hint| hint.contains("drop the same plugin file in again")), "{fault:?}");
    stage.drop_plugin("ledger.wasm", &variant("misbehaving", 1));
    show.until("its return", |notice| {
        matches!(notice, Notice::Resumed { projection, .. } if projection == "misbehaving").then_some(())
    });
}

#[test]
fn a_panic_is_told_once_however_often_it_was_tried() {
    let (stage, mut show) = misbehaving("");
    let batch = (0..20).map(|number| projectionist::event::NewEvent {
        kind: "Steered".into(),
        data: format!(r#"{{"do":"{}"}}"#, if number == 12 { "panic" } else { "ok" }),
        metadata: None,
        id: None,
        time: None,
    });
    stage.store.append("steering", projectionist::event::ExpectedVersion::Any, &batch.collect::<Vec<_>>()).unwrap();
    let (_, fault) = parked(&mut show);
    assert!(fault.message.contains("panicked at"), "{fault}");
    assert!(!show.saw(|notice| matches!(notice, Notice::Logged { message, .. } if message.contains("panicked at"))));
}

#[test]
fn a_number_that_is_none_is_found_at_its_event_while_a_read_model_is_built() {
    let stage = Stage::new();
    ["ok", "ok", "not-a-number"].iter().for_each(|what| stage.steer(what));
    let mut show = stage.show();
    stage.drop_plugin("misbehaving.wasm", &plugin_bytes("misbehaving"));
    let fault = show.refused();
    assert_eq!((fault.kind, fault.position), (FaultKind::Changes, Some(Position(3))), "{fault}");
}
