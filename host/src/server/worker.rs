//! A **worker** is the thread of one projector: it builds a candidate generation, or opens one that exists, and
//! then follows the head until it is asked to stop.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use crate::event::{Blame, Fault, FaultKind, Position, Result};
use crate::event_store::Source;
use crate::history::History;
use crate::plugin::{Limits, MemoryShare, Plugin};
use crate::projection::{self, BatchSize, Proceed, Progress, Projector, ProjectorSpec, Thresholds};
use crate::read_model::{BuildOptions, Generation, GenerationId, Identity, Writer};

use super::head::HeadWatch;
use super::message::{Completed, HostMessage, ThreadNumber, WorkerEvent};
use super::stop::Stop;

/// Progress is told this often at the most.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// A projector that nobody wakes looks up after this long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Rests between tries after a fault that may pass: doubled from the first to the last.
const REST_FIRST: Duration = Duration::from_millis(50);
const REST_LAST: Duration = Duration::from_secs(5);

/// What a worker does before it follows.
pub(super) enum Task {
    /// Fills a new generation from all of history.
    Build { identity: Identity },
    /// Goes on with a generation from its checkpoint.
    Follow,
    /// Goes on with a finished generation that does not serve; complete once it is at the head.
    Return,
}

/// Everything that a worker needs.
pub(super) struct Assignment {
    pub thread: ThreadNumber,
    pub task: Task,
    pub generation: GenerationId,
    pub file: PathBuf,
    pub plugin: Plugin,
    pub limits: Limits,
    /// Its part of the process's memory; for a build, reserved.
    pub memory: MemoryShare,
    pub settings: String,
    pub size: BatchSize,
    pub build: BuildOptions,
    pub source: Arc<dyn Source>,
    pub history: Option<History>,
    pub head: Arc<HeadWatch>,
    pub sender: Sender<HostMessage>,
}

/// The host's hold on a worker.
pub(super) struct Worker {
    pub thread: ThreadNumber,
    pub generation: GenerationId,
    pub plugin: Plugin,
    stop: Stop,
    handle: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread.
    pub fn start(assignment: Assignment) -> Result<Worker> {
        let stop = Stop::default();
        let (thread, generation, plugin) = (assignment.thread, assignment.generation, assignment.plugin.clone());
        let name = plugin.manifest().name.clone();
        let asked = stop.clone();
        let handle = thread::Builder::new()
            .name(name.clone())
            .spawn(move || run(assignment, name, asked))
            .map_err(|error| Fault::storage("starting a thread", error))?;
        Ok(Worker { thread, generation, plugin, stop, handle: Some(handle) })
    }

    /// Asks it to commit what it has and stop; its last message says that it has.
    pub fn stop(&self, head: &HeadWatch) {
        self.stop.ask();
        head.nudge();
    }

    /// Whether the thread has ended, so that its generation's file is free.
    pub fn is_finished(&self) -> bool {
        self.handle.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for a thread that has sent its last message and is about to end.
    pub fn join(&mut self) {
        if let Some(handle) = self.handle.take() {
            // Its panics are caught inside, and were told.
            let _ = handle.join();
        }
    }
}

fn run(assignment: Assignment, name: String, stop: Stop) {
    let sender = assignment.sender.clone();
    let thread = assignment.thread;
    let send = move |event: WorkerEvent| {
        // The host only stops listening when it goes down itself.
        let _ = sender.send(HostMessage::Worker { thread, name: name.clone(), event });
    };
    let ended = catch_unwind(AssertUnwindSafe(|| Work { assignment, stop, send: &send }.run()));
    send(match ended {
        Ok(Ok(())) => WorkerEvent::Stopped,
        Ok(Err(fault)) => WorkerEvent::Failed(fault),
        Err(panic) => {
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            WorkerEvent::Failed(
                Fault::new(FaultKind::Storage, format!("the host's projector panicked: {message}"))
                    .blame(Blame::Host)
                    .hint("this is a bug in projectionist: please report it with the message above"),
            )
        }
    });
}

/// One worker at work.
struct Work<'a> {
    assignment: Assignment,
    stop: Stop,
    send: &'a dyn Fn(WorkerEvent),
}

impl Work<'_> {
    fn run(mut self) -> Result<()> {
        let started = Instant::now();
        if matches!(self.assignment.task, Task::Build { .. }) {
            self.prepare();
        }
        let mut projector = self.projector()?;
        (self.send)(WorkerEvent::Opened);
        if !matches!(self.assignment.task, Task::Follow) {
            self.complete(&mut projector, started)?;
        }
        self.follow(&mut projector)
    }

    fn projector(&self) -> Result<Projector> {
        let Assignment { task, file, plugin, limits, settings, size, source, history, .. } = &self.assignment;
        let generation = match task {
            Task::Build { identity } => {
                Generation::create_with(file, identity, plugin.manifest(), self.assignment.build)?
            }
            Task::Follow | Task::Return => Generation::open(file)?,
        };
        if generation.identity().plugin_hash != plugin.hash().to_string() {
            let message = "the generation was built by another plugin than the one that is to go on with it";
            return Err(Fault::new(FaultKind::Storage, message).of(&plugin.manifest().name));
        }
        let spec = ProjectorSpec {
            plugin: plugin.clone(),
            limits: limits.clone(),
            memory: self.assignment.memory.clone(),
            settings: settings.clone(),
            source: &**source,
            history: history.as_ref(),
            size: *size,
            thresholds: Thresholds::default(),
        };
        Projector::new(spec, generation)
    }

    /// Makes history of what is new in the log. Without it the build takes longer and comes to the same.
    fn prepare(&self) {
        let Assignment { history, source, head, .. } = &self.assignment;
        let Some(history) = history else { return };
        let mut report = self.reporter();
        let prepared = projection::prepare(history, &**source, head.head(), &mut report);
        if let Err(fault) = prepared {
            (self.send)(WorkerEvent::Warning(fault));
        }
    }

    /// Brings a candidate to the head, makes it durable, and catches up with what came meanwhile.
    fn complete(&mut self, projector: &mut Projector, started: Instant) -> Result<()> {
        self.advance(projector, self.assignment.head.head())?;
        let replay_ms = millis(started);
        let finishing = Instant::now();
        if self.stop.asked() {
            return Ok(());
        }
        if matches!(self.assignment.task, Task::Build { .. }) {
            projector.finish(&mut self.reporter())?;
            self.assignment.memory.release_reservation();
        }
        self.advance(projector, self.assignment.head.head())?;
        let rows = projector.generation().row_counts()?;
        if self.stop.asked() {
            return Ok(());
        }
        (self.send)(WorkerEvent::Complete(Completed {
            generation: self.assignment.generation,
            checkpoint: projector.checkpoint(),
            events: projector.events(),
            rows: rows.iter().map(|(_, count)| count).sum(),
            replay_ms,
            finish_ms: millis(finishing),
        }));
        Ok(())
    }

    fn follow(&mut self, projector: &mut Projector) -> Result<()> {
        let mut is_told = false;
        while !self.stop.asked() {
            let checkpoint = projector.checkpoint();
            let head =
                self.assignment.head.wait(checkpoint, &self.stop, if is_told { PATIENCE } else { Duration::ZERO });
            if head > checkpoint {
                self.advance(projector, head)?;
            } else if !is_told {
                is_told = true;
                (self.send)(WorkerEvent::CaughtUp);
            }
        }
        Ok(())
    }

    /// Sends progress now and then, and passes on that a stop was asked.
    fn reporter(&self) -> impl FnMut(Progress) -> Proceed + use<'_> {
        let (started, mut told) = (Instant::now(), Instant::now());
        move |progress| {
            if told.elapsed() >= PROGRESS_EVERY {
                told = Instant::now();
                let events_per_s = (progress.events as f64 / started.elapsed().as_secs_f64()) as u64;
                (self.send)(WorkerEvent::Progress { progress, events_per_s });
            }
            if self.stop.asked() { Proceed::Stop } else { Proceed::On }
        }
    }

    /// One advance, with rests and new tries while the fault may pass.
    fn advance(&mut self, projector: &mut Projector, through: Position) -> Result<()> {
        let (mut rest, mut is_retrying) = (REST_FIRST, false);
        loop {
            let advanced = projector.advance(through, &mut self.reporter());
            let logged = projector.take_said();
            if !logged.is_empty() {
                (self.send)(WorkerEvent::Logged(logged));
            }
            match advanced {
                Ok(_) => {
                    if is_retrying {
                        (self.send)(WorkerEvent::Recovered);
                    }
                    return Ok(());
                }
                // If it cannot, it is better to say why and start over.
                Err(fault) if fault.retry && !self.stop.asked() && projector.can_go_on() => {
                    (self.send)(WorkerEvent::Retrying(fault));
                    is_retrying = true;
                    // Nothing is ever beyond this: it rests until it is over, or a stop is asked.
                    self.assignment.head.wait(Position(u64::MAX), &self.stop, rest);
                    rest = (rest * 2).min(REST_LAST);
                }
                Err(_) if self.stop.asked() => return Ok(()),
                Err(fault) => return Err(fault),
            }
        }
    }
}

pub(super) fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
