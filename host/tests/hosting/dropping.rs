//! A plugin file appears, changes, is broken, half-written, renamed, removed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use projectionist::event::FaultKind;
use projectionist::server::Notice;

use crate::stage::{Stage, balances};
use crate::support::plugin_bytes;

#[test]
fn a_dropped_plugin_is_built_from_all_of_history() {
    let (stage, show) = Stage::serving(100);
    let report = show.last_swap();
    assert_eq!((report.projection.as_str(), report.version, report.events, report.rows), ("balances", 1, 100, 10));
    assert_eq!(report.replaced, None);
    assert_eq!(stage.balance(), Some(100));
}

#[test]
fn changed_bytes_are_built_beside_and_swapped_without_a_gap() {
    let (stage, mut show) = Stage::serving(300);
    let first = show.last_swap();

    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut looks = 0u32;
            while !done.load(Ordering::Relaxed) {
                let balance = stage.balance().expect("somebody always serves");
                assert!(balance >= 300, "a reader saw a partial read model: {balance}");
                looks += 1;
            }
            looks
        });
        for number in 2..6 {
            stage.drop_plugin("ledger.wasm", &balances(number));
            stage.deposit(20);
            let report = show.swapped();
            assert_ne!(report.hash, first.hash);
            assert!(report.replaced.is_some());
        }
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    stage.wait_for_balance(380);
}

#[test]
fn the_same_bytes_again_are_no_change() {
    let (stage, mut show) = Stage::serving(10);
    stage.drop_plugin("ledger.wasm", &balances(1));
    std::thread::sleep(Duration::from_millis(300));
    stage.drop_plugin("ledger.wasm", &balances(2));
    show.swapped();
    let built = show.seen.iter().filter(|notice| matches!(notice, Notice::Building { .. })).count();
    assert_eq!(built, 2);
}

#[test]
fn what_is_no_plugin_is_refused_and_the_old_one_goes_on() {
    let (stage, mut show) = Stage::serving(10);

    stage.drop_plugin("ledger.wasm", b"this is no module");
    assert_eq!(show.refused().kind, FaultKind::Incompatible);
    stage.deposit(10);
    stage.wait_for_balance(20);

    let whole = balances(2);
    stage.drop_plugin("ledger.wasm", &whole[..whole.len() / 2]);
    let fault = show.refused();
    assert!(fault.message.contains("cut short"), "{fault}");
    assert!(fault.hint.is_some());
    stage.deposit(10);
    stage.wait_for_balance(30);

    stage.drop_plugin("ledger.wasm", &whole);
    assert_eq!(show.swapped().events, 30);
}

#[test]
fn a_half_written_file_is_waited_for() {
    let stage = Stage::new();
    stage.deposit(10);
    let mut show = stage.show();
    let whole = balances(1);
    for part in 1..=8 {
        stage.drop_plugin("ledger.wasm", &whole[..whole.len() * part / 8]);
        std::thread::sleep(Duration::from_millis(60));
    }
    show.swapped();
    assert!(!show.saw(|notice| matches!(notice, Notice::Refused { .. })));
}

#[test]
fn files_are_renamed_into_place_and_temporary_files_are_none_of_our_business() {
    let stage = Stage::new();
    stage.deposit(10);
    let mut show = stage.show();
    for name in [".ledger.wasm.swp", "ledger.wasm~", ".ledger.wasm", "ledger.wasm.tmp"] {
        stage.drop_plugin(name, &balances(9));
    }
    stage.drop_plugin("ledger.part", &balances(1));
    std::fs::rename(stage.plugin("ledger.part"), stage.plugin("ledger.wasm")).unwrap();
    let first = show.swapped();
    stage.drop_plugin("ledger.part", &balances(2));
    std::fs::rename(stage.plugin("ledger.part"), stage.plugin("ledger.wasm")).unwrap();
    assert_eq!(show.swapped().replaced, Some(first.hash));
    assert!(!show.saw(|notice| matches!(notice, Notice::Refused { .. } | Notice::Removed { .. })));
}

#[test]
fn a_removed_file_stops_the_projection_and_keeps_its_rows() {
    let (stage, mut show) = Stage::serving(10);
    std::fs::remove_file(stage.plugin("ledger.wasm")).unwrap();
    show.until("a removal", |notice| matches!(notice, Notice::Removed { .. }).then_some(()));
    stage.deposit(10);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(stage.balance(), Some(10));

    stage.drop_plugin("ledger.wasm", &balances(1));
    stage.wait_for_balance(20);
    // The rows may be there before it is told.
    show.until("its return", |notice| matches!(notice, Notice::Resumed { .. }).then_some(()));
    assert_eq!(show.seen.iter().filter(|notice| matches!(notice, Notice::Building { .. })).count(), 1);
}

#[test]
fn a_renamed_file_keeps_its_projection() {
    let (stage, mut show) = Stage::serving(10);
    std::fs::rename(stage.plugin("ledger.wasm"), stage.plugin("accounts.wasm")).unwrap();
    stage.deposit(10);
    stage.wait_for_balance(20);
    stage.drop_plugin("accounts.wasm", &balances(2));
    show.swapped();
}

#[test]
fn two_files_cannot_be_one_projection() {
    let (stage, mut show) = Stage::serving(10);
    stage.drop_plugin("other.wasm", &balances(2));
    let fault = show.refused();
    assert!(fault.message.contains("already projection `balances`"), "{fault}");
    stage.deposit(10);
    stage.wait_for_balance(20);
}

#[test]
fn earlier_bytes_come_back_without_a_rebuild() {
    let (stage, mut show) = Stage::serving(10);
    let first = show.last_swap();
    stage.drop_plugin("ledger.wasm", &balances(2));
    show.swapped();
    stage.deposit(10);
    stage.drop_plugin("ledger.wasm", &balances(1));
    let again = show.swapped();
    assert_eq!(again.hash, first.hash);
    // The retired worker may have folded some of the ten before it stopped; a rebuild would have folded twenty.
    assert!(again.events <= 10, "only what came since was folded: {}", again.events);
    stage.wait_for_balance(20);
}

#[test]
fn a_new_version_under_another_name_takes_over_once_the_old_file_is_gone() {
    let stage = Stage::new();
    stage.deposit(10);
    let mut show = stage.show();
    stage.drop_plugin("old.wasm", &balances(1));
    let first = show.swapped();
    stage.drop_plugin("new.wasm", &balances(2));
    show.refused();
    std::fs::remove_file(stage.plugin("old.wasm")).unwrap();
    assert_eq!(show.swapped().replaced, Some(first.hash));
}

#[test]
fn a_projection_whose_file_became_another_does_not_come_back() {
    let stage = Stage::new();
    stage.deposit(10);
    let mut show = stage.show();
    stage.drop_plugin("one.wasm", &balances(1));
    show.swapped();
    stage.drop_plugin("one.wasm", &plugin_bytes("misbehaving"));
    assert_eq!(show.swapped().projection, "misbehaving");
    show.end();
    let mut show = stage.show();
    stage.steer("ok");
    stage.deposit(5);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(stage.balance(), Some(10), "its read model stays as it was");
    assert!(!show.saw(|notice| matches!(notice, Notice::Resumed { projection, .. } if projection == "balances")));
}

#[test]
fn files_that_change_again_and_again_end_with_the_last() {
    let stage = Stage::new();
    stage.deposit(100);
    let mut show = stage.show();
    for number in 1..=20 {
        stage.drop_plugin("ledger.wasm", &balances(number));
        std::thread::sleep(Duration::from_millis(u64::from(number) * 7 % 40));
    }
    let last = projectionist::plugin::PluginHash::of(&balances(20)).short();
    show.until("the last version", |notice| {
        matches!(notice, Notice::Swapped(report) if report.hash == last).then_some(())
    });
    stage.deposit(10);
    stage.wait_for_balance(110);
}

#[cfg(unix)]
#[test]
fn pipes_devices_and_folders_are_no_plugins() {
    let (stage, mut show) = Stage::serving(10);
    std::fs::create_dir(stage.plugin("folder.wasm")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(stage.plugin("pipe.wasm")).status().unwrap();
    assert!(made.success());
    let fault = show.refused();
    assert!(fault.message.contains("not a regular file") && fault.hint.is_some(), "{fault}");
    std::os::unix::fs::symlink("/dev/zero", stage.plugin("zero.wasm")).unwrap();
    show.refused();
    stage.deposit(10);
    stage.wait_for_balance(20);
}

#[test]
fn many_files_at_once_are_all_dealt_with() {
    let (stage, mut show) = Stage::serving(10);
    // One name, so that all but the first are refused: what counts is that each gets its turn.
    for number in 0..20 {
        stage.drop_plugin(&format!("copy-{number}.wasm"), &balances(number + 2));
    }
    for _ in 0..20 {
        show.refused();
    }
    stage.deposit(10);
    stage.wait_for_balance(20);
}
