//! The life of an instance: columns in and out, logs, lookups, death, and that nothing leaks.

use projectionist::event::{Blame, Envelope, FaultKind, Symbols, Text, Values};
use projectionist::plugin::{Limits, LogLevel, LogLine, NoRows, Pending};

use crate::fixture::{OneRow, batch, integers, misbehaving, misbehaving_bytes, opened, start, strings};

#[test]
fn rows_wait_for_the_flush() {
    let mut instance = opened(&Limits::default());
    assert_eq!(instance.flush().unwrap(), []);
    assert_eq!(instance.apply(&batch(0, &["ok", "ok"])).unwrap(), Pending { rows: 2, bytes: 80 });
    assert_eq!(instance.apply(&batch(2, &["ok"])).unwrap(), Pending { rows: 3, bytes: 120 });
    let changes = instance.flush().unwrap();
    assert_eq!(integers(&changes[0].upserts[0]), [Some(1), Some(2), Some(3)]);
    assert_eq!(strings(&changes[1].upserts[1]), ["ok", "ok", "ok"]);
    assert_eq!(instance.flush().unwrap(), []);
}

#[test]
fn a_column_without_gaps_needs_no_bitmap() {
    let mut instance = opened(&Limits::default());
    instance.apply(&batch(0, &["random", "random"])).unwrap();
    assert_eq!(instance.flush().unwrap()[0].upserts[2].validity, None);
}

#[test]
fn an_empty_batch_is_no_trouble() {
    let mut instance = opened(&Limits::default());
    assert_eq!(instance.apply(&batch(0, &[])).unwrap(), Pending::default());
}

#[test]
fn dictionaries_last_from_batch_to_batch() {
    let mut instance = opened(&Limits::default());
    let mut symbols = |after, first, added: &[&str], keys: &[u32]| {
        let mut batch = batch(after, &vec!["ok"; keys.len()]);
        let added: Text = added.iter().collect();
        batch.groups[0].fields[0] = Values::Symbols(Symbols { first, added, keys: keys.to_vec().into() }).into();
        instance.apply(&batch).unwrap();
    };
    symbols(0, 0, &["ok", "hoard"], &[1, 0]);
    symbols(2, 2, &[], &[0]);
    symbols(3, 1, &["log"], &[1, 0]);
    assert_eq!(strings(&instance.flush().unwrap()[0].upserts[1]), ["hoard", "ok", "ok", "log", "ok"]);
    assert_eq!(instance.take_log().len(), 4);
}

#[test]
fn every_part_of_a_batch_crosses() {
    // The fixture reads two of them; the others must at least be as the contract says, or lowering would trap.
    let mut batch = batch(0, &["ok", "ok", "ok"]);
    let text: Text = ["a", "", "é"].into_iter().collect();
    let symbols = Symbols { first: 0, added: text.clone(), keys: vec![2, 1, 0].into() };
    batch.envelope = Envelope {
        with_positions: true,
        streams: Some(symbols.clone()),
        stream_versions: Some(vec![1, 2, u64::MAX].into()),
        times: Some(vec![i64::MIN, 0, i64::MAX].into()),
        ids: Some(text.clone()),
        type_names: Some(symbols),
        metadata: Some(Values::Json(text.clone()).into()),
        metadata_fields: vec![
            Values::Nothing.into(),
            Values::Booleans(vec![0, 1, 0].into()).into(),
            Values::Reals(vec![0.5, -0.0, 1e300].into()).into(),
        ],
    };
    batch.groups[0].document = Some(text);
    batch.groups[0].fields[0].validity = Some(vec![0b111].into());
    batch.groups[0].fields[0].nulls = Some(vec![0].into());
    let mut instance = opened(&Limits::default());
    assert_eq!(instance.apply(&batch).unwrap().rows, 3);
}

#[test]
fn messages_keep_their_level_and_order() {
    let mut instance = opened(&Limits::default());
    instance.apply(&batch(4, &["log"])).unwrap();
    let line = |level| LogLine { level, message: "at 5".into() };
    let levels = [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];
    assert_eq!(instance.take_log(), levels.map(line));
    assert_eq!(LogLevel::Warn.as_str(), "warn");
}

#[test]
fn lookups_reach_the_rows() {
    let mut instance = opened(&Limits::default());
    instance.apply(&batch(0, &["lookup", "lookup"])).unwrap();
    assert_eq!(integers(&instance.flush().unwrap()[0].upserts[2]), [Some(1), Some(0)], "only position 1 is there");
    assert_eq!(instance.rows().asked, [1, 2]);
    assert_eq!(instance.into_rows(), OneRow { asked: vec![1, 2] });
}

#[test]
fn a_lookup_that_fails_is_that_fault_and_no_trap() {
    let mut instance = opened(&Limits::default());
    let fault = instance.apply(&batch(665, &["lookup"])).unwrap_err();
    assert_eq!((fault.kind, fault.blame, fault.retry), (FaultKind::Storage, Blame::Host, true));
    assert_eq!(fault.to_string(), "misbehaving: among positions (665, 666]: the disk is gone");
    let mut instance = misbehaving().instantiate(&Limits::default(), NoRows).unwrap();
    instance.open(&start("{}")).unwrap();
    assert!(instance.apply(&batch(0, &["lookup"])).unwrap_err().message.contains("none to look up"));
}

#[test]
fn open_can_refuse_its_settings() {
    let mut instance = misbehaving().instantiate(&Limits::default(), NoRows).unwrap();
    let fault = instance.open(&start("{\"refuse\": true}")).unwrap_err();
    assert_eq!((fault.kind, fault.blame), (FaultKind::Settings, Blame::Operator));
    assert_eq!(fault.to_string(), "misbehaving: told to refuse");
    let mut instance = misbehaving().instantiate(&Limits::default(), NoRows).unwrap();
    assert_eq!(instance.open(&start("{\"trap\": true}")).unwrap_err().kind, FaultKind::Trap);
}

#[test]
fn after_a_fault_an_instance_is_dead() {
    for command in ["trap", "fault", "spin", "lookup-wrong-key"] {
        let mut instance = opened(&Limits { call_ms_max: 100, ..Limits::default() });
        let first = instance.apply(&batch(0, &[command])).unwrap_err();
        for fault in [instance.apply(&batch(1, &["ok"])).unwrap_err(), instance.flush().unwrap_err()] {
            assert_eq!((fault.kind, fault.blame), (first.kind, Blame::Host));
            assert!(fault.message.contains("after the instance had stopped at a fault: "), "{fault}");
            assert!(fault.message.contains(&first.message), "{fault}");
        }
    }
    let mut instance = opened(&Limits::default());
    instance.apply(&batch(0, &["wrong-kind"])).unwrap();
    instance.flush().unwrap_err();
    assert!(instance.flush().unwrap_err().message.contains("`flush` was called after"));
}

#[test]
fn instances_share_nothing() {
    let mut first = opened(&Limits::default());
    let mut second = opened(&Limits::default());
    first.apply(&batch(0, &["ok", "ok"])).unwrap();
    first.apply(&batch(2, &["trap"])).unwrap_err();
    assert_eq!(second.apply(&batch(0, &["ok"])).unwrap().rows, 1);
}

#[test]
fn a_plugin_outlives_its_engine_and_keeps_its_deadlines() {
    let limits = Limits { call_ms_max: 50, ..Limits::default() };
    let plugin = projectionist::plugin::Engine::new(None).unwrap().load(misbehaving_bytes(), &limits).unwrap();
    let mut instance = plugin.instantiate(&limits, NoRows).unwrap();
    drop(plugin);
    instance.open(&start("{}")).unwrap();
    assert_eq!(instance.apply(&batch(0, &["spin"])).unwrap_err().kind, FaultKind::Deadline);
}

#[test]
fn instances_run_on_threads_of_their_own() {
    let counts: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| opened(&Limits::default()).apply(&batch(0, &["ok"; 100])).unwrap().rows))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(counts, [100; 4]);
}

#[test]
fn what_is_dropped_is_gone() {
    fn resident_mib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).map_or(0, |kib| kib / 1024)
    }
    // Compiled once and taken from the cache then, so that the test is not about the compiler.
    let folder = tempfile::tempdir().unwrap();
    let engine = projectionist::plugin::Engine::new(Some(folder.path())).unwrap();
    let cycle = || {
        let plugin = engine.load(misbehaving_bytes(), &Limits::default()).unwrap();
        let mut instance = plugin.instantiate(&Limits::default(), NoRows).unwrap();
        instance.open(&start("{}")).unwrap();
        instance.apply(&batch(0, &["hoard", "ok"])).unwrap();
        instance.flush().unwrap();
        let mut faulty = plugin.instantiate(&Limits::default(), NoRows).unwrap();
        faulty.open(&start("{}")).unwrap();
        faulty.apply(&batch(0, &["hoard", "trap"])).unwrap_err();
    };
    (0..50).for_each(|_| cycle());
    let before = resident_mib();
    (0..500).for_each(|_| cycle());
    let after = resident_mib();
    // Each cycle holds 16 MiB for a moment; other tests of this process come and go meanwhile.
    assert!(after < before + 200, "{before} MiB grew to {after} MiB");
}
