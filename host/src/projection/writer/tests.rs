//! What the writer does with the messages of two parts, in every order that matters.

use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

use super::super::plan::*;
use super::super::sink::{BulkSink, SharedGeneration};
use super::super::test_manifest::manifest_of;
use super::super::thresholds::TierUpRule;
use super::super::{batch_size::BatchSize, flush_policy::FlushPolicy};
use super::*;
use crate::event::{Column, Fault, FaultKind, Kind, Partitioning, Range, Table, TableColumn, Timestamp, Values};
use crate::event_store::Source;
use crate::event_store::sqlite::SqliteStore;
use crate::history::Part as Keys;
use crate::read_model::{Generation, Identity};

/// A build of two parts, of a table of numbers by number.
struct Build {
    folder: tempfile::TempDir,
    tier_up: Option<TierUp>,
    threads: usize,
    says: Proceed,
}

/// How it ended: the rows or why there are none, the events, and the last progress.
struct Ended {
    rows: Result<Vec<String>, Interruption>,
    events: u64,
    told: Vec<Progress>,
}

impl Build {
    fn new() -> Build {
        let folder = tempfile::tempdir().unwrap();
        Build { folder, tier_up: None, threads: 2, says: Proceed::On }
    }

    /// What comes of these messages.
    fn run(mut self, send: impl FnOnce(Messages) + Send) -> Ended {
        let generation = SharedGeneration::new(generation(&self.folder.path().join("1.sqlite")));
        let store = SqliteStore::create(self.folder.path().join("events.sqlite")).unwrap();
        let mut event_ids = store.reader().unwrap();
        let by = |number| Some(Keys { number, of: 2, by: Partitioning::ByStream });
        let step = Step {
            reads: vec![Read::History(Range { after: Position::START, through: Position(100) })],
            instances: Instances::New { parts: vec![by(0), by(1)], threads: self.threads, is_partitioned: true },
            code: CodeTier::Best,
            batch: BatchSize::events(10),
            flush: FlushPolicy::WhenFull,
            rows: RowsGo::BulkLoad,
        };
        let barrier = StopBarrier::new(Position(100));
        let sink = BulkSink::new(&generation, &mut *event_ids);
        let mut log = LogLines::default();
        let so_far = (Position(100), 0);
        let mut writer = Writer::new(&step, Box::new(sink), &barrier, so_far, self.tier_up.take(), &mut log);
        let (sender, messages) = bounded(4);
        let mut told = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| send(Messages(sender)));
            for message in messages {
                writer.take(message, &mut |progress| {
                    told.push(progress);
                    self.says
                });
            }
        });
        match writer.finish() {
            Ok(Finished { events, .. }) => {
                // Rows that overlap show where they are merged.
                let rows = generation.lock().rows_as_json("numbers").map_err(Interruption::from);
                Ended { rows, events, told }
            }
            Err((interruption, events)) => Ended { rows: Err(interruption), events, told },
        }
    }
}

struct Messages(Sender<Message>);

impl Messages {
    fn send(&self, part: usize, content: Content) {
        self.0.send(Message { part, content }).unwrap();
    }

    fn folded(&self, part: usize, covered: u64, events: u64) {
        self.send(part, Content::Folded { covered: Position(covered), events });
    }

    fn flushed(&self, part: usize, covered: u64, changes: Vec<Changes>) {
        self.send(part, Content::Flushed { covered: Position(covered), events: covered / 2, changes });
    }

    /// Its last flush, and its end.
    fn ended(&self, part: usize, changes: Vec<Changes>) {
        self.flushed(part, 100, changes);
        self.send(part, Content::Ended);
    }

    /// Values by key; none where there is no row.
    fn look_up(&self, part: usize, keys: impl ExactSizeIterator<Item = i64>) -> Option<Vec<Option<i64>>> {
        let (answer, answered) = bounded(1);
        let length = keys.len();
        let keys = numbers(keys);
        self.send(part, Content::LookUp { table: 0, length, keys: vec![keys], answer });
        let found = answered.recv().ok()?.unwrap();
        let Values::Integers(values) = &found.columns[1].values else { panic!("integers") };
        Some(
            (0..length).map(|row| (found.found.to_vec()[row / 8] >> (row % 8) & 1 == 1).then(|| values[row])).collect(),
        )
    }
}

fn generation(path: &std::path::Path) -> Generation {
    let column = |name: &str| TableColumn { name: name.into(), kind: Kind::Integer, nullable: false };
    let columns = vec![column("key"), column("value")];
    let table = Table { name: "numbers".into(), columns, key: vec![0], indexes: Vec::new(), insert_only: false };
    let identity = Identity {
        projection: "numbers".into(),
        plugin_version: 1,
        plugin_hash: String::new(),
        settings: "{}".into(),
        contract: "0.1.0".into(),
        created_at: Timestamp(0),
    };
    Generation::create(path, &identity, &manifest_of(table)).unwrap()
}

fn numbers(values: impl IntoIterator<Item = i64>) -> Column {
    Column::from(Values::Integers(values.into_iter().collect::<Vec<_>>().into()))
}

fn rows(rows: &[(i64, i64)]) -> Vec<Changes> {
    let upserts = vec![numbers(rows.iter().map(|row| row.0)), numbers(rows.iter().map(|row| row.1))];
    vec![Changes { table: 0, upserted: rows.len(), upserts, deleted: 0, deletes: Vec::new() }]
}

fn deletes(keys: &[i64]) -> Vec<Changes> {
    let deletes = vec![numbers(keys.iter().copied())];
    vec![Changes { table: 0, upserted: 0, upserts: Vec::new(), deleted: keys.len(), deletes }]
}

fn row(key: i64, value: i64) -> String {
    format!(r#"{{"key":{key},"value":{value}}}"#)
}

#[test]
fn the_last_flush_of_a_row_counts() {
    let ended = Build::new().run(|messages| {
        messages.flushed(0, 10, rows(&[(1, 1), (3, 1)]));
        messages.flushed(1, 10, rows(&[(2, 1)]));
        messages.flushed(0, 20, rows(&[(1, 2), (5, 2)]));
        messages.ended(1, Vec::new());
        messages.ended(0, rows(&[(5, 3)]));
    });
    assert_eq!(ended.rows.unwrap(), [row(1, 2), row(2, 1), row(3, 1), row(5, 3)]);
    assert_eq!(ended.events, 100);
}

#[test]
fn a_row_of_two_parts_is_noticed() {
    for second in [rows(&[(3, 2)]), deletes(&[3])] {
        let ended = Build::new().run(|messages| {
            messages.flushed(0, 10, rows(&[(1, 1), (3, 1)]));
            messages.ended(0, rows(&[(4, 1)]));
            messages.ended(1, second);
        });
        assert!(matches!(ended.rows, Err(Interruption::Overlap(_))));
    }
}

#[test]
fn a_row_that_one_part_has_and_another_asked_for_in_vain_is_noticed() {
    // What was asked for in vain comes back as deleted, whichever part is first.
    for (first, second) in [(0, 1), (1, 0)] {
        let ended = Build::new().run(|messages| {
            messages.ended(first, deletes(&[7]));
            messages.ended(second, rows(&[(7, 1)]));
        });
        assert!(matches!(ended.rows, Err(Interruption::Overlap(_))));
    }
}

#[test]
fn a_lookup_finds_what_was_flushed_before() {
    let ended = Build::new().run(|messages| {
        messages.flushed(0, 10, rows(&[(1, 1), (3, 1)]));
        assert_eq!(messages.look_up(0, [3, 4].into_iter()), Some(vec![Some(1), None]));
        messages.ended(0, rows(&[(3, 2)]));
        messages.ended(1, Vec::new());
    });
    assert_eq!(ended.rows.unwrap(), [row(1, 1), row(3, 2)]);
}

#[test]
fn rows_that_are_needed_again_and_again_ask_for_more_waves() {
    let many = LOOKUPS_BEFORE_MORE_WAVES as i64 + 1;
    let lookups = |covered, keys| {
        Build::new().run(move |messages| {
            messages.flushed(0, covered, rows(&[(1, 1)]));
            messages.look_up(0, (0..keys as i32).map(i64::from));
            messages.ended(0, Vec::new());
            messages.ended(1, Vec::new());
        })
    };
    assert!(matches!(lookups(10, many).rows, Err(Interruption::OutOfRoom)));
    assert!(lookups(10, many - 1).rows.is_ok());
    assert!(lookups(90, many).rows.is_ok(), "it is nearly done");
    let unflushed = Build::new().run(|messages| {
        messages.look_up(0, (0..many as i32).map(i64::from));
        messages.ended(0, Vec::new());
        messages.ended(1, Vec::new());
    });
    assert!(unflushed.rows.is_ok(), "a plugin that looks up all that it meets");
}

#[test]
fn what_was_folded_slowly_is_lost_unless_it_is_stopped() {
    for (says, is_lost) in [(Proceed::On, true), (Proceed::Stop, false)] {
        let tier_up = Some(TierUp::new(TierUpRule::Measured, Duration::ZERO));
        let ended = Build { tier_up, says, ..Build::new() }.run(|messages| {
            std::thread::sleep(Duration::from_millis(30));
            messages.folded(0, 1, 1);
            messages.ended(0, rows(&[(1, 1)]));
            messages.ended(1, Vec::new());
        });
        assert_eq!(matches!(ended.rows, Err(Interruption::SlowCode)), is_lost);
        assert_eq!(ended.rows.is_ok(), !is_lost);
    }
}

#[test]
fn of_several_waves_nothing_is_kept_when_they_are_stopped() {
    let ended = Build { threads: 1, says: Proceed::Stop, ..Build::new() }.run(|messages| {
        messages.folded(0, 10, 1);
        messages.ended(0, rows(&[(1, 1)]));
        messages.ended(1, Vec::new());
    });
    assert!(matches!(ended.rows, Err(Interruption::Stopped)));
}

#[test]
fn progress_counts_each_event_once_and_tells_the_wave() {
    let ended = Build { threads: 1, ..Build::new() }.run(|messages| {
        messages.folded(0, 40, 7);
        messages.folded(0, 100, 30);
        messages.ended(0, Vec::new());
        messages.folded(1, 50, 10);
        messages.ended(1, Vec::new());
    });
    let told: Vec<_> = ended.told.iter().map(|told| (told.covered.0, told.events, told.wave)).collect();
    assert_eq!(told, [(20, 7, (1, 2)), (50, 30, (1, 2)), (75, 60, (2, 2))]);
}

#[test]
fn a_part_that_ended_without_a_message_or_elsewhere_is_noticed() {
    let ended = Build::new().run(|messages| messages.ended(0, rows(&[(4, 1)])));
    assert!(matches!(ended.rows, Err(Interruption::ThreadLost)));
    let ended = Build::new().run(|messages| {
        messages.ended(0, rows(&[(4, 1)]));
        messages.flushed(1, 90, Vec::new());
        messages.send(1, Content::Ended);
    });
    assert!(matches!(ended.rows, Err(Interruption::ThreadLost)));
}

#[test]
fn what_goes_wrong_later_does_not_hide_why_it_was_given_up() {
    let tier_up = Some(TierUp::new(TierUpRule::Measured, Duration::ZERO));
    let ended = Build { tier_up, ..Build::new() }.run(|messages| {
        std::thread::sleep(Duration::from_millis(20));
        messages.folded(0, 0, 0);
        messages.send(0, Content::Failed(Fault::new(FaultKind::Changes, "it saw what was not written")));
    });
    assert!(matches!(ended.rows, Err(Interruption::SlowCode)));
    let ended = Build::new().run(|messages| {
        messages.send(0, Content::Failed(Fault::new(FaultKind::Changes, "no part's fault")));
    });
    assert!(matches!(ended.rows, Err(Interruption::Fault(_))));
}

/// The channel mixes the messages of two parts in any way; those of one part stay in order.
#[test]
fn every_order_of_two_parts_comes_to_the_same_rows() {
    // Which part's message comes next, three of each.
    let orders = (0..1u32 << 6).filter(|order| order.count_ones() == 3);
    for order in orders {
        let ended = Build::new().run(|messages| {
            let mut sent = [0; 2];
            for turn in 0..6 {
                let part = (order >> turn & 1) as usize;
                let key = part as i64;
                match sent[part] {
                    0 => messages.flushed(part, 50, rows(&[(key, 1), (key + 2, 1)])),
                    1 => messages.flushed(part, 100, rows(&[(key, 2)])),
                    _ => messages.send(part, Content::Ended),
                }
                sent[part] += 1;
            }
        });
        assert_eq!(ended.rows.unwrap(), [row(0, 2), row(1, 2), row(2, 1), row(3, 1)], "{order:b}");
        assert_eq!(ended.events, 100);
    }
}
