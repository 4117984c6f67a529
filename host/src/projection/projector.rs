//! A **projector** is one running projection: a subscription, a plugin and a generation, and one way to go: from its
//! checkpoint to a given position.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, MutexGuard};

use super::batch_reader::{BatchReader, Newest, Sealed};
use super::batch_size::BatchSize;
use super::distinct_keys::distinct_keys;
use super::interruption::Interruption;
use super::log_check::check_log;
use super::log_lines::LogLines;
use super::memory::instances_that_fit;
use super::plan::{Available, Care, Goal, Learned, Plan, Read, keys_fitting, plan};
use super::progress::{Advance, Proceed};
use super::run::{Runner, Unfinished, Watch};
use super::sink::SharedGeneration;
use super::thresholds::Thresholds;
use crate::event::{FaultKind, Partitioning, Position, Range, Result};
use crate::event_store::{Source, Wanted};
use crate::history::{History, Shredder};
use crate::plugin::{Limits, LogLevel, LogLine, MemoryShare, Plugin};
use crate::read_model::{Generation, Writer};

/// What a projector is made of.
pub struct ProjectorSpec<'a> {
    /// The function.
    pub plugin: Plugin,
    /// What it may use.
    pub limits: Limits,
    /// Its part of the process's memory: instances, rows that wait to be written and events read ahead come out of it.
    pub memory: MemoryShare,
    /// Its settings, a JSON object.
    pub settings: String,
    /// Where the events come from.
    pub source: &'a dyn Source,
    /// The columns that were made of them, when there are any.
    pub history: Option<&'a History>,
    /// Where batches are cut.
    pub size: BatchSize,
    /// From where on which way of computing is worth it.
    pub thresholds: Thresholds,
}

/// One running projection.
pub struct Projector {
    pub(super) runner: Runner,
    history: Option<History>,
    wanted: Wanted,
    size: BatchSize,
}

/// The generation of a projector that is not advancing.
pub struct GenerationRef<'a>(MutexGuard<'a, Generation>);

impl Deref for GenerationRef<'_> {
    type Target = Generation;

    fn deref(&self) -> &Generation {
        &self.0
    }
}

impl DerefMut for GenerationRef<'_> {
    fn deref_mut(&mut self) -> &mut Generation {
        &mut self.0
    }
}

impl Projector {
    /// A projector that will go on from the generation's checkpoint.
    pub fn new(spec: ProjectorSpec<'_>, generation: Generation) -> Result<Projector> {
        let subscription = &spec.plugin.manifest().subscription;
        let reader = BatchReader::new(subscription, spec.source.reader()?);
        let wanted = Shredder::new(subscription).wanted();
        let mut event_ids = spec.source.reader()?;
        check_log(&mut *event_ids, &generation).map_err(|fault| fault.of(&spec.plugin.manifest().name))?;
        let runner = Runner {
            plugin: spec.plugin,
            limits: spec.limits,
            thresholds: spec.thresholds,
            memory: spec.memory,
            settings: spec.settings,
            reader,
            event_ids,
            generation: SharedGeneration::new(generation),
            kept: None,
            ran_quick: false,
            events: 0,
            log: LogLines::default(),
        };
        Ok(Projector { runner, history: spec.history.cloned(), wanted, size: spec.size })
    }

    /// The generation it fills.
    pub fn generation(&mut self) -> GenerationRef<'_> {
        GenerationRef(self.runner.generation.lock())
    }

    /// Whether it can be told to advance again after a fault: a generation that is being built has no way back from
    /// a commit that failed.
    pub fn can_go_on(&mut self) -> bool {
        !self.generation().is_building()
    }

    /// The position whose effects are committed.
    pub fn checkpoint(&mut self) -> Position {
        self.generation().checkpoint()
    }

    /// Events whose effects are committed, since it was made.
    pub fn events(&self) -> u64 {
        self.runner.events
    }

    /// What the plugin logged since the last call.
    pub fn take_said(&mut self) -> Vec<LogLine> {
        self.runner.log.take()
    }

    /// Folds everything of `(checkpoint, through]` and commits it. On a fault the read model is brought to just
    /// before the event that caused it, as far as that event can be found.
    ///
    /// When it is stopped it commits what it has, except in a build that folds a part of the keys at a time: that one
    /// has nothing then.
    pub fn advance(&mut self, through: Position, watch: &mut Watch<'_>) -> Result<Advance> {
        self.advance_with(Learned::default(), through, watch)
    }

    /// Ends the build: its generation becomes live. Where the rows of partitions turn out to overlap, which shows when
    /// they are merged, one instance folds everything again, unless `watch` stops it.
    pub fn finish(&mut self, watch: &mut Watch<'_>) -> Result<()> {
        let (through, events) = (self.checkpoint(), self.events());
        let finished = self.generation().finish();
        let fault = match finished {
            Err(fault) if fault.kind == FaultKind::Overlap => fault,
            finished => return finished,
        };
        self.runner.drop_kept();
        let learned = Learned { care: Care::OneInstance, ..Learned::default() };
        self.start_over(&fault.into(), learned)?;
        self.advance_with(learned, through, watch)?;
        // What was folded twice counts once.
        self.runner.events -= events.min(self.runner.events);
        if self.checkpoint() < through { Ok(()) } else { self.generation().finish() }
    }

    fn advance_with(&mut self, learned: Learned, through: Position, watch: &mut Watch<'_>) -> Result<Advance> {
        let (mut learned, events_before) = (learned, self.events());
        loop {
            let goal = self.goal();
            let (plan, sealed) = self.plan(goal, through, learned);
            let so_far = self.events() - events_before;
            match self.runner.run(&plan, &sealed, so_far, watch) {
                Ok(()) => break,
                Err(Unfinished::Build(interruption, step)) => {
                    learned = interruption.learn(learned, &step);
                    self.start_over(&interruption, learned)?;
                    if let Interruption::Stopped = interruption {
                        break;
                    }
                }
                Err(Unfinished::Fault(fault)) => {
                    self.runner.drop_kept();
                    // Not the plugin's last word: optimised code may have the time and the stack.
                    let may_be_code = matches!(fault.kind, FaultKind::Trap | FaultKind::Deadline);
                    if !(self.runner.ran_quick && may_be_code && self.runner.plugin.optimise()) {
                        let bisected = self.bisect(fault);
                        // Whatever that left in the instance belongs to no commit.
                        self.runner.drop_kept();
                        bisected?;
                    }
                }
            }
        }
        Ok(Advance { checkpoint: self.checkpoint(), events: self.events() - events_before })
    }

    /// Runs a plan of one kept instance to `through`, unwatched.
    pub(super) fn run_kept(&mut self, goal: Goal, through: Position) -> Result<()> {
        let (plan, sealed) = self.plan(goal, through, Learned::default());
        match self.runner.run(&plan, &sealed, 0, &mut |_| Proceed::On) {
            Ok(()) => Ok(()),
            Err(Unfinished::Fault(fault)) => Err(fault),
            Err(Unfinished::Build(interruption, _)) => Err(interruption.into_fault()),
        }
    }

    fn goal(&mut self) -> Goal {
        let generation = self.generation();
        let is_new = generation.is_building() && generation.is_empty() && generation.checkpoint() == Position::START;
        if is_new { Goal::Build } else { Goal::GoOn }
    }

    /// The plan from the checkpoint to `through`, and the history that it reads.
    fn plan(&mut self, goal: Goal, through: Position, learned: Learned) -> (Plan, Sealed) {
        let range = Range { after: self.checkpoint(), through };
        let Projector { runner, history, wanted, size } = self;
        // Listing the folder would cost more than reading a few events.
        let is_short = through.0.saturating_sub(range.after.0) < runner.thresholds.history_positions_min;
        let mut sealed = if is_short { Sealed::default() } else { Sealed::list(history.as_ref()) };
        let manifest = runner.plugin.manifest();
        // No more instances at a time than fit into the memory that is reserved.
        let fitting = instances_that_fit(runner.memory.available(), &runner.limits);
        let thresholds = Thresholds { threads: runner.thresholds.threads.min(fitting), ..runner.thresholds };
        let sealed_events = if goal == Goal::Build { sealed.events_of(wanted) } else { 0 };
        let is_partitioned =
            manifest.partitioning != Partitioning::Whole && sealed_events >= thresholds.partitioned_events_min;
        let enough = keys_fitting(&runner.limits).saturating_mul(thresholds.threads as u64);
        let available = Available {
            sealed: sealed.through(),
            sealed_events,
            distinct_keys: is_partitioned.then(|| distinct_keys(&sealed.segments, manifest, enough)).flatten(),
            thresholds,
            limits: &runner.limits,
            manifest,
            is_optimised: runner.plugin.is_optimised(),
            batch: *size,
        };
        let plan = plan(goal, range, &available, learned);
        let reads = plan.steps.iter().flat_map(|step| &step.reads);
        let newest = reads.filter_map(|read| if let Read::Newest(range) = read { Some(*range) } else { None }).next();
        if let (Some(range), Some(history)) = (newest, &self.history) {
            sealed.newest = Some(Arc::new(Newest::new(history, range, &sealed, &self.wanted)));
        }
        (plan, sealed)
    }

    /// Throws away what a build has written.
    fn start_over(&mut self, interruption: &Interruption, learned: Learned) -> Result<()> {
        let name = &self.runner.plugin.manifest().name;
        tracing::info!(projection = name, %interruption, ?learned, "starting over");
        self.generation().start_over()?;
        match interruption {
            Interruption::SlowCode => {
                self.runner.plugin.optimise();
            }
            Interruption::Overlap(message) => {
                let message = self.not_partitioned(message);
                self.runner.log.add(vec![LogLine { level: LogLevel::Warn, message }]);
            }
            _ => {}
        }
        Ok(())
    }

    fn not_partitioned(&self, message: &str) -> String {
        let by = match &self.runner.plugin.manifest().partitioning {
            Partitioning::Whole => return message.to_owned(),
            Partitioning::ByStream => "stream".to_owned(),
            Partitioning::ByField(field) => format!("field `{field}`"),
        };
        format!("it is declared to be partitioned by {by}, but is not ({message}): it is replayed on one thread")
    }
}
