//! A **way** of computing a read model: everything that must not change a row.

use projectionist::event::Position;
use projectionist::history::Sizes;
use projectionist::plugin::Limits;
use projectionist::projection::{BatchSize, Thresholds, TierUpRule};
use projectionist::read_model::BuildOptions;
use serde::{Deserialize, Serialize};

use crate::rng::Rng;

/// How one read model is computed. Positions are parts of the log in thousandths, so that a way also fits a log that
/// was made smaller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Way {
    pub history: Option<HistoryWay>,
    pub code: CodeWay,
    pub partitions: u32,
    /// How often the log is read for that, at least.
    pub waves: u32,
    /// Lookups of a partition that was flushed, before there are more waves.
    pub lookups: usize,
    /// Whether builds are parallel at all, and partitioned if they are.
    pub is_parallel: bool,
    pub is_partitioned: bool,
    /// Bytes of rows that wait in memory in a build, before they go to a file.
    pub build_bytes: usize,
    /// Whether a build writes pages, or SQL.
    pub writes_pages: bool,
    pub batch_bytes: usize,
    /// Rows that wait for a flush, about.
    pub flush_rows: u64,
    /// The first is a build, the others follow it.
    pub stretches: Vec<Stretch>,
    /// The build is stopped after so many batches, and told to go on.
    pub stop_after: Option<u32>,
}

/// Up to where, in what batches, and whether the projection is restarted after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    pub through: u64,
    pub batch_events: usize,
    pub restart: bool,
}

/// History that is sealed, in segments and blocks of these sizes, up to a part of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryWay {
    pub segments: [u64; 3],
    pub block_events: usize,
    pub dictionary_bytes: usize,
    pub rare_field: usize,
    pub small_types: usize,
    pub sealed: u64,
    /// Whether more is sealed before each further stretch.
    pub grows: bool,
    /// Whether what is not sealed is read into memory as a segment.
    pub has_tail: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum CodeWay {
    Optimised,
    Quick,
    /// The build starts over when it has come to this part of the log.
    StartsOver(u64),
    /// Optimised after the first stretch.
    OptimisedLater,
}

impl Way {
    /// The slow plain one: from the event store, one instance, one event a batch, each batch committed by itself.
    pub fn plain() -> Way {
        Way {
            history: None,
            code: CodeWay::Optimised,
            partitions: 1,
            waves: 1,
            lookups: 0,
            is_parallel: false,
            is_partitioned: false,
            build_bytes: 64 << 20,
            writes_pages: false,
            batch_bytes: 1,
            flush_rows: 1,
            // A build of nothing, and then live: every row goes through SQL.
            stretches: [0, 1_000].map(|through| Stretch { through, batch_events: 1, restart: false }).into(),
            stop_after: None,
        }
    }

    /// Any way.
    pub fn random(rng: &mut Rng) -> Way {
        let mut ends: Vec<u64> = match rng.below(4) {
            0 | 1 => Vec::new(),
            2 => vec![rng.below(1_001)],
            _ => (0..rng.between(1, 4)).map(|_| rng.below(1_001)).collect(),
        };
        ends.push(1_000);
        ends.sort_unstable();
        let stretch = |rng: &mut Rng, through| {
            let batch_events = *rng.pick(&[1, 2, 3, 7, 16, 64, 1_000]);
            Stretch { through, batch_events, restart: rng.chance(40) }
        };
        Way {
            history: rng.chance(80).then(|| HistoryWay::random(rng)),
            // Optimising takes longer than everything else of a log together.
            code: match rng.below(500) {
                0 => CodeWay::StartsOver(rng.below(1_001)),
                1 => CodeWay::OptimisedLater,
                2..=200 => CodeWay::Quick,
                _ => CodeWay::Optimised,
            },
            partitions: rng.between(1, 8) as u32,
            waves: *rng.pick(&[1, 1, 1, 2, 5]),
            lookups: *rng.pick(&[0, 3, 10_000, 10_000]),
            is_parallel: rng.chance(85),
            is_partitioned: rng.chance(85),
            build_bytes: *rng.pick(&[0, 500, 10_000, 64 << 20]),
            writes_pages: rng.chance(70),
            batch_bytes: *rng.pick(&[1, 500, 20_000, 16 << 20]),
            flush_rows: *rng.pick(&[1, 5, 40, 250_000]),
            stretches: ends.into_iter().map(|through| stretch(rng, through)).collect(),
            stop_after: rng.chance(10).then(|| rng.below(20) as u32),
        }
    }

    pub fn thresholds(&self, head: Position) -> Thresholds {
        Thresholds {
            history_positions_min: 1,
            newest_positions_max: if self.history.as_ref().is_some_and(|history| history.has_tail) {
                u64::MAX
            } else {
                0
            },
            parallel_positions_min: if self.is_parallel { 1 } else { u64::MAX },
            partitioned_events_min: if self.is_partitioned { 0 } else { u64::MAX },
            threads: self.partitions as usize,
            waves_min: self.waves,
            lookups_before_more_waves: self.lookups,
            tier_up: match self.code {
                CodeWay::StartsOver(at) => TierUpRule::At(part(head, at)),
                _ => TierUpRule::Never,
            },
        }
    }

    /// A flush may have four times as many rows as are waited for, and a batch changes rows too.
    pub fn limits(&self) -> Limits {
        let largest = self.stretches.iter().map(|stretch| stretch.batch_events).max().unwrap_or(1) as u64;
        Limits { flush_rows_max: (self.flush_rows * 4).max(largest * ROWS_PER_EVENT), ..Limits::default() }
    }

    pub fn build(&self) -> BuildOptions {
        BuildOptions { memory_bytes_max: self.build_bytes, writes_pages: self.writes_pages }
    }

    pub fn batches(&self, stretch: &Stretch) -> BatchSize {
        BatchSize { events_max: stretch.batch_events, bytes_max: self.batch_bytes }
    }
}

/// The most rows that any probe changes in one event, and room for the quarter that may wait already.
const ROWS_PER_EVENT: u64 = 16;

impl HistoryWay {
    fn random(rng: &mut Rng) -> HistoryWay {
        let small = *rng.pick(&[1, 5, 16, 50]);
        let middle = small * rng.between(1, 4);
        HistoryWay {
            segments: [small, middle, middle * rng.between(1, 4)],
            block_events: *rng.pick(&[1, 2, 5, 17, 1_000]),
            dictionary_bytes: *rng.pick(&[0, 2_000, 20_000, 128 << 20]),
            rare_field: *rng.pick(&[1, 2, 5, 1_000]),
            small_types: *rng.pick(&[0, 1, 3, 1_000]),
            sealed: if rng.chance(60) { 1_000 } else { rng.below(1_001) },
            grows: rng.chance(30),
            has_tail: rng.chance(70),
        }
    }

    pub fn sizes(&self) -> Sizes {
        Sizes {
            segments: self.segments,
            block_events: self.block_events,
            dictionary_bytes: self.dictionary_bytes,
            rare_field: self.rare_field,
            small_types: self.small_types,
        }
    }
}

/// So many thousandths of the log.
pub fn part(head: Position, thousandths: u64) -> Position {
    Position(head.0 * thousandths / 1_000)
}
