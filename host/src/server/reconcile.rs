//! **Reconciling**: what a projection should run, against what it runs.
//!
//! What should be follows from few things: whether its plugin file is there, whether an operator paused it, which
//! generation serves, what the file holds. Whatever changed one of them calls [`Host::reconcile`], which stops what
//! should not run and starts what should; so no order of messages can leave the wrong thing running. It goes in steps,
//! and a step that meets something that may pass is tried again without touching the others.

use std::time::Instant;

use crate::event::{Fault, Result};
use crate::plugin::{self, Plugin, PluginHash};
use crate::projection::{BatchSize, Signal, State};
use crate::read_model::{DesiredState, GenerationId, GenerationRecord, ProjectionRecord};

use super::command::CommandReply;
use super::host::{Host, Retiring};
use super::notice::Notice;
use super::projection_entry::{Candidate, ProjectionEntry};
use super::segment_sealer::SegmentSealer;
use super::snapshot::ReconcileStep;
use super::status::{self, file_name};
use super::worker::{Assignment, Task, Worker};

/// What a projection should run.
pub(super) struct Desired {
    pub record: ProjectionRecord,
    /// The generation that serves.
    pub serving: Option<GenerationRecord>,
    is_paused: bool,
    /// Whether anything of it should run.
    runs: bool,
}

impl Host {
    /// Takes over what the last host left, as far as its plugin file is still there.
    pub(super) fn boot(&mut self) -> Result<()> {
        self.is_booted = true;
        if let Some(history) = &self.history {
            let (source, head, sender) = (self.source.clone(), self.head.clone(), self.sender.clone());
            self.sealer = Some(SegmentSealer::start(history.clone(), source, head, sender)?);
        }
        for record in self.catalogue.projections()? {
            let entry = self.projections.entry(record.name.clone()).or_default();
            super::publish::take_over(entry, record.state.as_deref());
            entry.unpark();
            entry.recorded = Some((record.plugin_file.clone(), record.file_hash.clone()));
            entry.path =
                record.plugin_file.as_ref().map(|file| self.project.plugins.join(file)).filter(|file| file.exists());
            if let Some(path) = entry.path.clone() {
                self.names_by_file.insert(path, record.name.clone());
            }
            self.reconcile(&record.name);
        }
        Ok(())
    }

    /// Brings a projection to what it should run. What goes wrong concerns this projection alone.
    pub(super) fn reconcile(&mut self, name: &str) {
        let now = Instant::now();
        let Some(entry) = self.projections.get_mut(name) else { return };
        entry.waits.values_mut().filter(|backoff| !backoff.is_resting(now)).for_each(|backoff| backoff.trying());
        let mut desired = None;
        self.step(name, ReconcileStep::Look, |host| {
            desired = host.desired(name)?;
            Ok(())
        });
        let Some(desired) = desired else { return };
        self.stop_what_should_not_run(name, &desired);
        if desired.runs {
            // Each for itself: a build that cannot begin is no reason to stop what serves, and what keeps the old from
            // following is no reason not to build the new.
            self.step(name, ReconcileStep::Follow, |host| host.follow(name, &desired));
            self.step(name, ReconcileStep::Build, |host| host.build(name, &desired));
            self.step(name, ReconcileStep::Swap, |host| host.swap(name));
        }
        self.step(name, ReconcileStep::Record, |host| host.record_file(name));
        self.publish(name);
    }

    /// Takes one step, unless it rests.
    fn step(&mut self, name: &str, step: ReconcileStep, take: impl FnOnce(&mut Host) -> Result<()>) {
        let Some(entry) = self.projections.get(name) else { return };
        if entry.is_resting(step, Instant::now()) {
            return;
        }
        match (take(self), step) {
            // Whether it went well shows later: its worker tells.
            (Ok(()), ReconcileStep::Follow | ReconcileStep::Build) => {}
            (Ok(()), _) => {
                if let Some(entry) = self.projections.get_mut(name) {
                    entry.waits.remove(&step);
                }
            }
            (Err(fault), _) if fault.retry => self.wait(name, step, fault),
            (Err(fault), ReconcileStep::Follow) => self.park(name, fault),
            (Err(fault), ReconcileStep::Build | ReconcileStep::Swap) => self.refuse_candidate(name, fault),
            // The catalogue is damaged: what runs goes on, and it is looked at again.
            (Err(fault), ReconcileStep::Look | ReconcileStep::Record | ReconcileStep::Load) => {
                self.wait(name, step, fault)
            }
        }
    }

    /// What a projection should run; nothing is known of one that the catalogue does not have.
    fn desired(&mut self, name: &str) -> Result<Option<Desired>> {
        let Some(entry) = self.projections.get(name) else { return Ok(None) };
        let has_file = entry.path.is_some();
        let record = match self.catalogue.projection(name)? {
            Some(record) => record,
            // It is new: its file is noted first, which makes it known.
            None if has_file => {
                self.record_file(name)?;
                match self.catalogue.projection(name)? {
                    Some(record) => record,
                    None => return Ok(None),
                }
            }
            None => return Ok(None),
        };
        let serving = self.catalogue.serving(name)?;
        let is_paused = record.desired_state == DesiredState::Paused;
        Ok(Some(Desired { serving, is_paused, runs: self.is_booted && has_file && !is_paused, record }))
    }

    fn stop_what_should_not_run(&mut self, name: &str, desired: &Desired) {
        let Some(entry) = self.projections.get_mut(name) else { return };
        let serving = desired.serving.as_ref().map(|serving| serving.id);
        let runs_other = entry.serving.as_ref().is_some_and(|worker| Some(worker.generation) != serving);
        if !desired.runs {
            entry.signal(if desired.is_paused { Signal::PauseAsked } else { Signal::StopAsked });
            entry.queued = None;
            entry.worker_waits = None;
            if self.is_booted {
                entry.waits.clear();
            }
        }
        let stopped = if desired.runs && !runs_other { None } else { entry.serving.take() };
        let is_stale = entry.candidate.as_ref().is_some_and(|candidate| is_stale(entry, candidate));
        if let Some(worker) = stopped {
            self.retire(name, worker, None);
        }
        if is_stale || !desired.runs {
            self.drop_candidate(name);
        }
        if !desired.runs {
            self.build_queue.retain(|queued| queued != name);
            let reason = match (self.is_booted, desired.is_paused) {
                (false, _) => "the host went down",
                (true, true) => "it is paused",
                (true, false) => "its plugin file is gone",
            };
            let asked = self.projections.get_mut(name).and_then(|entry| entry.rebuild_asked.take());
            let fault = Fault::input(format!("the rebuild of `{name}` was given up: {reason}"));
            self.reply(asked, CommandReply::Failed(fault));
        }
    }

    /// Lets the serving generation follow, unless it does already or is parked.
    fn follow(&mut self, name: &str, desired: &Desired) -> Result<()> {
        let Some(serving) = &desired.serving else { return Ok(()) };
        let Some(entry) = self.projections.get(name) else { return Ok(()) };
        // A worker that still holds the file is waited for: when it has gone, the projection is reconciled again.
        if entry.serving.is_some() || entry.published.state == State::Parked || self.is_held(serving.id) {
            return Ok(());
        }
        let hash = &serving.identity.plugin_hash;
        let loaded = entry.file.iter().map(|file| &file.plugin).chain(&entry.kept);
        let Some(plugin) = loaded.into_iter().find(|plugin| plugin.hash().to_string() == *hash).cloned() else {
            return self.load_kept(name, hash);
        };
        let worker = self.start_worker(serving, plugin, Task::Follow, self.memory.share())?;
        let checkpoint = status::checkpoint(&self.catalogue, name);
        if let Some(entry) = self.projections.get_mut(name) {
            entry.serving = Some(worker);
            entry.caught_up = false;
            entry.signal(Signal::Started);
        }
        self.notices.push_back(Notice::Resumed { projection: name.to_owned(), checkpoint });
        Ok(())
    }

    /// Notes in the catalogue which plugin file the projection has, and what it holds.
    fn record_file(&mut self, name: &str) -> Result<()> {
        let Some(entry) = self.projections.get(name) else { return Ok(()) };
        let file = entry.path.as_deref().map(file_name);
        let key = match (&entry.file, &entry.recorded) {
            (Some(file), _) => Some(self.key(name, &file.plugin)),
            // It is not loaded yet: what is noted holds.
            (None, Some((_, key))) if file.is_some() => key.clone(),
            (None, _) => None,
        };
        let recorded = Some((file, key));
        if entry.recorded == recorded || !self.is_booted {
            return Ok(());
        }
        let (file, key) = recorded.as_ref().expect("just made");
        self.catalogue.set_file(name, file.as_deref(), key.as_deref())?;
        if let Some(entry) = self.projections.get_mut(name) {
            entry.recorded = recorded;
        }
        Ok(())
    }

    /// The bytes of the plugin that a generation was built by: those kept with it or, when they are damaged or gone,
    /// the same ones out of the plugin folder, which are kept anew.
    pub(super) fn kept_plugin(&mut self, name: &str, hash: &str) -> Result<Vec<u8>> {
        let fault = match self.catalogue.plugin(hash) {
            Ok(bytes) => return Ok(bytes),
            Err(fault) => fault,
        };
        let path = self.projections.get(name).and_then(|entry| entry.path.as_deref());
        let dropped = path.and_then(|path| plugin::read_file(path).ok());
        match dropped.filter(|bytes| PluginHash::of(bytes).to_string() == hash) {
            Some(bytes) => {
                self.catalogue.keep_plugin(hash, &bytes)?;
                tracing::warn!("{fault}: it was kept anew from the plugin folder");
                Ok(bytes)
            }
            None => Err(fault),
        }
    }

    pub(super) fn start_worker(
        &mut self,
        record: &GenerationRecord,
        plugin: Plugin,
        task: Task,
        memory: crate::plugin::MemoryShare,
    ) -> Result<Worker> {
        let name = &record.identity.projection;
        Worker::start(Assignment {
            thread: self.next_number(),
            task,
            generation: record.id,
            file: self.catalogue.generation_path(name, record.id),
            limits: self.project.limits_of(name).clone(),
            memory,
            settings: record.identity.settings.clone(),
            size: BatchSize::events(self.project.batch_events),
            build: self.project.build,
            source: self.source.clone(),
            history: self.history.clone(),
            head: self.head.clone(),
            sender: self.sender.clone(),
            plugin,
        })
    }

    /// Asks a worker to stop. An unfinished generation is thrown away once the worker is gone.
    pub(super) fn retire(&mut self, name: &str, worker: Worker, discard: Option<GenerationId>) {
        worker.stop(&self.head);
        self.retiring.push(Retiring { projection: name.to_owned(), worker, discard });
    }

    /// Whether a worker that was asked to stop still has this generation open.
    pub(super) fn is_held(&self, generation: GenerationId) -> bool {
        self.retiring.iter().any(|one| one.worker.generation == generation && !one.worker.is_finished())
    }

    /// What tells one candidate from another: the plugin's bytes and its settings.
    pub(super) fn key(&self, name: &str, plugin: &Plugin) -> String {
        format!("{} {}", plugin.hash(), self.project.settings_of(name))
    }
}

/// Whether a candidate is no longer what should be built.
fn is_stale(entry: &ProjectionEntry, candidate: &Candidate) -> bool {
    let is_of_file = entry.file.as_ref().is_some_and(|file| file.plugin.hash() == candidate.worker.plugin.hash());
    !is_of_file || (entry.rebuild_asked.is_some() && !candidate.is_new)
}
