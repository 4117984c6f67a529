//! A **message** is what wakes the host's loop: a closed set, so that one `match` shows it all.

use crossbeam_channel::Sender;

use crate::event::{Fault, Position, Result};
use crate::plugin::{LogLine, Plugin};
use crate::projection::Progress;
use crate::read_model::GenerationId;

use super::command::{Command, CommandReply};

/// Which worker's thread sent something: each has a number of its own, so that a late message of a stopped one is not
/// taken for its successor's.
pub(super) type ThreadNumber = u64;

pub(super) enum HostMessage {
    /// A plugin file was read, checked and compiled, or refused.
    Loaded { ticket: u64, loaded: Result<Plugin, Fault>, load_ms: f64 },
    /// From a worker.
    Worker { thread: ThreadNumber, name: String, event: WorkerEvent },
    /// An operator's command, from this process.
    Command { command: Command, reply: Sender<Result<CommandReply>> },
    /// Something goes wrong that concerns no projection in particular.
    Warning(Fault),
    /// The plugin folder, the requests of other processes, the memory or a stop is worth a look.
    Wake,
}

/// What happens to a worker.
pub(super) enum WorkerEvent {
    /// Its instance is open.
    Opened,
    /// How far it is; at most a few times a second.
    Progress { progress: Progress, events_per_s: u64 },
    /// Its plugin logged something.
    Logged(Vec<LogLine>),
    /// A candidate generation is complete, durable and near the head.
    Complete(Completed),
    /// The checkpoint is the head; sent once after each start.
    CaughtUp,
    /// It met something that may pass, and tries again by itself.
    Retrying(Fault),
    /// What it met has passed.
    Recovered,
    /// Something went wrong that it does without.
    Warning(Fault),
    /// It failed; the thread ends.
    Failed(Fault),
    /// It was asked to stop and has; the thread ends.
    Stopped,
}

/// A generation that is ready to serve.
#[derive(Clone, Debug)]
pub(super) struct Completed {
    pub generation: GenerationId,
    pub checkpoint: Position,
    pub events: u64,
    pub rows: u64,
    pub replay_ms: f64,
    pub finish_ms: f64,
}
