//! A rebuild **spread** over instances of a plugin, out of history: the rows are those of one instance that reads the
//! source, whatever the plugin says of its partitions.

use std::fmt::Write;
use std::path::Path;

use projectionist::event::{Position, Result};
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::history::{History, Pace};
use projectionist::import::{Input, Options, import};
use projectionist::plugin::{Engine, Limits, MemoryShare, Plugin};
use projectionist::projection::{BatchSize, Proceed, Progress, Projector, ProjectorSpec, Thresholds, identity};
use projectionist::read_model::Generation;

use crate::support::{example_wasm, plugin_wasm};

/// More than a build has to have before it is spread, and not a whole number of segments.
const EVENTS: u64 = 85_000;

struct Ledger {
    folder: tempfile::TempDir,
    store: SqliteStore,
    history: History,
}

impl Ledger {
    fn new() -> Ledger {
        let folder = tempfile::tempdir().unwrap();
        let mut lines = String::new();
        for number in 0..EVENTS {
            let (account, kind) = (number * 7 % 1_009, if number % 3 == 0 { "Withdrawn" } else { "Deposited" });
            let amount = number % 101;
            writeln!(lines, r#"{{"stream":"account-{account}","type":"{kind}","data":{{"amount":{amount}}}}}"#)
                .unwrap();
        }
        let file = folder.path().join("ledger.jsonl");
        std::fs::write(&file, lines).unwrap();
        let store = SqliteStore::create(folder.path().join("events.sqlite")).unwrap();
        import(&store, Input::open(&file).unwrap(), Options::default()).unwrap();
        let history = History::open(&folder.path().join("history"), &store).unwrap();
        let flow = &mut |_| std::ops::ControlFlow::Continue(());
        let sealed = history.catch_up(&store, Position(EVENTS), Pace::Full, flow).unwrap();
        assert_eq!(sealed.through, Position(EVENTS / 16_384 * 16_384));
        Ledger { folder, store, history }
    }

    /// Changes nearly every byte of every segment; in a new file, as a bad disk would.
    fn damage(&self) {
        for entry in std::fs::read_dir(self.folder.path().join("history")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "segment") {
                let mut bytes = std::fs::read(&path).unwrap();
                // The index at the end stays, so that it shows only when values are read.
                let end = bytes.len() * 9 / 10;
                bytes[64..end].iter_mut().for_each(|byte| *byte ^= 0x10);
                std::fs::remove_file(&path).unwrap();
                std::fs::write(&path, bytes).unwrap();
            }
        }
    }

    /// All rows as a digest, where the build ended, and what was said.
    fn build(
        &self,
        plugin: &Plugin,
        with_history: bool,
        watch: &mut dyn FnMut(Progress) -> Proceed,
    ) -> Result<(String, Position, String)> {
        let built = self.build_within(&Limits::default(), plugin, with_history, watch)?;
        Ok((built.digest, built.checkpoint, built.said))
    }

    fn build_within(
        &self,
        limits: &Limits,
        plugin: &Plugin,
        with_history: bool,
        watch: &mut dyn FnMut(Progress) -> Proceed,
    ) -> Result<Built> {
        let file = self.folder.path().join("generation.sqlite");
        let _ = std::fs::remove_file(&file);
        let identity = identity(plugin, "{}".into());
        let generation = Generation::create(&file, &identity, plugin.manifest())?;
        let spec = ProjectorSpec {
            plugin: plugin.clone(),
            limits: limits.clone(),
            memory: MemoryShare::unlimited(),
            settings: "{}".to_owned(),
            source: &self.store,
            history: with_history.then_some(&self.history),
            size: BatchSize::events(16_384),
            thresholds: Thresholds::default(),
        };
        let mut projector = Projector::new(spec, generation)?;
        let advanced = projector.advance(Position(EVENTS), watch)?;
        projector.finish(watch)?;
        let said = projector.take_said().into_iter().map(|line| line.message).collect();
        let digest = projector.generation().digest()?.to_string();
        Ok(Built { digest, checkpoint: advanced.checkpoint, events: projector.events(), said })
    }
}

/// What came of a build.
struct Built {
    /// Of all rows.
    digest: String,
    checkpoint: Position,
    events: u64,
    /// What the host or the plugin said.
    said: String,
}

fn load(file: &Path) -> Plugin {
    Engine::new(None).unwrap().load(&std::fs::read(file).unwrap(), &Limits::default()).unwrap()
}

#[test]
fn partitions_come_to_the_rows_of_one_instance() {
    let ledger = Ledger::new();
    let plugin = load(&plugin_wasm("ledger-balances"));
    let on = &mut |_: Progress| Proceed::On;
    let (expected, ..) = ledger.build(&plugin, false, on).unwrap();
    let (digest, checkpoint, said) = ledger.build(&plugin, true, on).unwrap();
    assert_eq!((digest, checkpoint, said), (expected, Position(EVENTS), String::new()));
}

#[test]
fn a_plugin_that_is_not_partitioned_as_it_says_is_folded_by_one_instance_and_that_is_said() {
    let ledger = Ledger::new();
    let plugin = load(&example_wasm("misbehaving", "lying"));
    let on = &mut |_: Progress| Proceed::On;
    let expected = ledger.build_within(&Limits::default(), &plugin, false, on).unwrap();
    let built = ledger.build_within(&Limits::default(), &plugin, true, on).unwrap();
    assert_eq!((built.digest, built.checkpoint), (expected.digest, Position(EVENTS)));
    assert_eq!(built.events, expected.events, "what was folded twice counts once");
    if cores() > 1 {
        assert!(built.said.contains("partitioned by stream, but is not"), "{}", built.said);
        assert!(built.said.contains("replayed on one thread"), "{}", built.said);
    }
}

#[test]
fn rows_of_other_partitions_that_are_deleted_or_read_are_noticed_in_waves_too() {
    let ledger = Ledger::new();
    let plugin = load(&example_wasm("misbehaving", "closing"));
    let on = &mut |_: Progress| Proceed::On;
    let (expected, ..) = ledger.build(&plugin, false, on).unwrap();
    // Half of the rows of a flush are planned for a part: 1,009 accounts are one wave, or some.
    for flush_rows_max in [1_000_000, 400] {
        let limits = Limits { flush_rows_max, ..Limits::default() };
        let built = ledger.build_within(&limits, &plugin, true, on).unwrap();
        assert_eq!((built.digest, built.events), (expected.clone(), EVENTS), "with {flush_rows_max}");
        if cores() > 1 || flush_rows_max == 400 {
            assert!(built.said.contains("partitioned by stream, but is not"), "{}", built.said);
        }
    }
}

#[test]
fn keys_that_do_not_fit_are_folded_in_waves() {
    let ledger = Ledger::new();
    let plugin = load(&plugin_wasm("ledger-balances"));
    let on = &mut |_: Progress| Proceed::On;
    let (expected, ..) = ledger.build(&plugin, false, on).unwrap();
    let limits = Limits { flush_rows_max: 400, ..Limits::default() };
    let mut told = Vec::new();
    let built = ledger.build_within(&limits, &plugin, true, &mut |progress| {
        told.push(progress);
        Proceed::On
    });
    let built = built.unwrap();
    assert_eq!((built.digest, built.checkpoint), (expected, Position(EVENTS)));
    assert_eq!((built.events, &built.said[..]), (EVENTS, ""), "each event once");
    let waves: Vec<_> = told.iter().map(|progress| progress.wave).collect();
    let of = waves[0].1;
    assert!(of > 1 && waves.iter().all(|wave| wave.1 == of) && waves.contains(&(of, of)), "{waves:?}");
    assert!(told.is_sorted_by_key(|progress| (progress.covered, progress.events)), "it only goes on");
}

#[test]
fn rows_that_turn_out_not_to_fit_are_folded_in_more_waves() {
    let ledger = Ledger::new();
    let plugin = load(&example_wasm("misbehaving", "heavy"));
    let on = &mut |_: Progress| Proceed::On;
    let (expected, ..) = ledger.build(&plugin, false, on).unwrap();
    // 1,009 rows of 8 KiB: by their number they fit an instance of 4 MiB many times.
    let limits = Limits { memory_mib_max: 4, ..Limits::default() };
    let mut waves = Vec::new();
    let built = ledger.build_within(&limits, &plugin, true, &mut |progress| {
        waves.push(progress.wave.1);
        Proceed::On
    });
    let built = built.unwrap();
    assert_eq!((built.digest, built.checkpoint, built.events), (expected, Position(EVENTS), EVENTS));
    assert_eq!(built.said, "");
    // The first attempts may end at their first batch, before they tell of progress.
    assert!(waves.is_sorted() && *waves.last().unwrap() >= 4, "{:?}", waves.last());
}

#[test]
fn a_build_in_waves_that_is_stopped_keeps_nothing() {
    let ledger = Ledger::new();
    let plugin = load(&plugin_wasm("ledger-balances"));
    let limits = Limits { flush_rows_max: 400, ..Limits::default() };
    let built = ledger.build_within(&limits, &plugin, true, &mut |_| Proceed::Stop).unwrap();
    assert_eq!((built.checkpoint, built.events), (Position::START, 0));
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get())
}

#[test]
fn a_build_that_is_stopped_ends_everywhere_at_the_same_position() {
    let ledger = Ledger::new();
    let plugin = load(&plugin_wasm("ledger-balances"));
    let (digest, checkpoint, _) = ledger.build(&plugin, true, &mut |_| Proceed::Stop).unwrap();
    assert!(checkpoint > Position::START && checkpoint < Position(EVENTS), "{checkpoint}");
    let file = ledger.folder.path().join("until.sqlite");
    let generation = Generation::create(&file, &identity(&plugin, "{}".into()), plugin.manifest()).unwrap();
    let spec = ProjectorSpec {
        plugin: plugin.clone(),
        limits: Limits::default(),
        memory: MemoryShare::unlimited(),
        settings: "{}".to_owned(),
        source: &ledger.store,
        history: None,
        size: BatchSize::events(1_000),
        thresholds: Thresholds::default(),
    };
    let mut one = Projector::new(spec, generation).unwrap();
    one.advance(checkpoint, &mut |_| Proceed::On).unwrap();
    one.finish(&mut |_| Proceed::On).unwrap();
    assert_eq!(one.generation().digest().unwrap().to_string(), digest);
}

#[test]
fn damage_that_shows_in_the_middle_is_mended() {
    let ledger = Ledger::new();
    let plugin = load(&plugin_wasm("ledger-balances"));
    let on = &mut |_: Progress| Proceed::On;
    let (expected, ..) = ledger.build(&plugin, false, on).unwrap();
    ledger.damage();
    let (digest, checkpoint, _) = ledger.build(&plugin, true, on).unwrap();
    assert_eq!((digest, checkpoint), (expected, Position(EVENTS)));
}

#[test]
fn what_cannot_be_mended_is_read_from_the_source() {
    let ledger = Ledger::new();
    let plugin = load(&plugin_wasm("ledger-balances"));
    let on = &mut |_: Progress| Proceed::On;
    let (expected, ..) = ledger.build(&plugin, false, on).unwrap();
    ledger.damage();
    // Somebody else is sealing, and goes on and on.
    let lock = std::fs::File::create(ledger.folder.path().join("history/lock")).unwrap();
    lock.lock().unwrap();
    let (digest, checkpoint, _) = ledger.build(&plugin, true, on).unwrap();
    assert_eq!((digest, checkpoint), (expected, Position(EVENTS)));
}

#[test]
fn history_that_another_process_dropped_is_not_missed() {
    let ledger = Ledger::new();
    let plugin = load(&plugin_wasm("ledger-balances"));
    let on = &mut |_: Progress| Proceed::On;
    let (expected, ..) = ledger.build(&plugin, false, on).unwrap();
    let other = History::open(&ledger.folder.path().join("history"), &ledger.store).unwrap();
    assert!(other.drop_all().unwrap() > 0);
    assert!(ledger.history.through() > Position::START, "not listed anew yet");
    let (digest, checkpoint, _) = ledger.build(&plugin, true, on).unwrap();
    assert_eq!((digest, checkpoint), (expected, Position(EVENTS)));
}
