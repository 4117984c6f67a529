//! Each limit obeyed and violated.

use std::time::{Duration, Instant};

use projectionist::event::{Blame, FaultKind, Result};
use projectionist::plugin::{Limits, LogLevel, MemoryBudget, MemoryShare};

use crate::fixture::{OneRow, batch, load, misbehaving, misbehaving_bytes, opened, run, start};

#[track_caller]
fn obeyed<T>(outcome: Result<T>) {
    if let Err(fault) = outcome {
        panic!("{fault}");
    }
}

#[track_caller]
fn violated<T>(outcome: Result<T>, kind: FaultKind, key: &str) {
    let fault = outcome.err().expect("the limit holds");
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.message.contains(&format!("`{key}`")), "{fault}");
    assert!(fault.hint.as_ref().unwrap().contains(&format!("raise `{key}`")), "{fault}");
}

#[test]
fn memory() {
    obeyed(run(&Limits { memory_mib_max: 32, ..Limits::default() }, &["hoard", "hoard"]));
    let five = ["hoard"; 5];
    violated(run(&Limits { memory_mib_max: 32, ..Limits::default() }, &five), FaultKind::Memory, "memory-mib-max");
}

#[test]
fn memory_that_a_plugin_starts_with_counts() {
    let fault =
        misbehaving().instantiate(&Limits { memory_mib_max: 1, ..Limits::default() }, OneRow::default()).err().unwrap();
    assert_eq!(fault.kind, FaultKind::Memory, "{fault}");
    assert_eq!(fault.projection.as_deref(), Some("misbehaving"));
}

#[test]
fn a_batch_too_large_for_the_memory_is_a_memory_fault() {
    let limits = Limits { memory_mib_max: 4, ..Limits::default() };
    let long = "x".repeat(8 << 20);
    violated(run(&limits, &[&long]), FaultKind::Memory, "memory-mib-max");
}

#[test]
fn time() {
    obeyed(run(&Limits { call_ms_max: 60_000, ..Limits::default() }, &["burn"]));
    let limits = Limits { call_ms_max: 50, ..Limits::default() };
    let started = Instant::now();
    violated(run(&limits, &["spin"]), FaultKind::Deadline, "call-ms-max");
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(50), "never early, but it took {took:?}");
    assert!(took < Duration::from_secs(5), "it took {took:?}");
}

#[test]
fn time_is_counted_for_each_call() {
    let mut instance = opened(&Limits { call_ms_max: 100, ..Limits::default() });
    let started = Instant::now();
    let mut after = 0;
    while started.elapsed() < Duration::from_millis(300) {
        instance.apply(&batch(after, &["ok"])).unwrap();
        after += 1;
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn fuel() {
    let run = |fuel| {
        let limits = Limits { call_fuel_max: Some(fuel), ..Limits::default() };
        let plugin = load(misbehaving_bytes(), &limits).unwrap();
        let mut instance = plugin.instantiate(&limits, OneRow::default()).unwrap();
        instance.open(&start("{}")).unwrap();
        instance.apply(&batch(0, &["burn"]))
    };
    obeyed(run(1_000_000_000));
    violated(run(2_000_000), FaultKind::Fuel, "call-fuel-max");
}

#[test]
fn fuel_is_decided_when_a_plugin_is_loaded() {
    let limits = Limits { call_fuel_max: Some(1_000_000), ..Limits::default() };
    let fault = misbehaving().instantiate(&limits, OneRow::default()).err().unwrap();
    assert!(fault.message.contains("has to be loaded again"), "{fault}");
}

#[test]
fn rows_of_a_flush() {
    obeyed(run(&Limits { flush_rows_max: 100_000, ..Limits::default() }, &["row-flood"]));
    violated(
        run(&Limits { flush_rows_max: 99_999, ..Limits::default() }, &["row-flood"]),
        FaultKind::Output,
        "flush-rows-max",
    );
}

#[test]
fn bytes_of_a_flush() {
    obeyed(run(&Limits { flush_mib_max: 9, ..Limits::default() }, &["byte-flood"]));
    // Found while it is read, and found when it is measured.
    for flush_mib_max in [1, 8] {
        violated(
            run(&Limits { flush_mib_max, ..Limits::default() }, &["byte-flood"]),
            FaultKind::Output,
            "flush-mib-max",
        );
    }
}

#[test]
fn lookups_of_a_call() {
    let mut instance = opened(&Limits { call_lookups_max: 2, ..Limits::default() });
    obeyed(instance.apply(&batch(0, &["lookup", "lookup"])));
    obeyed(instance.apply(&batch(2, &["lookup", "lookup"])));
    violated(instance.apply(&batch(4, &["lookup", "lookup", "lookup"])), FaultKind::Output, "call-lookups-max");
}

#[test]
fn log_lines_of_a_call_are_dropped_and_counted() {
    let mut instance = opened(&Limits { call_log_lines_max: 1_000, ..Limits::default() });
    instance.apply(&batch(0, &["log-flood"])).unwrap();
    assert_eq!(instance.take_log().len(), 1_000);

    let mut instance = opened(&Limits { call_log_lines_max: 3, ..Limits::default() });
    instance.apply(&batch(0, &["log-flood"])).unwrap();
    instance.apply(&batch(1, &["log-flood"])).unwrap();
    let lines: Vec<String> = instance.take_log().into_iter().map(|line| line.message).collect();
    let dropped = "1994 more messages were dropped (`call-log-lines-max`)";
    assert_eq!(lines, ["line 0", "line 1", "line 2", "line 0", "line 1", "line 2", dropped]);
    assert!(instance.take_log().is_empty());
}

#[test]
fn messages_that_nobody_takes_are_bounded() {
    let mut instance = opened(&Limits { call_log_lines_max: 1_000, ..Limits::default() });
    for after in 0..12 {
        instance.apply(&batch(after, &["log-flood"])).unwrap();
    }
    let lines = instance.take_log();
    assert_eq!(lines.len(), 10_001);
    assert!(lines[10_000].message.starts_with("2000 more"));
}

#[test]
fn a_message_is_cut_and_escaped() {
    let mut instance = opened(&Limits::default());
    instance.apply(&batch(0, &["log-odd"])).unwrap();
    let lines = instance.take_log();
    assert_eq!(lines[0].level, LogLevel::Warn);
    assert!(lines[0].message.starts_with("bell \\u{7} and \\u{1b}[31mred\\nbell"), "{}", lines[0].message);
    assert!(lines[0].message.len() <= 4096 + '…'.len_utf8() && !lines[0].message.contains(char::is_control));
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    let fault =
        misbehaving().instantiate(&Limits { call_ms_max: 0, ..Limits::default() }, OneRow::default()).err().unwrap();
    assert_eq!(fault.kind, FaultKind::Input, "{fault}");
}

#[test]
fn memory_of_the_whole_process() {
    let limits = Limits::default();
    let hoard = |memory: &MemoryShare| {
        let mut instance = misbehaving().instantiate_within(&limits, OneRow::default(), memory).unwrap();
        instance.open(&start("{}")).unwrap();
        let grown = (0..8).map(|number| instance.apply(&batch(number, &["hoard"]))).find(|applied| applied.is_err());
        (grown, instance)
    };
    let budget = MemoryBudget::new(150 << 20);
    let (grown, first) = hoard(&budget.share());
    assert!(grown.is_none(), "one fits");
    assert!(budget.bytes_taken() >= 64 << 20 && budget.bytes_taken() <= 150 << 20);
    let (grown, second) = hoard(&budget.share());
    assert!(grown.is_none(), "two fit");
    let (grown, third) = hoard(&budget.share());
    let fault = grown.unwrap().unwrap_err();
    assert!(fault.retry && fault.blame == Blame::Host && fault.kind == FaultKind::Memory, "{fault:?}");
    assert!(budget.bytes_peak() <= 150 << 20, "{budget:?}");
    drop((first, third));
    let (grown, fourth) = hoard(&budget.share());
    assert!(grown.is_none(), "there is room again");
    drop((second, fourth));
    assert_eq!(budget.bytes_taken(), 0);
    let too_small = MemoryBudget::new(20 << 20);
    let fault = hoard(&too_small.share()).0.unwrap().unwrap_err();
    assert!(!fault.retry && fault.blame == Blame::Operator, "no waiting helps: {fault:?}");
    assert!(fault.hint.as_ref().unwrap().contains("memory-mib-total"), "{fault:?}");
}
