//! A **snapshot** is how a running host stands, for anybody to read without asking: other threads take it from a cell,
//! other processes from the status file.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::event::{Fault, Position};
use crate::projection::State;

/// How a host stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct HostSnapshot {
    /// What the projections take together.
    pub memory: MemoryUse,
    /// Plugin files that are no projection, because they were refused or cannot be read yet.
    pub files: Vec<FileState>,
    /// Builds that run.
    pub builds: usize,
    /// Builds that wait for room or a core, in their order.
    pub queued: Vec<String>,
    /// Each projection by name.
    pub projections: BTreeMap<String, Published>,
}

/// The memory budget of a host, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MemoryUse {
    /// What all projections may take together: `memory-mib-total`.
    pub bytes_max: u64,
    /// What they have taken or reserved.
    pub bytes: u64,
    /// The most at once since the host came up.
    pub bytes_peak: u64,
}

/// A plugin file that became no projection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileState {
    /// Its name.
    pub file: String,
    /// Why it was refused.
    pub refused: Option<String>,
    /// Why it has to wait; it is tried again.
    pub waiting: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A projection's state as others see it. What can be read from the generation itself is not in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Published {
    /// What the projector does, or did last.
    pub state: State,
    /// Why it is parked.
    pub fault: Option<Fault>,
    /// The candidate on its way, when there is one.
    pub building: Option<Building>,
    /// Why the plugin file was not taken, until it is.
    pub refused: Option<Fault>,
    /// What it waits for, when something may pass.
    #[serde(default)]
    pub waiting: Option<Waiting>,
}

impl Default for Published {
    fn default() -> Self {
        Published { state: State::Stopped, fault: None, building: None, refused: None, waiting: None }
    }
}

/// A candidate generation on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Building {
    /// The first 12 hex digits of the plugin's hash.
    pub hash: String,
    /// What is folded.
    pub covered: Position,
    /// Where it is going.
    pub through: Position,
    /// Events folded a second.
    pub events_per_s: u64,
}

/// What a projection waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Waiting {
    /// What is to be done.
    pub step: ReconcileStep,
    /// Why it cannot be done now.
    pub reason: String,
    /// What would help.
    pub hint: Option<String>,
}

/// What a projection is brought to in steps, each of which may have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReconcileStep {
    /// Looking up in the catalogue what it should be.
    Look,
    /// Reading and compiling its plugin.
    Load,
    /// Noting its plugin file.
    Record,
    /// Following the log with what serves.
    Follow,
    /// Building a candidate.
    Build,
    /// Swapping the candidate in.
    Swap,
}

impl ReconcileStep {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            ReconcileStep::Look | ReconcileStep::Record => "the catalogue",
            ReconcileStep::Load => "loading its plugin",
            ReconcileStep::Follow => "following the log",
            ReconcileStep::Build => "building",
            ReconcileStep::Swap => "the swap",
        }
    }
}

/// Holds the newest snapshot.
#[derive(Clone, Default)]
pub(super) struct SnapshotCell(Arc<Mutex<Arc<HostSnapshot>>>);

impl SnapshotCell {
    pub fn get(&self) -> Arc<HostSnapshot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set(&self, snapshot: HostSnapshot) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}
