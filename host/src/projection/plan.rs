//! A **plan** says how events become rows: which ranges are read from where, by how many instances of the plugin in
//! how many waves, with which code, and what is done with the rows.
//!
//! Planning is a pure function of what is asked for and what there is; `run.rs` executes any plan.

use super::batch_size::BatchSize;
use super::flush_policy::FlushPolicy;
use super::thresholds::*;
use crate::event::{Manifest, Partitioning, Position, Range};
use crate::history::Part;
use crate::plugin::Limits;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// Fill a read model that has nothing yet.
    Build,
    /// Go on from the checkpoint.
    GoOn,
    /// The same, one event at a time.
    GoOnSingly,
    /// See which event fails when it is folded; the rows are thrown away.
    TryEach,
    /// See which event fails when its rows are written.
    CommitEach,
    /// See which event fails when its rows are flushed; they are thrown away.
    FlushEach,
}

/// What is done with the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowsGo {
    /// Gathered, checked for overlap and written together in key order.
    BulkLoad,
    /// Committed with their checkpoint, flush by flush.
    Commit,
    /// Nowhere.
    Discard,
}

/// What former attempts at the same goal have shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Learned {
    /// How carefully to go about it.
    pub care: Care,
    /// At least so many waves.
    pub waves_min: u32,
    /// That optimised code cannot be made, or is there.
    pub keeps_code: bool,
}

/// How carefully a build is gone about; each step does with less than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Care {
    /// Partitions are folded beside each other.
    Partitioned,
    /// One instance folds everything in log order: its partitions are not what the manifest says.
    OneInstance,
    /// One instance folds and commits, so that a fault can be brought to its event.
    StepByStep,
}

impl Default for Learned {
    fn default() -> Learned {
        Learned { care: Care::Partitioned, waves_min: 1, keeps_code: false }
    }
}

/// What there is.
#[derive(Clone, Debug)]
pub(super) struct Available<'a> {
    /// How far history goes.
    pub sealed: Position,
    /// How many of its events are of types that the projection takes.
    pub sealed_events: u64,
    /// About how many distinct keys they are partitioned by, if that is known.
    pub distinct_keys: Option<u64>,
    /// What is worth what.
    pub thresholds: Thresholds,
    pub limits: &'a Limits,
    pub manifest: &'a Manifest,
    /// Whether instances made now run optimised code.
    pub is_optimised: bool,
    /// Where batches are cut.
    pub batch: BatchSize,
}

/// How events become rows, one step after the other.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub steps: Vec<Step>,
}

/// Ranges that adjoin, folded in the same way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub reads: Vec<Read>,
    pub instances: Instances,
    pub code: CodeTier,
    pub batch: BatchSize,
    pub flush: FlushPolicy,
    pub rows: RowsGo,
}

/// A range, and where its events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// In sealed history.
    History(Range),
    /// In the event store, made into a segment in memory that all instances share.
    Newest(Range),
    /// In the event store.
    Store(Range),
}

/// Which instances of the plugin fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Instances {
    /// The one that the projector keeps, on the caller's thread.
    Kept,
    /// New ones on threads of their own, one for each part; `threads` of them at a time.
    New {
        /// The keys of each; one of all keys where there is but one.
        parts: Vec<Option<Part>>,
        threads: usize,
        /// Whether keys can be divided into more parts.
        is_partitioned: bool,
    },
}

/// Which code instances run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodeTier {
    /// Whatever the instance has.
    AsItIs,
    /// Optimised code where it is made already.
    Best,
    /// Quick code, which is given up if optimised code would be done sooner.
    QuickWhileFast,
}

impl Read {
    /// The positions.
    pub fn range(self) -> Range {
        match self {
            Read::History(range) | Read::Newest(range) | Read::Store(range) => range,
        }
    }

    /// What of it comes after a position.
    pub fn after(self, after: Position) -> Read {
        let rest = |range: Range| Range { after: range.after.max(after), ..range };
        match self {
            Read::History(range) => Read::History(rest(range)),
            Read::Newest(range) => Read::Newest(rest(range)),
            Read::Store(range) => Read::Store(rest(range)),
        }
    }
}

impl Step {
    /// The positions of all reads.
    pub fn range(&self) -> Range {
        let first = self.reads.first().map_or(Position::START, |read| read.range().after);
        Range { after: first, through: self.reads.last().map_or(first, |read| read.range().through) }
    }

    /// What of it comes after a position; nothing when that is nothing.
    pub fn after(&self, after: Position) -> Option<Step> {
        let reads: Vec<Read> =
            self.reads.iter().map(|read| read.after(after)).filter(|read| !read.range().is_empty()).collect();
        (!reads.is_empty()).then(|| Step { reads, ..self.clone() })
    }

    /// How many parts are folded, and how many of them at a time.
    pub fn parts(&self) -> (usize, usize) {
        match &self.instances {
            Instances::Kept => (1, 1),
            Instances::New { parts, threads, .. } => (parts.len(), *threads),
        }
    }

    /// How often the events are read.
    pub fn waves(&self) -> u32 {
        let (parts, threads) = self.parts();
        parts.div_ceil(threads.max(1)) as u32
    }

    /// Whether its keys can be folded in more waves.
    pub fn can_have_more_waves(&self) -> bool {
        matches!(self.instances, Instances::New { is_partitioned: true, .. }) && self.waves() < WAVES_MAX
    }
}

/// The plan for `range`.
pub(super) fn plan(goal: Goal, range: Range, available: &Available<'_>, learned: Learned) -> Plan {
    let log_order = in_log_order(goal, range, available);
    let steps = match goal {
        Goal::Build
            if learned.care < Care::StepByStep
                && available.sealed.min(range.through).0 >= available.thresholds.parallel_positions_min =>
        {
            // Where the newest events cannot be held in memory, the second step begins where history ends.
            vec![in_parallel(range, available, learned), log_order]
        }
        _ => vec![log_order],
    };
    Plan { steps }
}

/// New instances on threads, out of history.
fn in_parallel(range: Range, available: &Available<'_>, learned: Learned) -> Step {
    let sealed = available.sealed.min(range.through);
    let mut reads = vec![Read::History(Range { through: sealed, ..range })];
    if sealed < range.through && range.through.0 - sealed.0 <= available.thresholds.newest_positions_max {
        reads.push(Read::Newest(Range { after: sealed, ..range }));
    }
    let instances = instances(available, learned);
    let is_partitioned = matches!(instances, Instances::New { is_partitioned: true, .. });
    Step {
        reads,
        code: if available.is_optimised || learned.keeps_code { CodeTier::Best } else { CodeTier::QuickWhileFast },
        batch: batch(available),
        // Rows that are only inserted are never needed again: there is no use in keeping them.
        flush: match is_partitioned && keeps_rows(available.manifest) {
            true => FlushPolicy::WhenFull,
            false => FlushPolicy::Early,
        },
        rows: RowsGo::BulkLoad,
        instances,
    }
}

/// The kept instance, from history as far as that is worth it, then from the event store.
fn in_log_order(goal: Goal, range: Range, available: &Available<'_>) -> Step {
    let is_ordinary = matches!(goal, Goal::Build | Goal::GoOn);
    let batch = if is_ordinary { batch(available) } else { BatchSize::events(1) };
    let sealed = available.sealed.min(range.through).max(range.after);
    // One event at a time comes from the event store: there a batch ends with its event.
    let is_far = is_ordinary && sealed.0 - range.after.0 >= available.thresholds.history_positions_min;
    let sealed = if is_far { sealed } else { range.after };
    let reads = [Read::History(Range { through: sealed, ..range }), Read::Store(Range { after: sealed, ..range })];
    // A new instance looks up every row again, which only pays on a long way.
    let is_long = is_ordinary && range.through.0.saturating_sub(range.after.0) > batch.events_max as u64;
    Step {
        reads: reads.into_iter().filter(|read| !read.range().is_empty()).collect(),
        instances: Instances::Kept,
        code: if is_long { CodeTier::Best } else { CodeTier::AsItIs },
        batch,
        flush: match goal {
            Goal::Build | Goal::GoOn | Goal::GoOnSingly => FlushPolicy::Early,
            Goal::TryEach => FlushPolicy::Never,
            Goal::CommitEach | Goal::FlushEach => FlushPolicy::EachBatch,
        },
        rows: match goal {
            Goal::TryEach | Goal::FlushEach => RowsGo::Discard,
            Goal::Build | Goal::GoOn | Goal::GoOnSingly | Goal::CommitEach => RowsGo::Commit,
        },
    }
}

/// One part for each core and wave, as many waves as it takes for each to fit its memory.
fn instances(available: &Available<'_>, learned: Learned) -> Instances {
    let by = &available.manifest.partitioning;
    let is_partitioned = matches!(by, Partitioning::ByStream | Partitioning::ByField(_))
        && learned.care == Care::Partitioned
        && available.sealed_events >= available.thresholds.partitioned_events_min;
    let threads = if is_partitioned { available.thresholds.threads.clamp(1, THREADS_MAX) } else { 1 };
    let waves = if is_partitioned { waves(threads, available, learned) } else { 1 };
    let of = threads as u32 * waves;
    let parts = match of {
        1 => vec![None],
        _ => (0..of).map(|number| Some(Part { number, of, by: by.clone() })).collect(),
    };
    Instances::New { parts, threads, is_partitioned }
}

fn waves(threads: usize, available: &Available<'_>, learned: Learned) -> u32 {
    let keys = match keeps_rows(available.manifest) {
        true => available.distinct_keys.unwrap_or(0),
        false => 0,
    };
    let needed = keys.div_ceil(keys_fitting(available.limits).saturating_mul(threads as u64));
    let waves_min = learned.waves_min.max(available.thresholds.waves_min);
    u32::try_from(needed).unwrap_or(WAVES_MAX).clamp(waves_min.clamp(1, WAVES_MAX), WAVES_MAX)
}

/// How many keys an instance holds without having to flush, one row each.
pub(super) fn keys_fitting(limits: &Limits) -> u64 {
    let (share, of) = PLANNED_MEMORY;
    let by_memory = (limits.memory_mib_max << 20) / of * share / KEY_BYTES;
    let flush = FlushPolicy::WhenFull;
    let by_flush = flush.rows_max(limits).min(flush.bytes_max(limits) / WAITING_ROW_BYTES);
    by_memory.min(by_flush).max(1)
}

/// Whether there are rows that may be needed again once they were flushed.
pub(super) fn keeps_rows(manifest: &Manifest) -> bool {
    manifest.tables.iter().any(|table| !table.insert_only)
}

/// Batches small enough for the new rows of one to fit beside all others, in memory and in a flush.
fn batch(available: &Available<'_>) -> BatchSize {
    let Limits { memory_mib_max, flush_rows_max, .. } = available.limits;
    let most = (memory_mib_max * BATCH_EVENTS_PER_MIB).min(flush_rows_max / 4).max(1);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    BatchSize { events_max: available.batch.events_max.min(most), ..available.batch }
}

#[cfg(test)]
mod tests;
