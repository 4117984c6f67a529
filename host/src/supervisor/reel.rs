//! A **reel** is what the supervisor knows of one projection: its plugin file, the worker whose generation serves,
//! and the worker that builds the next one.

use std::path::PathBuf;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::event::{Fault, Position};
use crate::projector::{Signal, State};

use super::happening::ThreadNumber;
use super::notice::SwapReport;
use super::requests::Asked;
use super::worker::Worker;

#[derive(Default)]
pub(super) struct Reel {
    /// The plugin file that claims this name, while there is one.
    pub file: Option<PathBuf>,
    /// Runs the serving generation.
    pub serving: Option<Worker>,
    /// Builds, or brings back, another.
    pub candidate: Option<Candidate>,
    /// Whether the serving worker has reached the head since it was started.
    pub caught_up: bool,
    /// Who waits for a rebuild.
    pub rebuild_asked: Option<Asked>,
    /// The last swap since the host came up.
    pub swapped: Option<SwapReport>,
    /// What is told to others through the catalogue.
    pub published: Published,
}

pub(super) struct Candidate {
    pub worker: Worker,
    pub changed: Instant,
    pub load_ms: f64,
    /// Whether its generation is being built; otherwise it is a kept one that comes back.
    pub is_new: bool,
}

/// A projection's state as other processes see it. What can be read from the generation itself is not in it.
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

impl Default for Published {
    fn default() -> Self {
        Published { state: State::Stopped, fault: None, building: None, refused: None }
    }
}

impl Reel {
    /// Moves the serving projector's state on; a fault is forgotten once it runs again.
    pub fn signal(&mut self, signal: Signal) {
        self.published.state = self.published.state.after(signal);
        if !matches!(self.published.state, State::Parked | State::Paused | State::Stopped) {
            self.published.fault = None;
        }
    }

    pub fn is_serving_thread(&self, thread: ThreadNumber) -> bool {
        self.serving.as_ref().is_some_and(|worker| worker.thread == thread)
    }

    pub fn is_candidate_thread(&self, thread: ThreadNumber) -> bool {
        self.candidate.as_ref().is_some_and(|candidate| candidate.worker.thread == thread)
    }
}
