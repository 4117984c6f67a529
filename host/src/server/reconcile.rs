//! **Steering**: what a projection should run, against what it runs.
//!
//! What should be follows from few facts: whether its plugin file is there, whether an operator paused it, which
//! generation serves, what the file holds. Whatever changed one of them calls [`Host::steer`], which stops what should
//! not run and starts what should; so no order of happenings can leave the wrong thing running.

use std::time::{Duration, Instant};

use crate::event::{Fault, Result, Timestamp};
use crate::plugin::{self, Plugin, PluginHash};
use crate::projection::{self, BatchSize, Signal, State};
use crate::read_model::{Facts, GenerationId, GenerationRecord, Wanted};

use super::handlers::Purpose;
use super::host::{Host, Retiring};
use super::message::Completed;
use super::notice::{Notice, SwapReport};
use super::projection_entry::{Building, Candidate, ProjectionEntry};
use super::requests::Answer;
use super::status;
use super::worker::{Assignment, Task, Worker, millis};

/// After something that may pass, a projection is looked at again this much later.
const REST: Duration = Duration::from_secs(1);

impl Host {
    /// Brings a projection to what it should run. What goes wrong concerns this projection alone.
    pub(super) fn steer(&mut self, name: &str) {
        let steered = self.try_steer(name);
        let Some(entry) = self.projections.get_mut(name) else { return };
        entry.again = None;
        match steered {
            Ok(()) => self.publish(name),
            Err(fault) if fault.retry => {
                entry.again = Some(Instant::now() + REST);
                self.trouble(fault);
            }
            Err(fault) => self.park(name, fault),
        }
    }

    fn try_steer(&mut self, name: &str) -> Result<()> {
        let Some(record) = self.catalogue.projection(name)? else { return Ok(()) };
        let serving = self.catalogue.serving(name)?;
        let is_paused = record.wanted == Wanted::Paused;
        let Some(entry) = self.projections.get_mut(name) else { return Ok(()) };
        let should_run = self.is_booted && entry.path.is_some() && !is_paused;

        let runs_other =
            entry.serving.as_ref().is_some_and(|worker| Some(worker.generation) != serving.as_ref().map(|one| one.id));
        if !should_run {
            entry.signal(if is_paused { Signal::PauseAsked } else { Signal::StopAsked });
        }
        let stopped = if should_run && !runs_other { None } else { entry.serving.take() };
        let is_stale = entry.candidate.as_ref().is_some_and(|candidate| is_stale(entry, candidate));
        if let Some(worker) = stopped {
            self.retire(name, worker, None);
        }
        if is_stale || !should_run {
            self.drop_candidate(name);
        }
        if !should_run {
            let reason = match (self.is_booted, is_paused) {
                (false, _) => "the host went down",
                (true, true) => "it is paused",
                (true, false) => "its plugin file is gone",
            };
            self.give_up_rebuild(name, reason);
            return Ok(());
        }
        // What keeps the old from following is no reason not to build the new.
        let followed = serving.as_ref().map_or(Ok(()), |serving| self.follow(name, serving));
        let built = self.build(name, serving.as_ref(), record.rolled_back_from.as_deref());
        followed.and(built)
    }

    /// Lets the serving generation follow, unless it does already or is parked.
    fn follow(&mut self, name: &str, serving: &GenerationRecord) -> Result<()> {
        let Some(entry) = self.projections.get(name) else { return Ok(()) };
        // A worker that still holds the file is waited for: when it has gone, the projection is steered again.
        if entry.serving.is_some() || entry.published.state == State::Parked || self.is_held(serving.id) {
            return Ok(());
        }
        let hash = &serving.identity.plugin_hash;
        let loaded = entry.file.iter().map(|file| &file.plugin).chain(&entry.kept);
        let Some(plugin) = loaded.into_iter().find(|plugin| plugin.hash().to_string() == *hash).cloned() else {
            let purpose = Purpose::Serve { name: name.to_owned() };
            if self.loading.values().any(|loading| loading.purpose == purpose) {
                return Ok(());
            }
            let bytes = self.kept_plugin(name, hash)?;
            return self.load(purpose, bytes.into(), Instant::now());
        };
        let worker = self.start(serving, plugin, Task::Follow)?;
        let checkpoint = status::checkpoint(&self.catalogue, name);
        if let Some(entry) = self.projections.get_mut(name) {
            entry.serving = Some(worker);
            entry.caught_up = false;
            entry.signal(Signal::Started);
        }
        self.notices.push_back(Notice::Resumed { projection: name.to_owned(), checkpoint });
        Ok(())
    }

    /// Builds a candidate beside what serves, when the plugin file differs from it or a rebuild was asked for; a
    /// generation that is kept and equal is brought back instead.
    fn build(&mut self, name: &str, serving: Option<&GenerationRecord>, rolled_back_from: Option<&str>) -> Result<()> {
        let Some(ProjectionEntry { file: Some(file), candidate: None, rebuild_asked, failed, .. }) =
            self.projections.get(name)
        else {
            return Ok(());
        };
        let (plugin, bytes) = (file.plugin.clone(), file.bytes.clone());
        let (is_asked, failed) = (rebuild_asked.is_some(), failed.clone());
        let (mut changed, load_ms) = (file.changed, file.load_ms);
        let key = self.key(name, &plugin);
        let settings = self.project.settings_of(name);
        let hash = plugin.hash().to_string();
        let is_other = serving.is_none_or(|one| one.identity.plugin_hash != hash || one.identity.settings != settings);
        let was_given_up = failed.as_ref() == Some(&key) || rolled_back_from == Some(&key);
        let is_wanted = is_asked || (is_other && !was_given_up);
        if !is_wanted {
            return Ok(());
        }
        if is_asked {
            changed = Instant::now();
        }
        let kept = if is_asked { None } else { self.catalogue.find_ready(name, &hash, &settings)? };
        let (record, task) = match kept {
            Some(record) if self.is_held(record.id) => return Ok(()),
            Some(record) => (record, Task::Return),
            None => {
                let identity = projection::identity(&plugin, settings);
                (self.catalogue.begin(&identity, plugin.manifest(), &bytes)?, Task::Build { identity })
            }
        };
        let is_new = matches!(task, Task::Build { .. });
        let (version, short) = (plugin.manifest().version, plugin.hash().short());
        self.notices.push_back(Notice::Building { projection: name.to_owned(), version, hash: short.clone() });
        let worker = match self.start(&record, plugin, task) {
            Ok(worker) => worker,
            Err(fault) => {
                if is_new {
                    self.catalogue.discard(record.id)?;
                }
                return Err(fault);
            }
        };
        let through = self.head.head();
        if let Some(entry) = self.projections.get_mut(name) {
            entry.published.building =
                Some(Building { hash: short, covered: Default::default(), through, events_per_s: 0 });
            entry.candidate = Some(Candidate { worker, changed, load_ms, is_new });
        }
        // While the worker builds. What fails here fails the swap, if it does so again.
        if let Err(fault) = self.catalogue.sync_plugins() {
            self.trouble(fault);
        }
        Ok(())
    }

    /// The bytes of the plugin that a generation was built by: those kept with it or, when they are damaged or gone,
    /// the same ones out of the plugin folder, which are kept anew.
    fn kept_plugin(&mut self, name: &str, hash: &str) -> Result<Vec<u8>> {
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

    fn start(&mut self, record: &GenerationRecord, plugin: Plugin, task: Task) -> Result<Worker> {
        let name = &record.identity.projection;
        Worker::start(Assignment {
            thread: self.next_number(),
            task,
            generation: record.id,
            file: self.catalogue.generation_path(name, record.id),
            limits: self.project.limits_of(name).clone(),
            memory: self.memory.share(),
            settings: record.identity.settings.clone(),
            size: BatchSize::events(self.project.batch_events),
            source: self.source.clone(),
            history: self.history.clone(),
            head: self.head.clone(),
            sender: self.sender.clone(),
            plugin,
        })
    }

    /// A complete candidate takes over.
    pub(super) fn swap(&mut self, name: &str, completed: Completed) {
        let swapping = Instant::now();
        let Some(ProjectionEntry { candidate: Some(Candidate { is_new, .. }), .. }) = self.projections.get(name) else {
            return;
        };
        let replaced = match self.make_serve(name, &completed, *is_new) {
            Ok(replaced) => replaced,
            Err(fault) => return self.refuse_candidate(name, fault),
        };
        let Some(entry) = self.projections.get_mut(name) else { return };
        let Some(candidate) = entry.candidate.take() else { return };
        let report = SwapReport {
            projection: name.to_owned(),
            version: candidate.worker.plugin.manifest().version,
            hash: candidate.worker.plugin.hash().short(),
            replaced,
            events: completed.events,
            rows: completed.rows,
            checkpoint: completed.checkpoint,
            served_ms: millis(candidate.changed),
            load_ms: candidate.load_ms,
            replay_ms: completed.replay_ms,
            finish_ms: completed.finish_ms + millis(swapping),
        };
        let former = entry.serving.replace(candidate.worker);
        entry.caught_up = false;
        entry.kept = None;
        entry.published.building = None;
        entry.published.refused = None;
        entry.signal(Signal::Started);
        entry.signal(Signal::Opened);
        entry.swapped = Some(report.clone());
        let asked = entry.rebuild_asked.take();
        if let Some(former) = former {
            self.retire(name, former, None);
        }
        self.notices.push_back(Notice::Swapped(report.clone()));
        self.answer(asked, Answer::Swapped(report));
        self.worn.push(name.to_owned());
        self.steer(name);
    }

    /// The swap itself; returns the short hash of what served before.
    fn make_serve(&mut self, name: &str, completed: &Completed, is_new: bool) -> Result<Option<String>> {
        if is_new {
            let &Completed { checkpoint, events, rows, replay_ms, .. } = completed;
            let facts = Facts { checkpoint, events, rows, replay_ms };
            self.catalogue.ready(completed.generation, &facts, Timestamp::now())?;
        }
        let replaced = self.catalogue.serving(name)?.as_ref().map(status::short_hash);
        if let Some(fault) = self.catalogue.swap(name, completed.generation)?.link_fault {
            self.trouble(fault);
        }
        Ok(replaced)
    }

    /// Asks a worker to stop. An unfinished generation is thrown away once the worker is gone.
    pub(super) fn retire(&mut self, name: &str, worker: Worker, discard: Option<GenerationId>) {
        worker.stop(&self.head);
        self.retiring.push(Retiring { projection: name.to_owned(), worker, discard });
    }

    pub(super) fn drop_candidate(&mut self, name: &str) {
        let Some(entry) = self.projections.get_mut(name) else { return };
        entry.published.building = None;
        if let Some(candidate) = entry.candidate.take() {
            let discard = candidate.is_new.then_some(candidate.worker.generation);
            self.retire(name, candidate.worker, discard);
        }
    }

    fn give_up_rebuild(&mut self, name: &str, reason: &str) {
        let asked = self.projections.get_mut(name).and_then(|entry| entry.rebuild_asked.take());
        let fault = Fault::input(format!("the rebuild of `{name}` was given up: {reason}"));
        self.answer(asked, Answer::Failed(fault));
    }

    /// Whether a worker that was asked to stop still has this generation open.
    fn is_held(&self, generation: GenerationId) -> bool {
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
