//! The **fold**: batches in, row changes out, rows and checkpoint committed together.

use std::ops::ControlFlow;

use crate::event::{Blame, Fault, FaultKind, Position, Range, Result};
use crate::event_store::{Reader, Source};
use crate::history::History;
use crate::plugin::{Instance, Limits, LogLine, Lookup, Pending, Plugin, Start};
use crate::read_model::{Commit, Flush, Generation, Writer};

use super::feed::{BatchSize, Feed};
use super::thresholds::Thresholds;

/// Messages of a plugin that are kept in one advance.
const SAID_LINES_MAX: usize = 1_000;

/// What a projector is made of.
pub struct ProjectorSpec<'a> {
    /// The function.
    pub plugin: Plugin,
    /// What it may use.
    pub limits: Limits,
    /// Its settings, a JSON object.
    pub settings: String,
    /// Where the events come from.
    pub source: &'a dyn Source,
    /// The columns that were made of them, when there are any.
    pub history: Option<&'a History>,
    /// Where batches are cut.
    pub size: BatchSize,
    /// Which way of computing it is chosen.
    pub thresholds: Thresholds,
}

/// One running projection.
pub struct Projector {
    pub(super) plugin: Plugin,
    pub(super) limits: Limits,
    pub(super) settings: String,
    pub(super) size: BatchSize,
    pub(super) thresholds: Thresholds,
    pub(super) feed: Feed,
    pub(super) fold: Fold,
    /// A reader beside the feed's, which may be busy in another thread: for the marks of checkpoints.
    pub(super) marks: Box<dyn Reader>,
    pub(super) events: u64,
    pub(super) said: Vec<LogLine>,
    /// Whether it was tried to fill the generation with several threads.
    pub(super) has_spread: bool,
    /// Whether quick code may be given up for optimised code.
    pub(super) may_be_quick: bool,
}

/// The generation, alone or in the hands of an open instance. `Moving` stands only while one becomes the other, and
/// for good when no instance could be made: then the projector is done for.
pub(super) enum Fold {
    Cold(Box<Generation>),
    Warm(Box<Instance<Generation>>),
    Moving,
}

impl Lookup for Generation {
    fn lookup(&mut self, table: usize, length: usize, keys: &[crate::event::Column]) -> Result<crate::event::Rows> {
        Writer::lookup(self, table, length, keys)
    }
}

/// What is being done for a projector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The log is made into history, which replays read.
    History,
    /// Events are folded.
    Replay,
}

/// How far a projector has come, told after each batch.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// With what.
    pub stage: Stage,
    /// What is folded, and not yet all committed; or made into history.
    pub covered: Position,
    /// Where it is going.
    pub through: Position,
    /// Events folded in this advance, or made into history.
    pub events: u64,
}

/// Whether a projector goes on after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proceed {
    /// It does.
    On,
    /// It commits what it has and returns.
    Stop,
}

/// What an advance did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Advance {
    /// The checkpoint now.
    pub checkpoint: Position,
    /// Events folded.
    pub events: u64,
}

impl Projector {
    /// A projector that will go on from the generation's checkpoint.
    pub fn new(spec: ProjectorSpec<'_>, generation: Generation) -> Result<Projector> {
        let feed =
            Feed::new(spec.source.reader()?, spec.history, &spec.plugin.manifest().subscription, spec.thresholds);
        let mut marks = spec.source.reader()?;
        check_log(&mut *marks, &generation).map_err(|fault| fault.of(&spec.plugin.manifest().name))?;
        Ok(Projector {
            plugin: spec.plugin,
            limits: spec.limits,
            settings: spec.settings,
            size: spec.size,
            thresholds: spec.thresholds,
            feed,
            marks,
            fold: Fold::Cold(Box::new(generation)),
            events: 0,
            said: Vec::new(),
            has_spread: false,
            may_be_quick: true,
        })
    }

    /// The generation it fills.
    pub fn generation(&mut self) -> &mut Generation {
        match &mut self.fold {
            Fold::Cold(generation) => generation,
            Fold::Warm(instance) => instance.rows(),
            Fold::Moving => unreachable!("a fold moves only inside `warm` and `cool`"),
        }
    }

    /// Whether it can be told to advance again after a fault: a generation that is being built has no way back from
    /// a commit that failed.
    pub fn can_go_on(&mut self) -> bool {
        !matches!(self.fold, Fold::Moving) && !self.generation().is_building()
    }

    /// The position whose effects are committed.
    pub fn checkpoint(&mut self) -> Position {
        self.generation().checkpoint()
    }

    /// Events folded since it was made, whatever became of them.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// What the plugin logged since the last call.
    pub fn take_said(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.said)
    }

    /// Folds everything of `(checkpoint, through]` and commits it. On a fault the read model is brought to just
    /// before the event that caused it, as far as that event can be found.
    pub fn advance(&mut self, through: Position, watch: &mut dyn FnMut(Progress) -> Proceed) -> Result<Advance> {
        let events_before = self.events;
        if self.can_spread(through) {
            let mut is_stopped = false;
            self.spread(through, &mut |progress| {
                let proceed = watch(progress);
                is_stopped |= proceed == Proceed::Stop;
                proceed
            })?;
            if is_stopped {
                return Ok(Advance { checkpoint: self.checkpoint(), events: self.events - events_before });
            }
        }
        loop {
            match self.run(through, self.size, watch) {
                Ok(()) => break,
                // No instance could be made: there is nothing left to narrow with.
                Err(fault) if matches!(self.fold, Fold::Moving) => return Err(fault),
                Err(fault) => {
                    let is_quick = self.is_quick();
                    self.cool();
                    // Not the plugin's last word: optimised code may have the time and the stack.
                    if is_quick && matches!(fault.kind, FaultKind::Trap | FaultKind::Deadline) && self.plugin.optimise()
                    {
                        continue;
                    }
                    let narrowed = self.narrow(fault);
                    // Whatever narrowing left in the guest belongs to no commit.
                    self.cool();
                    narrowed?;
                }
            }
        }
        Ok(Advance { checkpoint: self.checkpoint(), events: self.events - events_before })
    }

    /// One straight run, without looking for culprits.
    pub(super) fn run(
        &mut self,
        through: Position,
        size: BatchSize,
        watch: &mut dyn FnMut(Progress) -> Proceed,
    ) -> Result<()> {
        let range = Range { after: self.checkpoint(), through };
        if range.is_empty() {
            return Ok(());
        }
        if range.through.0 - range.after.0 > size.events_max as u64 && self.is_quick() && self.plugin.is_optimised() {
            self.cool(); // a long way to go is worth the better code
        }
        self.warm()?;
        let Projector { feed, fold, marks, limits, events, said, .. } = self;
        let Fold::Warm(instance) = fold else { unreachable!("just warmed") };
        let mut waiting = Waiting { covered: range.after, pending: Pending::default() };
        let started_with = *events;
        feed.each(range, size, &mut |batch| {
            if !batch.is_empty() {
                waiting.pending = instance.apply(&batch)?;
                *events += batch.len() as u64;
                hear(said, instance);
            }
            waiting.covered = batch.range.through;
            if is_due(&waiting.pending, limits) {
                waiting.commit(instance, &mut **marks)?;
            }
            let progress =
                Progress { stage: Stage::Replay, covered: waiting.covered, through, events: *events - started_with };
            Ok(match watch(progress) {
                Proceed::On => ControlFlow::Continue(()),
                Proceed::Stop => ControlFlow::Break(()),
            })
        })?;
        waiting.commit(instance, &mut **marks)?;
        hear(said, instance);
        Ok(())
    }

    /// Whether an instance is open that runs quick code.
    fn is_quick(&self) -> bool {
        matches!(&self.fold, Fold::Warm(instance) if instance.is_quick())
    }

    /// Makes sure that an open instance holds the generation.
    pub(super) fn warm(&mut self) -> Result<()> {
        let generation = match std::mem::replace(&mut self.fold, Fold::Moving) {
            Fold::Cold(generation) => generation,
            fold => {
                self.fold = fold;
                return Ok(());
            }
        };
        let start = Start {
            checkpoint: generation.checkpoint(),
            empty: generation.is_empty(),
            settings: self.settings.clone(),
        };
        let mut instance = self.plugin.instantiate(&self.limits, *generation)?;
        let opened = instance.open(&start);
        hear(&mut self.said, &mut instance);
        self.fold = Fold::Warm(Box::new(instance));
        self.feed.restart();
        opened
    }

    /// Drops the instance, and with it every row that was not committed.
    pub(super) fn cool(&mut self) {
        self.fold = match std::mem::replace(&mut self.fold, Fold::Moving) {
            Fold::Warm(mut instance) => {
                hear(&mut self.said, &mut instance);
                Fold::Cold(Box::new(instance.into_rows()))
            }
            fold => fold,
        };
    }
}

/// Makes sure that the log is the one that the generation was built from: it reaches the checkpoint, and the event
/// there is the same. A store that was restored from an older copy, or replaced, would otherwise go unnoticed.
fn check_log(log: &mut dyn Reader, generation: &Generation) -> Result<()> {
    let (checkpoint, head) = (generation.checkpoint(), log.head()?);
    let message = if head < checkpoint {
        format!("the event store ends at position {head}, before the read model's checkpoint {checkpoint}")
    } else if !generation.fingerprint().is_empty() && log.mark(checkpoint)?.as_deref() != Some(generation.fingerprint())
    {
        format!("the event at position {checkpoint} is not the one that the read model was built from")
    } else {
        return Ok(());
    };
    let name = &generation.identity().projection;
    Err(Fault::new(FaultKind::Storage, message).blame(Blame::Operator).hint(format!(
        "was the event store replaced or restored from a copy? Put the right one back and `projectionist resume {name}`, \
         or build the read model from this one: `projectionist rebuild {name}`"
    )))
}

fn hear(said: &mut Vec<LogLine>, instance: &mut Instance<Generation>) {
    keep(said, instance.take_log());
}

/// Keeps what a plugin logged until it is fetched; a plugin that goes on and on is cut short.
pub(super) fn keep(said: &mut Vec<LogLine>, lines: Vec<LogLine>) {
    let room = SAID_LINES_MAX.saturating_sub(said.len());
    if room > 0 && lines.len() > room {
        tracing::warn!("a plugin logged more than {SAID_LINES_MAX} messages in one go: the rest is dropped");
    }
    said.extend(lines.into_iter().take(room));
}

/// Flushes are few and large, yet far from the limits: a batch more must still fit, the columns of the flush beside the
/// rows, and what the guest's heap holds of blocks that it outgrew.
pub(super) fn is_due(pending: &Pending, limits: &Limits) -> bool {
    let bytes_max = limits.memory_mib_max.min(limits.flush_mib_max) << 20;
    pending.rows >= (limits.flush_rows_max / 4).max(1) || pending.bytes >= bytes_max / 8
}

/// What the guest holds that is not committed yet.
struct Waiting {
    covered: Position,
    pending: Pending,
}

impl Waiting {
    fn commit(&mut self, instance: &mut Instance<Generation>, marks: &mut dyn Reader) -> Result<()> {
        let range = Range { after: instance.rows().checkpoint(), through: self.covered };
        if range.is_empty() {
            return Ok(());
        }
        let annotate = |fault: Fault| fault.among(range);
        let changes = if self.pending.rows > 0 { instance.flush().map_err(annotate)? } else { Vec::new() };
        self.pending = Pending::default();
        let fingerprint = marks.mark(self.covered)?.unwrap_or_default();
        instance.rows().commit(vec![Flush::whole(changes)], Commit { range, fingerprint }).map_err(annotate)
    }
}
