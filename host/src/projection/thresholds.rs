//! The **thresholds** from which on one way of computing a read model is chosen over another. None of them changes a
//! row.

use std::thread;

use super::tier_up::TierUpRule;

/// How projections are computed, by how much there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// History is read when at least so many positions of it are wanted; fewer come from the event store.
    pub history_positions_min: u64,
    /// So many positions beyond the sealed history are shredded into memory, for all who build at the time.
    pub tail_positions_max: u64,
    /// A build of fewer positions is over before threads would have helped.
    pub parallel_positions_min: u64,
    /// So few events are folded by one instance sooner than by several.
    pub partitioned_events_min: usize,
    /// How many partitions a partitioned projection is folded in.
    pub partitions: u32,
    /// So many bytes of flushed rows wait to be written together: rows that come in key order are several times faster
    /// to write than others.
    pub gathered_bytes_max: usize,
    /// More rows of partitions are not compared: 8 bytes a row.
    pub compared_rows_max: usize,
    /// When a build starts over with optimised code.
    pub tier_up: TierUpRule,
}

impl Default for Thresholds {
    /// What was measured to be fastest, on all cores.
    fn default() -> Thresholds {
        Thresholds {
            history_positions_min: 16_384,
            tail_positions_max: 65_536,
            parallel_positions_min: 65_536,
            partitioned_events_min: 32_768,
            partitions: thread::available_parallelism().map_or(1, |cores| cores.get().min(64)) as u32,
            gathered_bytes_max: 64 << 20,
            compared_rows_max: 32 << 20,
            tier_up: TierUpRule::Measured,
        }
    }
}
