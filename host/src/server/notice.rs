//! A **notice** is what the supervisor tells whoever is watching: the terminal, the log, a test.

use serde::{Deserialize, Serialize};

use crate::event::{Fault, Position};
use crate::projection::Stage;

use super::snapshot::ReconcileStep;

/// Something that happened, worth a line. A closed set; serialised with its name in `notice`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "notice", rename_all = "kebab-case")]
pub enum Notice {
    /// The host is up and watches.
    Serving {
        /// The plugin folder.
        plugins: String,
        /// The head of the log.
        head: Position,
        /// How many projections it knows.
        projections: usize,
    },
    /// A plugin file is new or has changed, and is being built beside what serves.
    Building {
        /// The projection.
        projection: String,
        /// The author's version.
        version: u32,
        /// The first 12 hex digits of the plugin's hash.
        hash: String,
    },
    /// How far a replay of more than a moment has come; at most a few a second.
    Progress {
        /// The projection.
        projection: String,
        /// Whether the log is made into history first, or events are folded.
        stage: Stage,
        /// What is folded, not all of it committed yet; or made into history.
        covered: Position,
        /// Where it is going.
        head: Position,
        /// Events a second, since the start of the stage.
        events_per_s: u64,
    },
    /// A new generation serves.
    Swapped(SwapReport),
    /// A projection that was stopped goes on from its checkpoint.
    Resumed {
        /// The projection.
        projection: String,
        /// Where it goes on.
        checkpoint: Position,
    },
    /// A plugin file was not taken; what served goes on serving.
    Refused {
        /// The projection, when the plugin got as far as saying its name.
        projection: Option<String>,
        /// The plugin file's name.
        file: String,
        /// Why.
        fault: Fault,
        /// The hash of what goes on serving, when anything does.
        serving: Option<String>,
    },
    /// A live projection stopped at a fault; its read model stays as it was at the checkpoint.
    Parked {
        /// The projection.
        projection: String,
        /// The last committed position.
        checkpoint: Position,
        /// Why.
        fault: Fault,
    },
    /// An operator paused a projection.
    Paused {
        /// The projection.
        projection: String,
    },
    /// A plugin file vanished: the projection stopped and keeps its read model.
    Removed {
        /// The projection.
        projection: String,
    },
    /// A message from a plugin.
    Logged {
        /// The projection.
        projection: String,
        /// `debug`, `info`, `warn` or `error`.
        level: &'static str,
        /// What it logged, with control characters escaped.
        message: String,
    },
    /// Something cannot be done now and may pass: it is tried again, and what serves goes on serving.
    Waiting {
        /// The projection, as far as it is known.
        projection: Option<String>,
        /// The plugin file's name, where it is about one.
        file: Option<String>,
        /// What is to be done.
        step: ReconcileStep,
        /// Why it cannot be done now.
        fault: Fault,
    },
    /// Something that concerns no projection in particular went wrong; the host goes on.
    Warning {
        /// What and why.
        fault: Fault,
    },
}

/// What a swap did, and how fast.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SwapReport {
    /// The projection.
    pub projection: String,
    /// The author's version.
    pub version: u32,
    /// The first 12 hex digits of the plugin's hash.
    pub hash: String,
    /// The hash that served before, when one did.
    pub replaced: Option<String>,
    /// Events folded into the new generation.
    pub events: u64,
    /// Rows in all its tables.
    pub rows: u64,
    /// Its checkpoint when it was swapped in.
    pub checkpoint: Position,
    /// From the change of the plugin file (or the command) to served, in milliseconds.
    pub served_ms: f64,
    /// Of that: loading and compiling.
    pub load_ms: f64,
    /// Of that: replaying.
    pub replay_ms: f64,
    /// Of that: indexes, durability and the swap itself.
    pub finish_ms: f64,
}
