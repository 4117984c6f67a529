//! A **sink** is where the rows of a plan go: into a build, committed one flush after the other, or nowhere.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::interruption::Interruption;
use super::thresholds::WRITTEN_TWICE_BYTES_MAX;
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

    /// Whether so many rows were written that too much would be lost by starting over.
    fn has_written(&self) -> bool;

    /// Writes what is left; everything up to a position is in it.
    fn finish(&mut self, covered: Position) -> Result<(), Interruption>;
}

/// Writes into a new generation, which keeps what was flushed until it is finished (decision 30).
pub(super) struct BulkSink<'a> {
    generation: MutexGuard<'a, Generation>,
    event_ids: &'a mut dyn Reader,
    bytes: usize,
}

impl<'a> BulkSink<'a> {
    pub fn new(generation: &'a SharedGeneration, event_ids: &'a mut dyn Reader) -> BulkSink<'a> {
        BulkSink { generation: generation.lock(), event_ids, bytes: 0 }
    }
}

impl Sink for BulkSink<'_> {
    fn write(&mut self, part: usize, _: Position, changes: Vec<Changes>) -> Result<(), Interruption> {
        if changes.is_empty() {
            return Ok(());
        }
        self.bytes += changes.iter().map(Changes::bytes).sum::<usize>();
        let Some(building) = self.generation.building() else {
            return Err(Fault::storage("filling a read model", "it is live already").blame(Blame::Host).into());
        };
        Ok(building.write(vec![Flush { part, changes }])?)
    }

    fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        self.generation.lookup(table, length, keys)
    }

    fn has_written(&self) -> bool {
        self.bytes > WRITTEN_TWICE_BYTES_MAX
    }

    fn finish(&mut self, covered: Position) -> Result<(), Interruption> {
        let range = Range { after: self.generation.checkpoint(), through: covered };
        let fingerprint = self.event_ids.event_id(covered)?.unwrap_or_default();
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
        let fingerprint = self.event_ids.event_id(covered)?.unwrap_or_default();
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
