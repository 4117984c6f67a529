//! A **entry** is what the supervisor knows of one projection: its plugin file, the worker whose generation serves,
//! and the worker that builds the next one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::event::{Fault, Position};
use crate::plugin::Plugin;
use crate::projection::{Signal, State};

use super::message::ThreadNumber;
use super::notice::SwapReport;
use super::requests::Asked;
use super::worker::Worker;

#[derive(Default)]
pub(super) struct ProjectionEntry {
    /// The plugin file that claims this name, while there is one.
    pub path: Option<PathBuf>,
    /// What lies there, once it was loaded; the last that could be.
    pub file: Option<PluginFile>,
    /// The plugin of the serving generation, when it had to be loaded from the bytes kept with it.
    pub kept: Option<Plugin>,
    /// Runs the serving generation.
    pub serving: Option<Worker>,
    /// Builds, or brings back, another.
    pub candidate: Option<Candidate>,
    /// Whether the serving worker has reached the head since it was started.
    pub caught_up: bool,
    /// Plugin and settings whose candidate failed: not tried again until one of them changes.
    pub failed: Option<String>,
    /// When to look at it again after something that may pass.
    pub again: Option<Instant>,
    /// Who waits for a rebuild.
    pub rebuild_asked: Option<Asked>,
    /// The last swap since the host came up.
    pub swapped: Option<SwapReport>,
    /// What is told to others through the catalogue.
    pub published: Published,
}

/// A plugin file that was loaded.
pub(super) struct PluginFile {
    pub plugin: Plugin,
    pub bytes: Arc<[u8]>,
    pub changed: Instant,
    pub load_ms: f64,
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

impl ProjectionEntry {
    /// Whether nothing is on its way: it has what it can have.
    pub fn is_settled(&self) -> bool {
        self.candidate.is_none()
            && self.again.is_none()
            && self.rebuild_asked.is_none()
            && (self.serving.is_none() || self.caught_up)
    }

    /// Forgets that it was parked or paused, so that it may be started again.
    pub fn unpark(&mut self) {
        if matches!(self.published.state, State::Paused | State::Parked) {
            self.published.state = State::Stopped;
            self.published.fault = None;
        }
    }

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
