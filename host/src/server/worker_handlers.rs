//! What the host does when a **worker** sends something.

use crate::event::Fault;
use crate::projection::{Signal, State};

use super::host::Host;
use super::message::{ThreadNumber, WorkerEvent};
use super::notice::Notice;
use super::snapshot::{Building, ReconcileStep};
use super::status;

impl Host {
    pub(super) fn handle_worker(&mut self, thread: ThreadNumber, name: &str, event: WorkerEvent) {
        if let WorkerEvent::Stopped | WorkerEvent::Failed(_) = event {
            self.ended.insert(thread);
        }
        if let WorkerEvent::Logged(lines) = event {
            self.notices.extend(lines.into_iter().map(|line| Notice::Logged {
                projection: name.to_owned(),
                level: line.level.as_str(),
                message: line.message,
            }));
            return;
        }
        let Some(entry) = self.projections.get_mut(name) else { return };
        let is_candidate = entry.is_candidate_thread(thread);
        if !is_candidate && !entry.is_serving_thread(thread) {
            return; // of one that was asked to stop
        }
        let step = if is_candidate { ReconcileStep::Build } else { ReconcileStep::Follow };
        match event {
            WorkerEvent::Opened if !is_candidate => entry.signal(Signal::Opened),
            WorkerEvent::Opened | WorkerEvent::Stopped | WorkerEvent::Logged(_) => {}
            WorkerEvent::Progress { progress, events_per_s } => {
                if is_candidate && let Some(building) = &mut entry.published.building {
                    *building = Building {
                        covered: progress.covered,
                        through: progress.through,
                        events_per_s,
                        hash: std::mem::take(&mut building.hash),
                    };
                }
                self.notices.push_back(Notice::Progress {
                    projection: name.to_owned(),
                    stage: progress.stage,
                    covered: progress.covered,
                    head: progress.through,
                    events_per_s,
                });
            }
            WorkerEvent::CaughtUp => {
                entry.waits.remove(&step);
                if !is_candidate {
                    entry.caught_up = true;
                    entry.signal(Signal::CaughtUp);
                } else if let Some(candidate) = &mut entry.candidate {
                    candidate.caught_up = true;
                }
            }
            WorkerEvent::Retrying(fault) => {
                entry.worker_waits = Some((thread, fault.clone()));
                self.notify_waiting(name, step, fault);
            }
            WorkerEvent::Recovered => entry.worker_waits = None,
            WorkerEvent::Warning(fault) => self.warn(fault),
            WorkerEvent::Complete(completed) => {
                entry.waits.remove(&step);
                entry.worker_waits = None;
                if let Some(candidate) = &mut entry.candidate {
                    candidate.completed = Some(completed);
                }
                self.reconcile(name);
                return;
            }
            WorkerEvent::Failed(fault) => {
                entry.worker_waits = None;
                self.handle_failed(name, step, fault);
                return;
            }
        }
        self.publish(name);
    }

    /// A worker's thread ended with a fault.
    fn handle_failed(&mut self, name: &str, step: ReconcileStep, fault: Fault) {
        match (step, fault.retry) {
            (ReconcileStep::Build, false) => self.refuse_candidate(name, fault),
            (ReconcileStep::Build, true) => {
                self.drop_candidate(name);
                self.wait(name, step, fault);
            }
            (_, false) => self.park(name, fault),
            (_, true) => {
                if let Some(entry) = self.projections.get_mut(name)
                    && let Some(worker) = entry.serving.take()
                {
                    self.retire(name, worker, None);
                }
                self.wait(name, step, fault);
            }
        }
    }

    /// A step met something that may pass: it is tried again later.
    pub(super) fn wait(&mut self, name: &str, step: ReconcileStep, fault: Fault) {
        if let Some(entry) = self.projections.get_mut(name) {
            entry.wait(step, fault.clone());
        }
        self.notify_waiting(name, step, fault);
        self.publish(name);
    }

    /// Tells of it, unless it is what was last told of this projection.
    fn notify_waiting(&mut self, name: &str, step: ReconcileStep, fault: Fault) {
        let Some(entry) = self.projections.get_mut(name) else { return };
        let is_known =
            entry.published.waiting.as_ref().is_some_and(|last| last.step == step && last.reason == fault.message);
        if !is_known {
            self.notices.push_back(Notice::Waiting { projection: Some(name.to_owned()), file: None, step, fault });
        }
    }

    /// The serving projector failed: its read model stays as it is at the checkpoint.
    pub(super) fn park(&mut self, name: &str, fault: Fault) {
        let checkpoint = status::checkpoint(&self.catalogue, name);
        let Some(entry) = self.projections.get_mut(name) else { return };
        if entry.published.state == State::Stopped {
            // It did not even start.
            entry.signal(Signal::Started);
        }
        entry.signal(Signal::Faulted);
        entry.published.fault = Some(fault.clone());
        entry.waits.remove(&ReconcileStep::Follow);
        if let Some(worker) = entry.serving.take() {
            self.retire(name, worker, None);
        }
        self.notices.push_back(Notice::Parked { projection: name.to_owned(), checkpoint, fault });
        self.publish(name);
    }

    /// The candidate failed: what served goes on serving.
    pub(super) fn refuse_candidate(&mut self, name: &str, fault: Fault) {
        let Some(entry) = self.projections.get(name) else { return };
        let path = entry.path.clone();
        let plugin = entry.candidate.as_ref().map(|candidate| candidate.worker.plugin.clone());
        let plugin = plugin.or_else(|| entry.file.as_ref().map(|file| file.plugin.clone()));
        let failed = plugin.map(|plugin| self.key(name, &plugin));
        self.drop_candidate(name);
        if let Some(entry) = self.projections.get_mut(name) {
            entry.failed = failed;
            entry.waits.remove(&ReconcileStep::Build);
            entry.waits.remove(&ReconcileStep::Swap);
        }
        self.refuse(path.as_deref(), Some(name.to_owned()), fault);
    }
}
