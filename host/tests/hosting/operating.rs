//! Pause, resume, rebuild, rollback and status, beside a running host and without one.

use std::time::Duration;

use projectionist::projection::State;
use projectionist::server::{Command, CommandReply, Host, Notice, ProjectionStatus, ask, status};

use crate::stage::{Stage, balances};

fn request(stage: &Stage, request: Command) -> projectionist::event::Result<CommandReply> {
    ask(&stage.project, &request, &mut |_| ())
}

fn name() -> String {
    "balances".to_owned()
}

fn of_balances(stage: &Stage) -> ProjectionStatus {
    status(&stage.project).unwrap().projections.into_iter().find(|one| one.name == "balances").unwrap()
}

#[test]
fn a_second_host_is_refused() {
    let stage = Stage::new();
    let show = stage.show();
    let fault = Host::open(&stage.project).err().expect("the lock is taken");
    assert!(fault.message.contains("another host"), "{fault}");
    assert!(fault.hint.is_some());
    show.end();
    Host::open(&stage.project).unwrap();
}

#[test]
fn status_tells_how_a_projection_stands() {
    let stage = Stage::new();
    stage.deposit(20);
    assert!(status(&stage.project).unwrap().projections.is_empty());
    let mut show = stage.show();
    stage.drop_plugin("ledger.wasm", &balances(1));
    let report = show.swapped();
    stage.deposit(5);
    stage.wait_for_balance(25);
    let now = status(&stage.project).unwrap();
    assert_eq!((now.head.0, now.host), (25, Some(std::process::id())));
    let one = of_balances(&stage);
    assert_eq!((one.state, one.version, one.rows), (State::Live, Some(1), 10));
    assert_eq!((one.checkpoint.0, one.lag), (25, 0));
    assert_eq!(one.hash, Some(report.hash));
    show.end();
    stage.deposit(3);
    let one = of_balances(&stage);
    assert_eq!((one.state, one.lag), (State::Stopped, 3));
    assert_eq!(status(&stage.project).unwrap().host, None);
}

#[test]
fn a_paused_projection_stands_still_until_resumed_over_restarts_too() {
    let (stage, show) = Stage::serving(10);
    assert!(matches!(request(&stage, Command::Pause { name: name() }).unwrap(), CommandReply::Paused));
    stage.deposit(5);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!((stage.balance(), of_balances(&stage).state), (Some(10), State::Paused));
    show.end();

    let show = stage.show();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!((stage.balance(), of_balances(&stage).state), (Some(10), State::Paused));
    assert!(matches!(request(&stage, Command::Resume { name: name() }).unwrap(), CommandReply::Resumed));
    stage.wait_for_balance(15);
    show.end();
}

#[test]
fn a_rebuild_makes_a_new_generation_of_the_same_plugin() {
    let (stage, show) = Stage::serving(10);
    let first = show.last_swap();
    let CommandReply::Swapped(report) = request(&stage, Command::Rebuild { name: name() }).unwrap() else { panic!() };
    assert_eq!((report.hash, report.events, report.replaced), (first.hash.clone(), 10, Some(first.hash)));
    assert_eq!(of_balances(&stage).generations, 2);
    show.end();

    stage.deposit(5);
    let CommandReply::Swapped(report) = request(&stage, Command::Rebuild { name: name() }).unwrap() else { panic!() };
    assert_eq!(report.events, 15, "without a running host it is done here");
}

#[test]
fn a_rollback_serves_and_follows_the_older_generation_and_is_not_undone_by_a_restart() {
    let (stage, mut show) = Stage::serving(10);
    let first = show.last_swap();
    stage.drop_plugin("ledger.wasm", &balances(2));
    let second = show.swapped();
    stage.deposit(5);
    stage.wait_for_balance(15);

    let CommandReply::RolledBack { from, to } = request(&stage, Command::Rollback { name: name() }).unwrap() else {
        panic!()
    };
    assert_eq!((&from, &to), (&second.hash, &first.hash));
    stage.wait_for_balance(15);
    stage.deposit(5);
    stage.wait_for_balance(20);
    let fault = request(&stage, Command::Rollback { name: name() }).unwrap_err();
    assert!(fault.message.contains("no older generation"), "{fault}");
    show.end();

    let mut show = stage.show();
    stage.deposit(5);
    stage.wait_for_balance(25);
    assert_eq!(of_balances(&stage).hash, Some(first.hash.clone()));
    stage.drop_plugin("ledger.wasm", &balances(3));
    assert_eq!(show.swapped().replaced, Some(first.hash), "new bytes are built again");
}

#[test]
fn without_a_host_pause_and_rollback_hold_for_the_next_one() {
    let (stage, mut show) = Stage::serving(10);
    let first = show.last_swap();
    stage.drop_plugin("ledger.wasm", &balances(2));
    show.swapped();
    show.end();
    request(&stage, Command::Rollback { name: name() }).unwrap();
    request(&stage, Command::Pause { name: name() }).unwrap();
    assert_eq!(of_balances(&stage).hash, Some(first.hash));
    stage.deposit(5);
    let show = stage.show();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(stage.balance(), Some(10));
    request(&stage, Command::Resume { name: name() }).unwrap();
    stage.wait_for_balance(15);
    show.end();
}

#[test]
fn unknown_names_are_told_with_the_known_ones() {
    let (stage, _show) = Stage::serving(0);
    let fault = request(&stage, Command::Pause { name: "balance".into() }).unwrap_err();
    assert!(fault.hint.as_deref().is_some_and(|hint| hint.contains("balances")), "{fault:?}");
}

#[test]
fn old_generations_are_let_go() {
    let stage = Stage::with("keep-generations = 1\n");
    stage.deposit(10);
    let mut show = stage.show();
    for number in 1..=4 {
        stage.drop_plugin("ledger.wasm", &balances(number));
        show.swapped();
    }
    // After the swap was told, so that nobody waits for it.
    let started = std::time::Instant::now();
    while of_balances(&stage).generations != 2 {
        assert!(started.elapsed().as_secs() < 60, "the serving one and one more stay");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[test]
fn two_rollbacks_are_not_undone_by_a_restart() {
    let stage = Stage::new();
    stage.deposit(10);
    let mut show = stage.show();
    let mut hashes = Vec::new();
    for number in 1..=3 {
        stage.drop_plugin("ledger.wasm", &balances(number));
        hashes.push(show.swapped().hash);
    }
    request(&stage, Command::Rollback { name: name() }).unwrap();
    request(&stage, Command::Rollback { name: name() }).unwrap();
    assert_eq!(of_balances(&stage).hash.as_ref(), Some(&hashes[0]));
    show.end();
    let mut show = stage.show();
    stage.deposit(5);
    stage.wait_for_balance(15);
    assert!(!show.saw(|notice| matches!(notice, Notice::Building { .. })));
    assert_eq!(of_balances(&stage).hash.as_ref(), Some(&hashes[0]));
}

#[test]
fn a_rebuild_that_is_overtaken_is_answered() {
    let (stage, _show) = Stage::serving(10);
    for _ in 0..5 {
        let asked = std::thread::scope(|scope| {
            let asked = scope.spawn(|| request(&stage, Command::Rebuild { name: name() }));
            request(&stage, Command::Pause { name: name() }).unwrap();
            asked.join().unwrap()
        });
        if let Err(fault) = asked {
            assert!(fault.message.contains("paused"), "{fault}");
        }
        assert_eq!(of_balances(&stage).state, State::Paused);
        request(&stage, Command::Resume { name: name() }).unwrap();
        request(&stage, Command::Rebuild { name: name() }).unwrap();
    }
}

#[test]
fn a_paused_projection_neither_follows_nor_builds_until_it_is_resumed() {
    let (stage, mut show) = Stage::serving(10);
    request(&stage, Command::Pause { name: name() }).unwrap();
    let fault = request(&stage, Command::Rebuild { name: name() }).unwrap_err();
    assert!(fault.message.contains("paused") && fault.hint.is_some(), "{fault:?}");
    stage.drop_plugin("ledger.wasm", &balances(2));
    stage.deposit(5);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((stage.balance(), of_balances(&stage).state), (Some(10), State::Paused));
    request(&stage, Command::Resume { name: name() }).unwrap();
    assert_eq!(show.swapped().events, 15, "what changed meanwhile is built now");
}

#[test]
fn a_damaged_read_model_parks_its_projection_alone_and_a_rebuild_mends_it() {
    let (stage, show) = Stage::serving(10);
    show.end();
    let current = stage.project.data.join("read-models/balances/current.sqlite");
    let file = std::fs::canonicalize(current).unwrap();
    std::fs::write(&file, b"this is no database any more").unwrap();
    let _ = std::fs::remove_file(file.with_extension("sqlite-wal"));

    let mut show = stage.show();
    show.until("parking", |notice| matches!(notice, Notice::Parked { .. }).then_some(()));
    assert!(of_balances(&stage).fault.is_some());
    let CommandReply::Swapped(report) = request(&stage, Command::Rebuild { name: name() }).unwrap() else { panic!() };
    assert_eq!(report.events, 10);
    assert_eq!(stage.balance(), Some(10));
}

/// Puts this copy of the log in the place of the log.
fn restore(stage: &Stage, copy: &std::path::Path) {
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", stage.project.store.display()));
    }
    std::fs::remove_file(&stage.project.store).unwrap();
    std::fs::copy(copy, &stage.project.store).unwrap();
}

#[test]
fn a_log_that_was_restored_or_grew_again_is_not_taken_for_the_old_one() {
    let (stage, show) = Stage::serving(10);
    show.end();
    let log = rusqlite::Connection::open(&stage.project.store).unwrap();
    log.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(log);
    let copy = stage.project.folder.join("copy.sqlite");
    std::fs::copy(&stage.project.store, &copy).unwrap();
    stage.deposit(5);
    let once = || Host::open(&stage.project).unwrap().project_once(&Default::default(), &mut |_| ()).unwrap().remove(0);
    assert_eq!(once().checkpoint.0, 15);

    // The log ends before the checkpoint.
    restore(&stage, &copy);
    let outcome = once();
    assert!(outcome.fault.is_some_and(|fault| fault.message.contains("ends at position 10") && fault.hint.is_some()));
    assert!(of_balances(&stage).fault.is_some());

    // It has grown beyond the checkpoint, with other events.
    let store = projectionist::event_store::sqlite::SqliteStore::open(&stage.project.store).unwrap();
    for _ in 0..8 {
        crate::stage::append(&store, "account-new", "Deposited", r#"{"amount":100}"#);
    }
    let outcome = once();
    assert_eq!(outcome.state, State::Parked);
    assert!(outcome.fault.is_some_and(|fault| fault.message.contains("position 15 is not the one")));
    assert_eq!(stage.balance(), Some(15), "nothing was folded into the wrong rows");

    let CommandReply::Swapped(report) = request(&stage, Command::Rebuild { name: name() }).unwrap() else { panic!() };
    assert_eq!((report.events, stage.balance()), (18, Some(810)));
}

#[test]
fn a_log_that_is_replaced_under_a_running_host_is_told() {
    let (stage, mut show) = Stage::serving(10);
    let copy = stage.project.folder.join("copy.sqlite");
    std::fs::copy(&stage.project.store, &copy).unwrap();
    restore(&stage, &copy);
    show.until("trouble", |notice| match notice {
        Notice::Warning { fault } if fault.message.contains("removed or replaced") => Some(()),
        _ => None,
    });
}

#[test]
fn a_misspelt_name_in_the_configuration_is_told() {
    let stage = Stage::with("[projections.balancs.settings]\ncurrency = \"EUR\"\n");
    let mut show = stage.show();
    stage.drop_plugin("ledger.wasm", &balances(1));
    show.until("trouble", |notice| match notice {
        Notice::Warning { fault } if fault.message.contains("projections.balancs") => Some(()),
        _ => None,
    });
}

#[test]
fn a_rebuild_of_a_file_that_does_not_load_is_answered() {
    let (stage, mut show) = Stage::serving(10);
    stage.drop_plugin("ledger.wasm", b"this is no module");
    show.refused();
    for is_restarted in [false, true] {
        if is_restarted {
            show.end();
            show = stage.show();
        }
        let fault = request(&stage, Command::Rebuild { name: name() }).unwrap_err();
        assert!(fault.message.contains("WebAssembly"), "{fault}");
        stage.deposit(1);
        stage.wait_for_balance(if is_restarted { 12 } else { 11 });
    }
    show.end();
    let fault = request(&stage, Command::Rebuild { name: name() }).unwrap_err();
    assert!(fault.message.contains("WebAssembly"), "without a running host: {fault}");
}

#[test]
fn other_threads_give_commands_and_see_how_the_host_stands() {
    let stage = Stage::new();
    stage.deposit(10);
    stage.drop_plugin("ledger.wasm", &balances(1));
    let mut host = Host::open(&stage.project).unwrap();
    let (handle, stop) = (host.handle(), projectionist::server::Stop::default());
    let asked = stop.clone();
    let serving = std::thread::spawn(move || host.serve(&asked, &mut |_| ()));
    stage.wait_for_balance(10);
    let patience = Duration::from_secs(60);
    let replies = handle.send(Command::Pause { name: name() });
    assert!(matches!(replies.recv_timeout(patience).unwrap().unwrap(), CommandReply::Paused));
    let started = std::time::Instant::now();
    while handle.snapshot().projections["balances"].state != State::Paused {
        assert!(started.elapsed() < patience);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(handle.send(Command::Resume { name: "nobody".into() }).recv_timeout(patience).unwrap().is_err());
    stop.ask();
    serving.join().unwrap().unwrap();
    assert!(handle.send(Command::Resume { name: name() }).recv_timeout(patience).is_err(), "it is gone");
}
