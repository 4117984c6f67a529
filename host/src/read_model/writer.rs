//! A **writer** is what events are folded into: it takes the row changes that instances of a plugin flush, answers
//! their lookups, and commits rows together with the checkpoint.
//!
//! | writer | is | a commit is |
//! | --- | --- | --- |
//! | [`BuildingGeneration`](super::BuildingGeneration) | a new SQLite file that is filled in bulk | noted; the file counts as a whole or not at all |
//! | [`LiveGeneration`](super::LiveGeneration) | a finished SQLite file that others read | one transaction |
//! | [`MemoryModel`](super::MemoryModel) | maps in memory, the reference for the others | a change of the maps |

use crate::event::{Changes, Column, Manifest, Position, Range, Result, Rows};

/// What one instance of a plugin gave back at one time.
#[derive(Clone, Debug)]
pub struct Flush {
    /// Which partition of the projection it folds, 0 where there is one. Two partitions must not change the same row.
    pub part: usize,
    /// Row changes; each key at most once.
    pub changes: Vec<Changes>,
}

impl Flush {
    /// What the only instance of a projection flushed.
    pub fn whole(changes: Vec<Changes>) -> Flush {
        Flush { part: 0, changes }
    }
}

/// Which events a commit covers.
#[derive(Clone, Debug)]
pub struct Commit {
    /// From the checkpoint to the new one.
    pub range: Range,
    /// What the event at the end of the range is known by, so that another log is not taken for the one that the rows
    /// came from; empty when it is not known.
    pub fingerprint: String,
}

impl From<Range> for Commit {
    /// A commit without a fingerprint.
    fn from(range: Range) -> Commit {
        Commit { range, fingerprint: String::new() }
    }
}

/// Where row changes go.
pub trait Writer {
    /// What the plugin said of itself: the tables and their keys.
    fn manifest(&self) -> &Manifest;

    /// The position whose effects are committed.
    fn checkpoint(&self) -> Position;

    /// What the event at the checkpoint is known by; empty when it is not known.
    fn fingerprint(&self) -> &str;

    /// Whether there are certainly no rows, so that nothing has to be looked up.
    fn is_empty(&self) -> bool;

    /// The rows of `length` keys, in their order; `keys` are the key columns in key order.
    ///
    /// Sees everything that was written. Keys of the wrong shape, a table that is not there or insert-only, are faults
    /// of the plugin.
    fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows>;

    /// Writes these changes and moves the checkpoint to the end of the range.
    ///
    /// The checkpoint must stand at the beginning of the range. Of a key that one partition flushed several times the
    /// last flush counts; deleting a row that is not there is harmless. A fault leaves a live generation as it was.
    fn commit(&mut self, flushes: Vec<Flush>, commit: Commit) -> Result<()>;

    /// How many rows each table has, in manifest order.
    fn row_counts(&self) -> Result<Vec<(String, u64)>>;
}

/// A writer that takes changes before their commit. Nothing of it can be taken back: after a fault, and when the
/// commit never comes, the whole is thrown away.
pub trait BulkWriter: Writer {
    /// Takes changes of events beyond the checkpoint, which a later [`Writer::commit`] covers.
    fn write(&mut self, flushes: Vec<Flush>) -> Result<()>;
}
