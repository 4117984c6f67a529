//! A **happening** is what the supervisor's loop reacts to: a closed set, so that one `match` shows it all.
//! (What changed in the plugin folder, and requests of other processes, are looked for at each turn of the loop.)

use crate::event::{Fault, Position};
use crate::plugin::{LogLine, Plugin};
use crate::projection::Progress;
use crate::read_model::GenerationId;

/// Which projector thread speaks: each has a number of its own, so that a late word of a stopped one is not
/// taken for its successor's.
pub(super) type ThreadNumber = u64;

pub(super) enum Message {
    /// A plugin file was read, checked and compiled, or refused.
    Loaded { ticket: u64, loaded: Result<Plugin, Fault>, load_ms: f64 },
    /// A projector thread has something to say.
    Projector { thread: ThreadNumber, name: String, word: Word },
    /// Something happened in the plugin folder, which the loop looks at anyway.
    FolderStirred,
    /// The event store cannot be followed at the moment.
    Trouble(Fault),
}

/// What a projector thread says.
pub(super) enum Word {
    /// Its instance is open.
    Opened,
    /// How far it is; at most a few times a second.
    Progress { progress: Progress, events_per_s: u64 },
    /// Its plugin logged something.
    Said(Vec<LogLine>),
    /// A candidate generation is complete, durable and near the head.
    Complete(Completed),
    /// The checkpoint is the head; said once after each start.
    CaughtUp,
    /// It ran into something that may pass, and will try again.
    Retrying(Fault),
    /// It failed for good; the thread ends.
    Faulted(Fault),
    /// It was asked to stop and has; the thread ends.
    Stopped,
}

/// A generation that is ready to serve.
pub(super) struct Completed {
    pub generation: GenerationId,
    pub checkpoint: Position,
    pub events: u64,
    pub rows: u64,
    pub replay_ms: f64,
    pub finish_ms: f64,
}
