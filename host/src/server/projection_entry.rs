//! An **entry** is what the host knows of one projection: its plugin file, the worker whose generation serves, and the
//! worker that builds the next one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::event::Fault;
use crate::plugin::Plugin;
use crate::projection::{Signal, State};

use super::backoff::Backoff;
use super::command::ReplyTo;
use super::message::{Completed, ThreadNumber};
use super::notice::SwapReport;
use super::snapshot::{Published, ReconcileStep, Waiting};
use super::worker::Worker;

#[derive(Default)]
pub(super) struct ProjectionEntry {
    /// The plugin file that has this name, while there is one.
    pub path: Option<PathBuf>,
    /// What lies there, once it was loaded; the last that could be.
    pub file: Option<PluginFile>,
    /// The file's name and what it holds, as far as the catalogue knows it.
    pub recorded: Option<Recorded>,
    /// The plugin of the serving generation, when it had to be loaded from the bytes kept with it.
    pub kept: Option<Plugin>,
    /// Whether the serving generation is parked because its plugin's bytes are nowhere to be found.
    pub needs_plugin: bool,
    /// Runs the serving generation.
    pub serving: Option<Worker>,
    /// Builds, or brings back, another.
    pub candidate: Option<Candidate>,
    /// Whether the serving worker has reached the head since it was started.
    pub caught_up: bool,
    /// Plugin and settings whose candidate failed: not tried again until one of them changes.
    pub failed: Option<String>,
    /// Why its plugin file, or the kept bytes of it, cannot be loaded now.
    pub load_waits: Option<Fault>,
    /// Steps that met something that may pass.
    pub waits: BTreeMap<ReconcileStep, Backoff>,
    /// What a worker met that may pass, while it tries again by itself.
    pub worker_waits: Option<(ThreadNumber, Fault)>,
    /// Why its build has not begun, though nothing is wrong.
    pub queued: Option<String>,
    /// Who waits for a rebuild.
    pub rebuild_asked: Option<ReplyTo>,
    /// The last swap since the host came up.
    pub swapped: Option<SwapReport>,
    /// What others see of it.
    pub published: Published,
    /// What was last written to the catalogue of it.
    pub published_text: String,
}

/// A file's name in the plugin folder, and the key of what it holds.
pub(super) type Recorded = (Option<String>, Option<String>);

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
    /// Whether it has reached the head, which it may while the swap has to wait.
    pub caught_up: bool,
    /// What it came to, once it is ready to serve and until it does.
    pub completed: Option<Completed>,
}

impl ProjectionEntry {
    /// Whether it has what it can have, and nothing is on its way.
    pub fn is_at_rest(&self) -> bool {
        self.candidate.is_none()
            && self.load_waits.is_none()
            && self.waits.is_empty()
            && self.worker_waits.is_none()
            && self.queued.is_none()
            && self.rebuild_asked.is_none()
            && (self.serving.is_none() || self.caught_up)
    }

    /// Whether a build runs.
    pub fn is_building(&self) -> bool {
        self.candidate.as_ref().is_some_and(|candidate| candidate.is_new && candidate.completed.is_none())
    }

    /// Whether a step has to rest before it is tried again.
    pub fn is_resting(&self, step: ReconcileStep, now: Instant) -> bool {
        self.waits.get(&step).is_some_and(|backoff| backoff.is_resting(now))
    }

    /// A step met something that may pass.
    pub fn wait(&mut self, step: ReconcileStep, fault: Fault) {
        let backoff = Backoff::after(self.waits.get(&step), fault);
        self.waits.insert(step, backoff);
    }

    /// When the first of its steps is to be tried again.
    pub fn again(&self) -> Option<Instant> {
        self.waits.values().filter_map(Backoff::again).min()
    }

    /// What it waits for, as others see it.
    pub fn waiting(&self) -> Option<Waiting> {
        let of = |step: ReconcileStep, fault: &Fault| Waiting {
            step,
            reason: fault.message.clone(),
            hint: fault.hint.clone(),
        };
        let resting = self.waits.iter().find(|(_, backoff)| backoff.again().is_some());
        let resting = resting.map(|(step, backoff)| of(*step, &backoff.fault));
        let worker = self.worker_waits.as_ref().map(|(thread, fault)| {
            of(if self.is_candidate_thread(*thread) { ReconcileStep::Build } else { ReconcileStep::Follow }, fault)
        });
        let queued = self.queued.as_ref();
        let queued = queued.map(|reason| Waiting { step: ReconcileStep::Build, reason: reason.clone(), hint: None });
        let load = self.load_waits.as_ref().map(|fault| of(ReconcileStep::Load, fault));
        load.or(resting).or(worker).or(queued)
    }

    /// Forgets that it was parked or paused, so that it may be started again.
    pub fn unpark(&mut self) {
        self.needs_plugin = false;
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
