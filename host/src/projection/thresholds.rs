//! Every **threshold** of the planner and the executor in one place, each with what was measured for it, or that it is
//! an estimate.
//!
//! Measured on two cores unless it says otherwise. What a projection computes depends on none of them.

use std::thread;
use std::time::Duration;

use crate::event::Position;

/// When a build that runs quick code starts over with optimised code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierUpRule {
    /// When it will be done sooner that way, by its speed so far.
    Measured,
    /// As soon as it has come to this position.
    At(Position),
    /// Never.
    Never,
}

/// Those of a projector. Tests choose others than the default, so that a small log is computed in as many ways as a large one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// How many instances fold beside each other: one for each core.
    pub threads: usize,
    /// How many times as many parts there are at least: one.
    pub waves_min: u32,
    /// History is read when so many positions of it are wanted: 16,384.
    pub history_positions_min: u64,
    /// So many positions beyond it are held in memory for a build: 65,536.
    pub newest_positions_max: u64,
    /// Builds of so many sealed positions are made by threads: 65,536.
    pub parallel_positions_min: u64,
    /// Builds of so many sealed events are partitioned: 32,768.
    pub partitioned_events_min: u64,
    /// So many lookups of an instance that had to flush, before there are more waves: 10,000.
    pub lookups_before_more_waves: usize,
    /// When quick code is given up.
    pub tier_up: TierUpRule,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds {
            threads: thread::available_parallelism().map_or(1, |cores| cores.get()),
            waves_min: 1,
            history_positions_min: HISTORY_POSITIONS_MIN,
            newest_positions_max: NEWEST_POSITIONS_MAX,
            parallel_positions_min: PARALLEL_POSITIONS_MIN,
            partitioned_events_min: PARTITIONED_EVENTS_MIN,
            lookups_before_more_waves: LOOKUPS_BEFORE_MORE_WAVES,
            tier_up: TierUpRule::Measured,
        }
    }
}

/// A new read model is built by threads out of history from so many sealed positions on. With fewer, starting the
/// threads takes longer than they save.
pub(super) const PARALLEL_POSITIONS_MIN: u64 = 65_536;

/// From so many events on, a partitioned projection is folded by one instance for each core. Fewer are folded by one
/// instance sooner: opening a second one takes about as long as folding 32,768 events.
pub(super) const PARTITIONED_EVENTS_MIN: u64 = 32_768;

/// So many positions at least must be sealed beyond the checkpoint, or the event store is read instead of history:
/// listing the folder and opening blocks takes about as long as scanning them there.
pub(super) const HISTORY_POSITIONS_MIN: u64 = 16_384;

/// So many positions beyond the sealed history are made into a segment in memory for a build. More take longer than
/// reading them from the event store afterwards, and too much memory.
pub(super) const NEWEST_POSITIONS_MAX: u64 = 65_536;

/// Who takes at most one in so many events has the newest of them made into a segment for itself; otherwise one is made
/// of all events, for everybody who builds at the time.
pub(super) const NEWEST_OWN_SHARE: u64 = 16;

/// A scan of the event store returns after this many positions even without events, so that progress is told and a
/// stop is noticed.
pub(super) const SCAN_POSITIONS_MAX: u64 = 262_144;

/// Batches that wait between the thread that reads and the thread that folds. More did not make a build faster.
pub(super) const BATCHES_AHEAD: usize = 3;

/// Messages that wait for the writer; the flushes among them are bounded by `flush-mib-max` each.
pub(super) const MESSAGES_WAITING_MAX: usize = 4;

/// More threads than this do not fold one projection.
pub(super) const THREADS_MAX: usize = 64;

/// A batch of events has no more of them than this for each MiB that an instance may use, so that one batch of new rows
/// (512 bytes each, see [`KEY_BYTES`]) takes an eighth of its memory at most. 64 MiB allow the default of 16,384.
pub(super) const BATCH_EVENTS_PER_MIB: u64 = 256;

/// What a key takes in an instance: its row, its word in a dictionary, and its share of the columns of a flush. For a text
/// key of 14 bytes and two integers that was about 260 bytes and another 130, and is less since the SDK keeps rows
/// compactly; the rest is room for larger rows. One wave too many costs a scan of the columns, one too few a new start.
pub(super) const KEY_BYTES: u64 = 512;

/// What a row that waits for a flush counts, as the SDK's tables count it: about 170 bytes for such a row.
pub(super) const WAITING_ROW_BYTES: u64 = 192;

/// The share of an instance's memory that rows are planned for: seven eighths. The last one is for a batch more.
pub(super) const PLANNED_MEMORY: (u64, u64) = (7, 8);

/// A build has no more waves than this: each reads the log again, and so many scans are estimated to take about as long
/// as the fold itself.
pub(super) const WAVES_MAX: u32 = 64;

/// So many keys are looked up by an instance that had to flush before its end, before the build is started over with
/// more waves: its rows are needed again, and looking one up is estimated to take as long as folding a hundred events.
pub(super) const LOOKUPS_BEFORE_MORE_WAVES: usize = 10_000;

/// A wave that has come this far is finished, whatever it looks up: three quarters, an estimate.
pub(super) const WAVE_NEARLY_DONE: f64 = 0.75;

/// A build that has taken so many bytes of rows is not started over for better code: taking them again would cost more.
pub(super) const WRITTEN_TWICE_BYTES_MAX: usize = 64 << 20;

/// Up to so many events quick code is done sooner than optimised code, which takes longer to make (decision 16).
pub(super) const QUICK_EVENTS_MAX: u64 = 2_000_000;

/// Before this much time, what happens once (rows that are made, memory that is taken) looks like the speed of quick
/// code.
pub(super) const TIER_UP_AFTER: Duration = Duration::from_millis(15);

/// Optimised code takes about this share of the time that quick code takes.
pub(super) const OPTIMISED_SHARE: f64 = 0.55;

/// Starting over with optimised code has to be done in this share of the time that is left: what was done is lost, and
/// the estimate may be wrong.
pub(super) const TIER_UP_SHARE: f64 = 0.8;

/// Row changes are tried one event at a time only in ranges of up to this many positions; each try is a commit.
pub(super) const TRIED_COMMITS_MAX: u64 = 20_000;

/// Messages of a plugin that are kept in one advance.
pub(super) const LOG_LINES_MAX: usize = 1_000;
