//! A **sink** is where the rows of a plan go: gathered and loaded in bulk, committed one flush after the other, or nowhere.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::interruption::Interruption;
use super::overlap_detector::OverlapDetector;
use super::thresholds::{COMPARED_ROWS_MAX, GATHERED_BYTES_MAX, GATHERED_ROW_BYTES};
use crate::event::{Blame, Changes, Column, Fault, Position, Range, Result, Rows};
use crate::event_store::Reader;
use crate::plugin::Lookup;
use crate::read_model::{BulkWriter, Commit, Flush, Generation, Writer};

/// A generation that the writer and the kept instance share: one calls while the other waits.
#[derive(Clone)]
pub(super) struct SharedGeneration(Arc<Mutex<Generation>>);

impl SharedGeneration {
    pub fn new(generation: Generation) -> SharedGeneration {
        SharedGeneration(Arc::new(Mutex::new(generation)))
    }

    pub fn lock(&self) -> MutexGuard<'_, Generation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lookup for SharedGeneration {
    fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        self.lock().lookup(table, length, keys)
    }
}

/// Takes what instances flush.
pub(super) trait Sink {
    /// Takes the rows of one flush of a part, with everything up to a position.
    fn write(&mut self, part: usize, covered: Position, changes: Vec<Changes>) -> Result<(), Interruption>;

    /// Finds rows as they are after everything that was taken.
    fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows>;

    /// Whether rows were written, so that they would be lost by starting over.
    fn has_written(&self) -> bool;

    /// Writes what is left; everything up to a position is in it.
    fn finish(&mut self, covered: Position) -> Result<(), Interruption>;
}

/// Gathers flushes and loads them into a new generation, in key order.
pub(super) struct BulkSink<'a> {
    generation: MutexGuard<'a, Generation>,
    event_ids: &'a mut dyn Reader,
    parts: usize,
    gathered: Vec<Flush>,
    gathered_bytes: usize,
    gathered_bytes_max: usize,
    /// Of what was written before the end; what is written together is compared where it is sorted.
    overlaps: OverlapDetector,
    has_written: bool,
}

impl<'a> BulkSink<'a> {
    pub fn new(generation: &'a SharedGeneration, event_ids: &'a mut dyn Reader, parts: usize) -> BulkSink<'a> {
        BulkSink {
            generation: generation.lock(),
            event_ids,
            parts,
            gathered: Vec::new(),
            gathered_bytes: 0,
            gathered_bytes_max: GATHERED_BYTES_MAX,
            overlaps: OverlapDetector::new(parts, COMPARED_ROWS_MAX),
            has_written: false,
        }
    }

    /// With other bounds than the usual.
    pub fn bounded(self, gathered_bytes_max: usize, compared_rows_max: usize) -> BulkSink<'a> {
        let overlaps = OverlapDetector::new(self.parts, compared_rows_max);
        BulkSink { gathered_bytes_max, overlaps, ..self }
    }

    /// Loads what was gathered; `is_all` says that nothing comes after it.
    fn load(&mut self, is_all: bool) -> Result<(), Interruption> {
        self.gathered_bytes = 0;
        let flushes = std::mem::take(&mut self.gathered);
        if flushes.is_empty() {
            return Ok(());
        }
        if self.has_written || !is_all {
            let manifest = self.generation.manifest();
            flushes.iter().for_each(|flush| self.overlaps.add(flush.part, &flush.changes, manifest));
        }
        self.has_written = true;
        if self.overlaps.is_full() {
            return Err(Interruption::TooManyRows);
        }
        let Some(building) = self.generation.building() else {
            return Err(Fault::storage("filling a read model", "it is live already").blame(Blame::Host).into());
        };
        Ok(building.write(flushes)?)
    }
}

impl Sink for BulkSink<'_> {
    fn write(&mut self, part: usize, _: Position, changes: Vec<Changes>) -> Result<(), Interruption> {
        let rows = changes.iter().map(|changes| changes.upserted + changes.deleted).sum::<usize>();
        if rows == 0 {
            return Ok(());
        }
        self.gathered_bytes += changes.iter().map(Changes::bytes).sum::<usize>().max(rows * GATHERED_ROW_BYTES);
        self.gathered.push(Flush { part, changes });
        // The first rows of a table are written fastest, and the more they are the better.
        if self.has_written || self.gathered_bytes > self.gathered_bytes_max { self.load(false) } else { Ok(()) }
    }

    fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        self.load(false).map_err(Interruption::into_fault)?;
        self.generation.lookup(table, length, keys)
    }

    fn has_written(&self) -> bool {
        self.has_written
    }

    fn finish(&mut self, covered: Position) -> Result<(), Interruption> {
        self.load(true)?;
        let overlaps = std::mem::replace(&mut self.overlaps, OverlapDetector::new(self.parts, COMPARED_ROWS_MAX));
        if overlaps.overlap() {
            return Err(Interruption::Overlap("two partitions touched the same row".into()));
        }
        let range = Range { after: self.generation.checkpoint(), through: covered };
        let fingerprint = self.event_ids.mark(covered)?.unwrap_or_default();
        Ok(self.generation.commit(Vec::new(), Commit { range, fingerprint })?)
    }
}

/// Commits each flush with its checkpoint.
pub(super) struct CommitSink<'a> {
    generation: &'a SharedGeneration,
    event_ids: &'a mut dyn Reader,
}

impl<'a> CommitSink<'a> {
    pub fn new(generation: &'a SharedGeneration, event_ids: &'a mut dyn Reader) -> CommitSink<'a> {
        CommitSink { generation, event_ids }
    }
}

impl Sink for CommitSink<'_> {
    fn write(&mut self, _: usize, covered: Position, changes: Vec<Changes>) -> Result<(), Interruption> {
        let mut generation = self.generation.lock();
        let range = Range { after: generation.checkpoint(), through: covered };
        if range.is_empty() {
            return Ok(());
        }
        let fingerprint = self.event_ids.mark(covered)?.unwrap_or_default();
        let committed = generation.commit(vec![Flush::whole(changes)], Commit { range, fingerprint });
        Ok(committed.map_err(|fault| fault.among(range))?)
    }

    fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        self.generation.lock().lookup(table, length, keys)
    }

    fn has_written(&self) -> bool {
        true
    }

    fn finish(&mut self, _: Position) -> Result<(), Interruption> {
        Ok(())
    }
}

/// Throws rows away: only whether events can be folded matters.
pub(super) struct DiscardSink;

impl Sink for DiscardSink {
    fn write(&mut self, _: usize, _: Position, _: Vec<Changes>) -> Result<(), Interruption> {
        Ok(())
    }

    fn lookup(&mut self, _: usize, _: usize, _: &[Column]) -> Result<Rows> {
        Err(Fault::storage("looking rows up", "they were thrown away"))
    }

    fn has_written(&self) -> bool {
        false
    }

    fn finish(&mut self, _: Position) -> Result<(), Interruption> {
        Ok(())
    }
}
