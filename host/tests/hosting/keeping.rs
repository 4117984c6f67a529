//! A running host keeps history up, and does without it when it cannot.

use std::io::Cursor;
use std::time::{Duration, Instant};

use projectionist::event::Position;
use projectionist::history::{History, SIZES};
use projectionist::import::{Input, Options, import};
use projectionist::server::Notice;

use crate::stage::{Stage, balances};

/// Appends deposits of 1, quickly.
fn deposit(stage: &Stage, count: u64) {
    let line =
        |n: u64| format!("{{\"stream\":\"account-{}\",\"type\":\"Deposited\",\"data\":{{\"amount\":1}}}}\n", n % 10);
    let text: String = (0..count).map(line).collect();
    let input = Input::new("deposits", Cursor::new(text.into_bytes())).unwrap();
    import(&stage.store, input, Options { again: true, ..Options::default() }).unwrap();
}

fn wait_until_sealed(stage: &Stage, through: u64) -> History {
    let history = History::open(&stage.project.history.folder, &stage.store).unwrap();
    let started = Instant::now();
    while history.through() < Position(through) {
        assert!(started.elapsed() < Duration::from_secs(60), "sealed up to {}", history.through());
        std::thread::sleep(Duration::from_millis(10));
        history.segments().unwrap();
    }
    history
}

#[test]
fn history_grows_with_the_log() {
    let stage = Stage::new();
    deposit(&stage, SIZES[0] + 1);
    let mut show = stage.show();
    stage.drop_plugin("ledger.wasm", &balances(1));
    show.swapped();
    wait_until_sealed(&stage, SIZES[0]);
    deposit(&stage, SIZES[0]);
    stage.wait_for_balance(2 * SIZES[0] as i64 + 1);
    let history = wait_until_sealed(&stage, 2 * SIZES[0]);

    // What is lost or damaged while no host runs is mended by the next.
    show.end();
    let file = stage.project.history.folder.join("000000000000-000000016384.segment");
    drop(history);
    std::fs::write(&file, "torn").unwrap();
    let show = stage.show();
    wait_until_sealed(&stage, 2 * SIZES[0]);
    let started = Instant::now();
    show.end();
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_history_that_cannot_be_written_is_told_once_and_projections_go_on() {
    let stage = Stage::with("[history]\nfolder = \"file/history\"\n");
    std::fs::write(stage.project.folder.join("file"), "").unwrap();
    deposit(&stage, SIZES[0]);
    let mut show = stage.show();
    let fault = match show.saw(|notice| matches!(notice, Notice::Warning { .. })) {
        true => show.seen.iter().find_map(trouble).unwrap(),
        false => show.until("trouble", trouble),
    };
    assert!(fault.hint.as_ref().unwrap().contains("event store"), "{fault:?}");
    stage.drop_plugin("ledger.wasm", &balances(1));
    show.swapped();
    deposit(&stage, 5);
    stage.wait_for_balance(SIZES[0] as i64 + 5);
    assert_eq!(show.seen.iter().filter_map(trouble).count(), 1, "{:?}", show.seen);
}

fn trouble(notice: &Notice) -> Option<projectionist::event::Fault> {
    match notice {
        Notice::Warning { fault } => Some(fault.clone()),
        _ => None,
    }
}

#[test]
fn turned_off_nothing_is_kept() {
    let stage = Stage::with("[history]\nenabled = false\n");
    deposit(&stage, SIZES[0]);
    let mut show = stage.show();
    stage.drop_plugin("ledger.wasm", &balances(1));
    show.swapped();
    std::thread::sleep(Duration::from_millis(500)); // longer than the keeper rests
    assert!(!stage.project.history.folder.exists());
}
