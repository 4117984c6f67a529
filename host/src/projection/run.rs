//! **Running** a plan: instances fold, each step through the same messages, and one writer takes what comes of it.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Sender, bounded};

use super::batch_reader::{BatchReader, Sealed};
use super::fold::{AskWriter, Fold, hand_log_on, writer_ended};
use super::interruption::Interruption;
use super::log_lines::LogLines;
use super::message::{Content, Message};
use super::plan::{CodeTier, Instances, Plan, RowsGo, Step};
use super::progress::{Proceed, Progress};
use super::sink::{BulkSink, CommitSink, DiscardSink, SharedGeneration, Sink};
use super::stop_barrier::StopBarrier;
use super::thresholds::{MESSAGES_WAITING_MAX, Thresholds};
use super::tier_up::TierUp;
use super::writer::{Finished, Writer};
use crate::event::{Fault, Position, Result};
use crate::event_store::Reader;
use crate::history::Part;
use crate::plugin::{Instance, Limits, MemoryShare, Plugin, Start};
use crate::read_model::Writer as _;

/// What every plan of a projector is run with.
pub(super) struct Runner {
    pub plugin: Plugin,
    pub limits: Limits,
    pub thresholds: Thresholds,
    pub memory: MemoryShare,
    pub settings: String,
    /// Of the kept instance.
    pub reader: BatchReader,
    /// A reader beside that one, which may be busy in another thread: for the ids of the events at checkpoints.
    pub event_ids: Box<dyn Reader>,
    pub generation: SharedGeneration,
    /// The instance that follows the log; it holds rows.
    pub kept: Option<Box<Instance<SharedGeneration>>>,
    /// Whether the instance that was kept last ran quick code.
    pub ran_quick: bool,
    /// Events whose rows were written, each once.
    pub events: u64,
    pub log: LogLines,
}

/// Why a plan was not run to its end.
pub(super) enum Unfinished {
    /// A fault of the kept instance; the generation is as of its checkpoint.
    Fault(Fault),
    /// The build has to be started over, if it was not stopped.
    Build(Interruption, Step),
}

/// Watches an advance.
pub(super) type Watch<'a> = dyn FnMut(Progress) -> Proceed + 'a;

impl Runner {
    /// Runs the steps of a plan from the checkpoint on. `events_before` of its events are done already.
    pub fn run(
        &mut self,
        plan: &Plan,
        sealed: &Sealed,
        events_before: u64,
        watch: &mut Watch<'_>,
    ) -> Result<(), Unfinished> {
        let (is_stopped, before) = (Cell::new(false), self.events);
        let through = plan.steps.last().map_or(Position::START, |step| step.range().through);
        let mut watch = |progress: Progress| {
            let proceed = watch(progress);
            is_stopped.set(is_stopped.get() || proceed == Proceed::Stop);
            proceed
        };
        for step in &plan.steps {
            let Some(step) = step.after(self.generation.lock().checkpoint()) else { continue };
            let so_far = (through, events_before + self.events - before);
            match &step.instances {
                Instances::Kept => self.run_kept(&step, sealed, so_far, &mut watch).map_err(Unfinished::Fault)?,
                Instances::New { parts, threads, .. } => {
                    let ended = self.run_new(&step, (parts, *threads), sealed, so_far, &mut watch);
                    ended.map_err(|interruption| Unfinished::Build(interruption, step.clone()))?;
                }
            }
            if is_stopped.get() {
                break;
            }
        }
        Ok(())
    }

    /// Drops the kept instance, and with it every row that was not committed.
    pub fn drop_kept(&mut self) {
        if let Some(mut instance) = self.kept.take() {
            self.log.add(instance.take_log());
        }
    }

    /// Folds with the kept instance on this thread.
    fn run_kept(&mut self, step: &Step, sealed: &Sealed, so_far: (Position, u64), watch: &mut Watch<'_>) -> Result<()> {
        if step.code == CodeTier::Best && self.ran_quick && self.plugin.is_optimised() {
            self.drop_kept();
        }
        let mut instance = self.open_kept()?;
        let barrier = StopBarrier::new(step.range().through);
        let sink: Box<dyn Sink> = match step.rows {
            RowsGo::Discard => Box::new(DiscardSink),
            RowsGo::Commit | RowsGo::BulkLoad => Box::new(CommitSink::new(&self.generation, &mut *self.event_ids)),
        };
        let mut writer = Writer::new(step, sink, &barrier, so_far, None, &mut self.log);
        let fold = Fold { step, sealed, limits: &self.limits, barrier: &barrier };
        let folded = fold.run(&mut instance, &mut self.reader, &mut |content| {
            writer.take(Message { part: 0, content }, watch);
            Ok(())
        });
        let last = folded.map_or_else(Content::Failed, |()| Content::Ended);
        writer.take(Message { part: 0, content: last }, watch);
        let finished = writer.finish();
        self.count_events(finished, step.rows).map_err(Interruption::into_fault)?;
        // After a fault it holds rows that belong to no commit.
        self.kept = Some(instance);
        Ok(())
    }

    /// Folds with new instances on threads, and writes on this one.
    fn run_new(
        &mut self,
        step: &Step,
        (parts, threads): (&[Option<Part>], usize),
        sealed: &Sealed,
        so_far: (Position, u64),
        watch: &mut Watch<'_>,
    ) -> Result<(), Interruption> {
        self.drop_kept();
        let barrier = StopBarrier::new(step.range().through);
        let is_quick = step.code == CodeTier::QuickWhileFast && !self.plugin.is_optimised();
        let tier_up = is_quick.then(|| TierUp::new(self.thresholds.tier_up, self.plugin.optimising()));
        let sink = BulkSink::new(&self.generation, &mut *self.event_ids);
        let writer = Writer::new(step, Box::new(sink), &barrier, so_far, tier_up, &mut self.log);
        let mut writer = writer.bounded(self.thresholds.lookups_before_more_waves);
        let start = Start { checkpoint: step.range().after, empty: true, settings: self.settings.clone() };
        let fold = Fold { step, sealed, limits: &self.limits, barrier: &barrier };
        let folders = Folders {
            plugin: &self.plugin,
            memory: &self.memory,
            start: &start,
            fold: &fold,
            parts,
            next: AtomicUsize::new(0),
        };
        thread::scope(|scope| {
            let (sender, messages) = bounded(MESSAGES_WAITING_MAX);
            for _ in 0..threads.min(parts.len()) {
                let (sender, folders) = (sender.clone(), &folders);
                let name = self.plugin.manifest().name.clone();
                let started = thread::Builder::new().name(name).spawn_scoped(scope, move || folders.run(&sender));
                started.map_err(|error| {
                    barrier.give_up();
                    Fault::storage("starting a thread", error)
                })?;
            }
            if let Some(newest) = &sealed.newest {
                // Beside the folding, which comes to them last.
                scope.spawn(|| newest.segment().is_some());
            }
            drop(sender);
            for message in messages {
                writer.take(message, watch);
            }
            Ok::<_, Fault>(())
        })?;
        let finished = writer.finish();
        self.count_events(finished, step.rows)
    }

    fn count_events(
        &mut self,
        finished: Result<Finished, (Interruption, u64)>,
        rows: RowsGo,
    ) -> Result<(), Interruption> {
        match (finished, rows) {
            (Ok(_), RowsGo::Discard) => Ok(()),
            (Ok(finished), _) => {
                self.events += finished.events;
                Ok(())
            }
            (Err((interruption, committed)), RowsGo::Commit) => {
                self.events += committed;
                Err(interruption)
            }
            (Err((interruption, _)), _) => Err(interruption),
        }
    }

    /// The kept instance, opened at the checkpoint if there was none.
    fn open_kept(&mut self) -> Result<Box<Instance<SharedGeneration>>> {
        if let Some(instance) = self.kept.take() {
            return Ok(instance);
        }
        let start = {
            let generation = self.generation.lock();
            Start { checkpoint: generation.checkpoint(), empty: generation.is_empty(), settings: self.settings.clone() }
        };
        let mut instance = self.plugin.instantiate_within(&self.limits, self.generation.clone(), &self.memory)?;
        self.ran_quick = instance.is_quick();
        let opened = instance.open(&start);
        self.log.add(instance.take_log());
        opened?;
        self.reader.restart();
        Ok(Box::new(instance))
    }
}

/// The threads of a step: each folds one part after the other, as long as there are more.
struct Folders<'a> {
    plugin: &'a Plugin,
    memory: &'a MemoryShare,
    start: &'a Start,
    fold: &'a Fold<'a>,
    parts: &'a [Option<Part>],
    next: AtomicUsize,
}

impl Folders<'_> {
    fn run(&self, messages: &Sender<Message>) {
        loop {
            let part = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(keys) = self.parts.get(part).filter(|_| !self.fold.barrier.is_given_up()) else { return };
            let content = match self.fold_part(part, keys.clone(), messages) {
                Ok(()) => Content::Ended,
                Err(fault) => Content::Failed(fault),
            };
            let has_failed = matches!(content, Content::Failed(_));
            // The writer listens until everybody has ended.
            if messages.send(Message { part, content }).is_err() || has_failed {
                return;
            }
        }
    }

    fn fold_part(&self, part: usize, keys: Option<Part>, messages: &Sender<Message>) -> Result<()> {
        let mut hand_on = |content| messages.send(Message { part, content }).map_err(|_| writer_ended());
        let rows = AskWriter { part, messages: messages.clone() };
        let mut instance = self.plugin.instantiate_within(self.fold.limits, rows, self.memory)?;
        let opened = instance.open(self.start);
        hand_log_on(&mut instance, &mut hand_on)?;
        opened?;
        let mut reader = BatchReader::of_history(&self.plugin.manifest().subscription, keys);
        self.fold.run(&mut instance, &mut reader, &mut hand_on)
    }
}
