//! The **writing** side of a spread: takes what instances say, writes what they flush, answers their lookups.

use crossbeam_channel::Receiver;

use super::fold::{Proceed, Progress, Stage};
use super::overlap_detector::OverlapDetector;
use super::parallel_build::{Trouble, Word};
use super::stop_barrier::StopBarrier;
use super::thresholds::Thresholds;
use super::tier_up::TierUp;
use crate::event::{Changes, FaultKind, Position, Result};
use crate::plugin::LogLine;
use crate::read_model::{BulkWriter, Flush};

/// A row counts as so many bytes at least: sorting it takes more than these, however small it is.
const ROW_BYTES: usize = 32;

pub(super) struct BuildWriter<'a> {
    generation: &'a mut dyn BulkWriter,
    turns: &'a StopBarrier,
    /// For each instance: how far it is, and how many events it folded.
    folded: Vec<(Position, u64)>,
    /// What was flushed and is not written yet, and how many bytes it has.
    gathered: Vec<Flush>,
    gathered_bytes: usize,
    gathered_bytes_max: usize,
    /// Which instances have ended.
    done: Vec<bool>,
    /// Of what was written before the end; what is written together is compared where it is sorted.
    touched: OverlapDetector,
    has_written: bool,
    /// Of quick code that may be given up.
    pace: Option<TierUp>,
    /// The first that there was: others follow from it.
    trouble: Option<Trouble>,
}

impl<'a> BuildWriter<'a> {
    pub fn new(
        generation: &'a mut dyn BulkWriter,
        turns: &'a StopBarrier,
        parts: usize,
        pace: Option<TierUp>,
        thresholds: &Thresholds,
    ) -> BuildWriter<'a> {
        BuildWriter {
            generation,
            turns,
            folded: vec![(Position::START, 0); parts],
            gathered: Vec::new(),
            gathered_bytes: 0,
            gathered_bytes_max: thresholds.gathered_bytes_max,
            done: vec![false; parts],
            touched: OverlapDetector::new(parts, thresholds.compared_rows_max),
            has_written: false,
            pace,
            trouble: None,
        }
    }

    /// Takes words until every instance has ended.
    pub fn write(
        &mut self,
        words: Receiver<Word>,
        said: &mut dyn FnMut(Vec<LogLine>),
        watch: &mut dyn FnMut(Progress) -> Proceed,
    ) {
        let through = self.turns.end();
        for word in words {
            match word {
                Word::Folded { part, covered, events } => {
                    self.folded[part] = (covered, events);
                    let covered = self.folded.iter().map(|(covered, _)| *covered).min().unwrap_or_default();
                    if watch(Progress { stage: Stage::Replay, covered, through, events: self.events() })
                        == Proceed::Stop
                    {
                        self.turns.stop();
                        // What is folded stays, and is soon written.
                        self.pace = None;
                    }
                    // Once something was written, the writing is what takes long, or has cost too much to do twice.
                    if !self.has_written && self.pace.as_ref().is_some_and(|pace| pace.is_slow(covered, through)) {
                        self.pace = None;
                        self.give_up(Trouble::Slow);
                    }
                }
                Word::Flushed { part, changes } => {
                    self.gather(part, changes);
                    // The first rows of a table are written fastest, and the more they are the better.
                    if self.has_written || self.gathered_bytes > self.gathered_bytes_max {
                        self.write_gathered();
                    }
                }
                Word::LookUp { table, length, keys, answer } => {
                    self.write_gathered();
                    // An instance that ended does not wait for it any more.
                    let _ = answer.send(self.generation.lookup(table, length, &keys));
                }
                Word::Said(lines) => said(lines),
                Word::Done { part, changes } => {
                    self.gather(part, changes);
                    self.done[part] = true;
                }
                Word::Failed(fault) => self.give_up(Trouble::Fault(fault)),
            }
        }
    }

    /// Events folded by all instances together.
    pub fn events(&self) -> u64 {
        self.folded.iter().map(|(_, events)| events).sum()
    }

    /// Writes what is left, once all instances have ended.
    pub fn finish(mut self) -> Result<(), Trouble> {
        if self.trouble.is_none() && self.done.iter().any(|done| !done) {
            return Err(Trouble::Ended);
        }
        self.write_gathered();
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        match self.touched.overlap() {
            true => Err(Trouble::Overlap("two partitions touched the same row".into())),
            false => Ok(()),
        }
    }

    fn gather(&mut self, part: usize, changes: Vec<Changes>) {
        let rows = changes.iter().map(|changes| changes.upserted + changes.deleted).sum::<usize>();
        self.gathered_bytes += changes.iter().map(Changes::bytes).sum::<usize>().max(rows * ROW_BYTES);
        self.gathered.push(Flush { part, changes });
    }

    /// Writes what was flushed so far.
    fn write_gathered(&mut self) {
        if self.gathered.is_empty() || self.trouble.is_some() {
            return;
        }
        self.gathered_bytes = 0;
        let flushes = std::mem::take(&mut self.gathered);
        let is_whole = !self.has_written && self.done.iter().all(|&done| done);
        if !is_whole {
            flushes.iter().for_each(|flush| self.touched.add(flush.part, &flush.changes, self.generation.manifest()));
        }
        self.has_written = true;
        if self.touched.is_full() {
            self.give_up(Trouble::TooMany);
        } else if let Err(fault) = self.generation.write(flushes) {
            self.give_up(match fault.kind {
                FaultKind::Overlap => Trouble::Overlap(fault.message.clone()),
                _ => Trouble::Fault(fault),
            });
        }
    }

    fn give_up(&mut self, trouble: Trouble) {
        self.turns.give_up();
        self.trouble.get_or_insert(trouble);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crossbeam_channel::{Sender, bounded};

    use super::*;
    use crate::event::{Column, Fault, Kind, Range, Table, TableColumn, Timestamp, Values};
    use crate::projection::tier_up::TierUpRule;
    use crate::read_model::{BuildingGeneration, Identity, Writer};

    /// Two parts and a table of numbers by number.
    struct Build {
        folder: tempfile::TempDir,
        gathered_bytes_max: usize,
        pace: Option<TierUp>,
    }

    impl Build {
        fn new(gathered_bytes_max: usize) -> Build {
            Build { folder: tempfile::tempdir().unwrap(), gathered_bytes_max, pace: None }
        }

        fn thresholds(&self) -> Thresholds {
            Thresholds { gathered_bytes_max: self.gathered_bytes_max, ..Thresholds::default() }
        }

        /// The rows after these words, and whether any were written before the end.
        fn run(mut self, say: impl FnOnce(Sender<Word>) + Send) -> (Result<Vec<String>, Trouble>, bool) {
            let mut generation = generation(&self.folder.path().join("1.sqlite"));
            let turns = StopBarrier::new(Position(9));
            let pace = self.pace.take();
            let mut writing = BuildWriter::new(&mut generation, &turns, 2, pace, &self.thresholds());
            let (sender, words) = bounded(4);
            std::thread::scope(|scope| {
                scope.spawn(|| say(sender));
                writing.write(words, &mut |_| (), &mut |_| Proceed::On);
            });
            let early = writing.has_written;
            let rows = writing.finish().map(|()| {
                generation.commit(Vec::new(), Range { after: Position::START, through: Position(9) }.into()).unwrap();
                generation.rows_as_json("numbers").unwrap()
            });
            (rows, early)
        }
    }

    fn measured() -> Option<TierUp> {
        Some(TierUp::new(TierUpRule::Measured, Duration::ZERO))
    }

    fn generation(path: &std::path::Path) -> BuildingGeneration {
        let column = |name: &str| TableColumn { name: name.into(), kind: Kind::Integer, nullable: false };
        let columns = vec![column("key"), column("value")];
        let table = Table { name: "numbers".into(), columns, key: vec![0], indexes: Vec::new(), insert_only: false };
        let manifest = super::super::overlap_detector::manifest_of(table);
        let identity = Identity {
            projection: "numbers".into(),
            plugin_version: 1,
            plugin_hash: String::new(),
            settings: "{}".into(),
            contract: "0.1.0".into(),
            created_at: Timestamp(0),
        };
        BuildingGeneration::create(path, &identity, &manifest).unwrap()
    }

    fn numbers(values: impl IntoIterator<Item = i64>) -> Column {
        Column::from(Values::Integers(values.into_iter().collect::<Vec<_>>().into()))
    }

    fn rows(rows: &[(i64, i64)]) -> Vec<Changes> {
        let upserts = vec![numbers(rows.iter().map(|row| row.0)), numbers(rows.iter().map(|row| row.1))];
        vec![Changes { table: 0, upserted: rows.len(), upserts, deleted: 0, deletes: Vec::new() }]
    }

    fn row(key: i64, value: i64) -> String {
        format!(r#"{{"key":{key},"value":{value}}}"#)
    }

    #[test]
    fn what_is_flushed_waits_as_long_as_it_is_little_and_the_last_flush_counts() {
        // Five small rows are flushed before the end.
        for (most, is_early) in [(5 * ROW_BYTES, false), (5 * ROW_BYTES - 1, true), (0, true)] {
            let (rows, early) = Build::new(most).run(|words| {
                words.send(Word::Flushed { part: 0, changes: rows(&[(1, 1), (3, 1)]) }).unwrap();
                words.send(Word::Flushed { part: 1, changes: rows(&[(2, 1)]) }).unwrap();
                words.send(Word::Flushed { part: 0, changes: rows(&[(1, 2), (5, 2)]) }).unwrap();
                words.send(Word::Done { part: 1, changes: Vec::new() }).unwrap();
                words.send(Word::Done { part: 0, changes: rows(&[(5, 3)]) }).unwrap();
            });
            assert_eq!(rows.ok().unwrap(), [row(1, 2), row(2, 1), row(3, 1), row(5, 3)]);
            assert_eq!(early, is_early, "with {most} bytes");
        }
    }

    #[test]
    fn a_row_of_two_parts_is_noticed_written_together_or_not() {
        for most in [1_000, 0] {
            let (rows, _) = Build::new(most).run(|words| {
                words.send(Word::Flushed { part: 0, changes: rows(&[(1, 1), (3, 1)]) }).unwrap();
                words.send(Word::Done { part: 0, changes: rows(&[(4, 1)]) }).unwrap();
                words.send(Word::Done { part: 1, changes: rows(&[(3, 2)]) }).unwrap();
            });
            assert!(matches!(rows, Err(Trouble::Overlap(_))), "with {most} bytes");
        }
    }

    #[test]
    fn a_lookup_finds_what_was_flushed_before() {
        let (rows, early) = Build::new(1_000).run(|words| {
            words.send(Word::Flushed { part: 0, changes: rows(&[(1, 1), (3, 1)]) }).unwrap();
            let (answer, answered) = bounded(1);
            words.send(Word::LookUp { table: 0, length: 2, keys: vec![numbers([3, 4])], answer }).unwrap();
            let found = answered.recv().unwrap().unwrap();
            assert_eq!(
                (found.found.to_vec(), found.columns[1].clone()),
                (vec![0b01], {
                    Column {
                        validity: Some(vec![1u8].into()),
                        nulls: None,
                        values: Values::Integers(vec![1, 0].into()),
                    }
                })
            );
            words.send(Word::Done { part: 0, changes: rows(&[(3, 2)]) }).unwrap();
            words.send(Word::Done { part: 1, changes: Vec::new() }).unwrap();
        });
        assert_eq!((rows.ok().unwrap(), early), (vec![row(1, 1), row(3, 2)], true));
    }

    #[test]
    fn what_was_folded_slowly_is_lost_unless_it_is_stopped() {
        for (says, is_lost) in [(Proceed::On, true), (Proceed::Stop, false)] {
            let build = Build::new(1_000);
            let mut generation = generation(&build.folder.path().join("1.sqlite"));
            let turns = StopBarrier::new(Position(9));
            let mut writing = BuildWriter::new(&mut generation, &turns, 1, measured(), &build.thresholds());
            let (sender, words) = bounded(4);
            std::thread::sleep(Duration::from_millis(30));
            sender.send(Word::Folded { part: 0, covered: Position(0), events: 1 }).unwrap();
            sender.send(Word::Done { part: 0, changes: rows(&[(1, 1)]) }).unwrap();
            drop(sender);
            writing.write(words, &mut |_| (), &mut |_| says);
            let finished = writing.finish();
            assert_eq!(matches!(finished, Err(Trouble::Slow)), is_lost);
            assert_eq!(finished.is_ok(), !is_lost);
        }
    }

    #[test]
    fn an_instance_that_ended_without_a_word_is_noticed() {
        let (rows, _) = Build::new(1_000).run(|words| {
            words.send(Word::Done { part: 0, changes: rows(&[(4, 1)]) }).unwrap();
        });
        assert!(matches!(rows, Err(Trouble::Ended)));
    }

    #[test]
    fn what_goes_wrong_later_does_not_hide_why_it_was_given_up() {
        let pace = measured();
        let (rows, _) = Build { pace, ..Build::new(1_000) }.run(|words| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            words.send(Word::Folded { part: 0, covered: Position(0), events: 0 }).unwrap();
            words.send(Word::Failed(Fault::new(FaultKind::Changes, "it saw what was not written"))).unwrap();
        });
        assert!(matches!(rows, Err(Trouble::Slow)));
        let (rows, _) = Build::new(1_000).run(|words| {
            words.send(Word::Failed(Fault::new(FaultKind::Changes, "no partition's fault"))).unwrap();
        });
        assert!(matches!(rows, Err(Trouble::Fault(_))));
    }
}
