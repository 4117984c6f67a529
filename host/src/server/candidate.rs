//! A **candidate** is the generation that is to serve next: it waits for room and a core, is built beside what serves,
//! and is swapped in.

use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use crate::event::{Result, Timestamp};
use crate::plugin::MemoryShare;
use crate::projection::{self, Signal};
use crate::read_model::BuildStatistics;

use super::command::CommandReply;
use super::host::Host;
use super::load_queue::Purpose;
use super::message::Completed;
use super::notice::{Notice, SwapReport};
use super::projection_entry::{Candidate, ProjectionEntry};
use super::reconcile::Desired;
use super::snapshot::{Building, ReconcileStep};
use super::status::short_hash;
use super::worker::{Task, millis};

impl Host {
    /// Builds a candidate beside what serves, when the plugin file differs from it or a rebuild was asked for; a
    /// generation that is kept and equal is brought back instead.
    pub(super) fn build(&mut self, name: &str, desired: &Desired) -> Result<()> {
        let Some(entry) = self.projections.get(name) else { return Ok(()) };
        let ProjectionEntry { file: Some(file), candidate: None, rebuild_asked, failed, .. } = entry else {
            return Ok(());
        };
        let (plugin, bytes) = (file.plugin.clone(), file.bytes.clone());
        let is_asked = rebuild_asked.is_some();
        // A rebuild is of what lies in the folder, which is looked at once more when it was refused.
        let is_looked_at =
            |path: &PathBuf| self.refused.contains_key(path) || self.loads.is_loading(&Purpose::File(path.clone()));
        if is_asked && entry.path.as_ref().is_some_and(is_looked_at) {
            return Ok(());
        }
        let (changed, load_ms) = (if is_asked { Instant::now() } else { file.changed }, file.load_ms);
        let key = self.key(name, &plugin);
        let settings = self.project.settings_of(name);
        let hash = plugin.hash().to_string();
        let serving = desired.serving.as_ref();
        let is_other = serving.is_none_or(|one| one.identity.plugin_hash != hash || one.identity.settings != settings);
        let was_given_up = failed.as_ref() == Some(&key) || desired.record.rolled_back_from.as_ref() == Some(&key);
        if !is_asked && (!is_other || was_given_up) {
            self.leave_queue(name);
            if let Some(entry) = self.projections.get_mut(name) {
                entry.waits.remove(&ReconcileStep::Build);
            }
            return Ok(());
        }
        let kept = if is_asked { None } else { self.catalogue.find_ready(name, &hash, &settings)? };
        let (record, task, memory) = match kept {
            Some(record) if self.is_held(record.id) => return Ok(()),
            Some(record) => (record, Task::Return, self.memory.share()),
            None => {
                let bytes_needed = projection::build_bytes(plugin.manifest(), self.project.limits_of(name));
                let Some(memory) = self.room_for_build(name, bytes_needed) else { return Ok(()) };
                let identity = projection::identity(&plugin, settings);
                let record = self.catalogue.begin(&identity, plugin.manifest(), &bytes)?;
                (record, Task::Build { identity }, memory)
            }
        };
        let is_new = matches!(task, Task::Build { .. });
        let (version, short) = (plugin.manifest().version, plugin.hash().short());
        let worker = match self.start_worker(&record, plugin, task, memory) {
            Ok(worker) => worker,
            Err(fault) => {
                if is_new && let Err(other) = self.catalogue.discard(record.id) {
                    self.warn(other); // what is left of it is removed when the next host starts
                }
                return Err(fault);
            }
        };
        self.notices.push_back(Notice::Building { projection: name.to_owned(), version, hash: short.clone() });
        let through = self.head.head();
        if let Some(entry) = self.projections.get_mut(name) {
            entry.published.building =
                Some(Building { hash: short, covered: Default::default(), through, events_per_s: 0 });
            entry.candidate = Some(Candidate { worker, changed, load_ms, is_new, caught_up: false, completed: None });
        }
        // While the worker builds. What fails here fails the swap, if it does so again.
        if let Err(fault) = self.catalogue.sync_plugins() {
            self.warn(fault);
        }
        Ok(())
    }

    /// A share of the memory for a build, once it is its turn, a core is free and there is room. Builds wait in the
    /// order in which they came.
    fn room_for_build(&mut self, name: &str, bytes: u64) -> Option<MemoryShare> {
        if !self.build_queue.iter().any(|queued| queued == name) {
            self.build_queue.push_back(name.to_owned());
        }
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let running = self.projections.values().filter(|entry| entry.is_building()).count();
        let is_first = self.build_queue.front().is_some_and(|first| first == name);
        let room = match is_first && running < cores {
            // Alone it gets what those that serve have left, since they may never give any of it back.
            true if running == 0 => Some(self.memory.reserve_up_to(bytes)),
            true => self.memory.reserve(bytes),
            false => None,
        };
        let reason = match &room {
            Some(_) => None,
            None if running >= cores => Some(format!("{running} builds run, as many as there are cores")),
            None if !is_first => Some("other builds wait that came first".to_owned()),
            None => Some(format!(
                "it needs room for {} MiB: {} of {} MiB are taken",
                bytes.min(self.memory.reservation_max()) >> 20,
                self.memory.bytes_taken() >> 20,
                self.memory.bytes_max() >> 20
            )),
        };
        if room.is_some() {
            self.build_queue.pop_front();
        }
        if let Some(entry) = self.projections.get_mut(name) {
            entry.queued = reason;
        }
        room
    }

    fn leave_queue(&mut self, name: &str) {
        self.build_queue.retain(|queued| queued != name);
        if let Some(entry) = self.projections.get_mut(name) {
            entry.queued = None;
        }
    }

    /// Starts the builds that wait, as far as there is room and a core for them.
    pub(super) fn start_queued_builds(&mut self) {
        while let Some(first) = self.build_queue.front().cloned() {
            self.reconcile(&first);
            if self.build_queue.front() == Some(&first) {
                return;
            }
        }
    }

    /// A candidate that is complete takes over. Until that went well it is kept, and goes on following.
    pub(super) fn swap(&mut self, name: &str) -> Result<()> {
        let swapping = Instant::now();
        let Some(ProjectionEntry { candidate: Some(Candidate { is_new, completed: Some(completed), .. }), .. }) =
            self.projections.get(name)
        else {
            return Ok(());
        };
        let (completed, is_new) = (completed.clone(), *is_new);
        let replaced = self.make_serve(name, &completed, is_new)?;
        let Some(entry) = self.projections.get_mut(name) else { return Ok(()) };
        let Some(candidate) = entry.candidate.take() else { return Ok(()) };
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
        entry.kept = None;
        entry.needs_plugin = false;
        entry.published.building = None;
        entry.published.refused = None;
        entry.waits.remove(&ReconcileStep::Follow);
        entry.signal(Signal::Started);
        entry.signal(Signal::Opened);
        entry.caught_up = candidate.caught_up;
        if candidate.caught_up {
            entry.signal(Signal::CaughtUp);
        }
        entry.swapped = Some(report.clone());
        let asked = entry.rebuild_asked.take();
        if let Some(former) = former {
            self.retire(name, former, None);
        }
        self.notices.push_back(Notice::Swapped(report.clone()));
        self.reply(asked, CommandReply::Swapped(report));
        self.prunable.push(name.to_owned());
        Ok(())
    }

    /// The swap itself; returns the short hash of what served before.
    fn make_serve(&mut self, name: &str, completed: &Completed, is_new: bool) -> Result<Option<String>> {
        if is_new {
            let &Completed { checkpoint, events, rows, replay_ms, .. } = completed;
            let statistics = BuildStatistics { checkpoint, events, rows, replay_ms };
            self.catalogue.ready(completed.generation, &statistics, Timestamp::now())?;
        }
        let replaced = self.catalogue.serving(name)?.as_ref().map(short_hash);
        if let Some(fault) = self.catalogue.swap(name, completed.generation)?.link_fault {
            self.warn(fault);
        }
        Ok(replaced)
    }

    pub(super) fn drop_candidate(&mut self, name: &str) {
        let Some(entry) = self.projections.get_mut(name) else { return };
        entry.published.building = None;
        if let Some(candidate) = entry.candidate.take() {
            let discard = candidate.is_new.then_some(candidate.worker.generation);
            self.retire(name, candidate.worker, discard);
        }
    }
}
