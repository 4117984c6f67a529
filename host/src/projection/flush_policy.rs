//! A **flush policy** says when an instance is asked for its changed rows.

use crate::plugin::{Limits, Pending};

/// When an instance is flushed; at its end it always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlushPolicy {
    /// Far from every limit: beside the rows that wait there are those that it keeps, the columns of a flush, and what its
    /// heap holds of blocks that it outgrew.
    Early,
    /// Once a batch more might not fit: each row is then flushed once in the best case.
    WhenFull,
    /// After each batch.
    EachBatch,
    /// Not even at its end.
    Never,
}

impl FlushPolicy {
    /// Whether it is time, in an instance that has taken `memory_bytes` so far.
    pub fn is_due(self, pending: &Pending, memory_bytes: u64, limits: &Limits) -> bool {
        let memory_max = limits.memory_mib_max << 20;
        match self {
            FlushPolicy::Never => false,
            FlushPolicy::EachBatch => pending.rows > 0,
            FlushPolicy::Early => {
                // Where something else has taken most of the memory, less may wait.
                let is_tight = memory_bytes > memory_max / 4 * 3 && pending.bytes >= self.bytes_max(limits) / 4;
                pending.rows >= self.rows_max(limits) || pending.bytes >= self.bytes_max(limits) || is_tight
            }
            FlushPolicy::WhenFull => {
                // The columns of a flush take about as much as the rows, and a batch more an eighth.
                let is_full = memory_bytes + pending.bytes + memory_max / 8 > memory_max;
                // An instance keeps the memory that it has taken: without this it would be flushed after each batch.
                let is_worth_it = pending.bytes >= FlushPolicy::Early.bytes_max(limits);
                pending.rows >= self.rows_max(limits)
                    || pending.bytes >= self.bytes_max(limits)
                    || (is_full && is_worth_it)
            }
        }
    }

    /// With so many rows it is time. A batch adds rows before it is asked again, so this is well below the limit.
    pub fn rows_max(self, limits: &Limits) -> u64 {
        let share = if self == FlushPolicy::WhenFull { 2 } else { 4 };
        (limits.flush_rows_max / share).max(1)
    }

    /// With so many bytes of rows it is time.
    pub fn bytes_max(self, limits: &Limits) -> u64 {
        match self {
            FlushPolicy::WhenFull => (limits.flush_mib_max << 20) / 2,
            _ => (limits.memory_mib_max.min(limits.flush_mib_max) << 20) / 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn is_due(policy: FlushPolicy, rows: u64, pending_mib: u64, memory_mib: u64) -> bool {
        let limits = Limits { memory_mib_max: 64, ..Limits::default() };
        policy.is_due(&Pending { rows, bytes: pending_mib * MIB }, memory_mib * MIB, &limits)
    }

    #[test]
    fn an_early_flush_looks_at_what_waits() {
        assert!(!is_due(FlushPolicy::Early, 1_000, 7, 48));
        assert!(is_due(FlushPolicy::Early, 1_000, 2, 49), "the memory is tight");
        assert!(!is_due(FlushPolicy::Early, 1_000, 1, 64), "it would be flushed after each batch");
        assert!(is_due(FlushPolicy::Early, 1_000, 8, 8));
        assert!(is_due(FlushPolicy::Early, 250_000, 0, 8));
    }

    #[test]
    fn a_late_flush_looks_at_the_memory_too() {
        assert!(!is_due(FlushPolicy::WhenFull, 100_000, 20, 36), "20 MiB for the flush and 8 for a batch still fit");
        assert!(is_due(FlushPolicy::WhenFull, 100_000, 20, 37));
        assert!(!is_due(FlushPolicy::WhenFull, 100, 1, 64), "what was flushed before has taken the memory");
        assert!(is_due(FlushPolicy::WhenFull, 500_000, 1, 8));
    }

    #[test]
    fn each_batch_or_never() {
        assert!(is_due(FlushPolicy::EachBatch, 1, 0, 0) && !is_due(FlushPolicy::EachBatch, 0, 0, 0));
        assert!(!is_due(FlushPolicy::Never, u64::MAX, 1_000, 64));
    }
}
