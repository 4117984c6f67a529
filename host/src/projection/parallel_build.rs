//! A **spread** fills a new generation from history: instances of the plugin fold on threads of their own, one for
//! each partition, while this thread writes what they flush.
//!
//! A projection without partitions has one instance, which still folds on while its last flush is written. Rows that
//! two partitions touched would depend on which was faster: then, as after any fault, the generation is started over
//! and folded by one instance in log order, which finds the fault.

use std::fmt;
use std::ops::ControlFlow;
use std::slice;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, Scope};

use crossbeam_channel::{Sender, bounded};

use super::build_writer::BuildWriter;
use super::feed::{BATCHES_AHEAD, BatchSize, Feed, Newest};
use super::fold::{Fold, Proceed, Progress, Projector, is_due};
use super::stop_barrier::StopBarrier;
use super::tier_up::TierUp;
use crate::event::{Batch, Blame, Changes, Column, Fault, FaultKind, Partitioning, Position, Range, Result, Rows};
use crate::history::{Part, Scan, Segment};
use crate::plugin::{Instance, Limits, LogLevel, LogLine, Lookup, Plugin, Start};
use crate::read_model::{BuildingGeneration, Commit, Writer};

/// Words that wait for the writer; each flush among them is bounded by `flush-mib-max`.
const WORDS_WAITING_MAX: usize = 4;

/// What an instance's thread says.
pub(super) enum Word {
    Folded { part: usize, covered: Position, events: u64 },
    Flushed { part: usize, changes: Vec<Changes> },
    LookUp { table: usize, length: usize, keys: Vec<Column>, answer: Sender<Result<Rows>> },
    Said(Vec<LogLine>),
    Done { part: usize, changes: Vec<Changes> },
    Failed(Fault),
}

/// Why a spread came to nothing.
pub(super) enum Trouble {
    Fault(Fault),
    /// Partitions are not what the manifest says.
    Overlap(String),
    /// More rows than partitions can be compared by.
    TooMany,
    /// An instance ended without a word.
    Ended,
    /// Quick code has so much to do that optimised code pays.
    Slow,
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Trouble {
        Trouble::Fault(fault)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Fault(fault) => fault.fmt(f),
            Trouble::Overlap(message) => f.write_str(message),
            Trouble::TooMany => f.write_str("there are too many rows to tell whether partitions touch the same"),
            Trouble::Ended => f.write_str("an instance ended without a word"),
            Trouble::Slow => f.write_str("there is much to do for quick code"),
        }
    }
}

impl Projector {
    /// Whether this is a new generation, and enough of the history is there to be worth it.
    pub(super) fn can_spread(&mut self, through: Position) -> bool {
        let generation = self.generation();
        let is_new = generation.is_building() && generation.is_empty() && generation.checkpoint() == Position::START;
        is_new && !self.has_spread && self.feed.sealed().min(through).0 >= self.thresholds.parallel_positions_min
    }

    /// Fills the generation as far as the history goes, or leaves it as new as it was.
    pub(super) fn spread(&mut self, through: Position, watch: &mut dyn FnMut(Progress) -> Proceed) -> Result<()> {
        self.has_spread = true;
        self.cool();
        let Fold::Cold(mut generation) = std::mem::replace(&mut self.fold, Fold::Moving) else {
            return Err(Fault::storage("filling a read model", "the projector has ended").blame(Blame::Host));
        };
        loop {
            let Some(building) = generation.building() else { break };
            let Err(trouble) = self.fill(building, through, watch) else { break };
            tracing::info!(projection = self.plugin.manifest().name, %trouble, "starting over");
            generation = Box::new(generation.start_over()?);
            match trouble {
                Trouble::Slow => {
                    self.plugin.optimise();
                    self.may_be_quick = false;
                    continue;
                }
                Trouble::Overlap(message) => {
                    self.said.push(LogLine { level: LogLevel::Warn, message: self.overlap(&message) });
                }
                Trouble::TooMany => {
                    let message = format!("{trouble}: it is replayed on one thread");
                    self.said.push(LogLine { level: LogLevel::Info, message });
                }
                Trouble::Fault(_) | Trouble::Ended => {}
            }
            break;
        }
        self.fold = Fold::Cold(generation);
        Ok(())
    }

    fn fill(
        &mut self,
        generation: &mut BuildingGeneration,
        through: Position,
        watch: &mut dyn FnMut(Progress) -> Proceed,
    ) -> Result<(), Trouble> {
        let (segments, sealed) = self.feed.sealed_segments(through);
        let newest = self.feed.newest(&segments, sealed, through);
        let through = newest.as_ref().map_or(sealed, |newest| newest.range.through);
        let parts = match self.feed.events(&segments) {
            events if events < self.thresholds.partitioned_events_min => vec![None],
            _ => parts(&self.plugin.manifest().partitioning, self.thresholds.partitions),
        };
        let turns = StopBarrier::new(through);
        let is_quick = self.may_be_quick && !self.plugin.is_optimised();
        let pace = is_quick.then(|| TierUp::new(self.thresholds.tier_up, self.plugin.optimising()));
        let mut writing = BuildWriter::new(generation, &turns, parts.len(), pace, &self.thresholds);
        let folding = Folding {
            plugin: &self.plugin,
            limits: &self.limits,
            start: Start { checkpoint: Position::START, empty: true, settings: self.settings.clone() },
            segments: &segments,
            range: Range { after: Position::START, through: sealed },
            newest: newest.as_ref(),
            newest_read: OnceLock::new(),
            size: self.size,
            turns: &turns,
            feed: Mutex::new(&mut self.feed),
        };
        let said = &mut self.said;
        thread::scope(|scope| {
            let (sender, words) = bounded(WORDS_WAITING_MAX);
            for (number, part) in parts.into_iter().enumerate() {
                folding.start(scope, number, part, sender.clone())?;
            }
            if newest.is_some() {
                // Beside the folding, which comes to them last.
                scope.spawn(|| folding.newest());
            }
            drop(sender);
            writing.write(words, &mut |lines| super::fold::keep(said, lines), watch);
            Ok::<_, Fault>(())
        })?;
        let events = writing.events();
        writing.finish()?;
        self.events += events;
        let covered = turns.end();
        let fingerprint = self.marks.mark(covered)?.unwrap_or_default();
        let range = Range { after: Position::START, through: covered };
        Ok(generation.commit(Vec::new(), Commit { range, fingerprint })?)
    }

    /// Ends the build: its generation becomes live. Where the rows of partitions turn out to overlap, which shows when
    /// they are merged, one instance folds everything again, unless `watch` stops it.
    pub fn finish(&mut self, watch: &mut dyn FnMut(Progress) -> Proceed) -> Result<()> {
        let through = self.checkpoint();
        let fault = match self.generation().finish() {
            Err(fault) if fault.kind == FaultKind::Overlap => fault,
            finished => return finished,
        };
        tracing::info!(projection = self.plugin.manifest().name, %fault, "starting over");
        self.cool();
        let Fold::Cold(generation) = std::mem::replace(&mut self.fold, Fold::Moving) else { return Err(fault) };
        self.fold = Fold::Cold(Box::new(generation.start_over()?));
        self.said.push(LogLine { level: LogLevel::Warn, message: self.overlap(&fault.message) });
        self.has_spread = true;
        self.advance(through, watch)?;
        if self.checkpoint() < through { Ok(()) } else { self.generation().finish() }
    }

    fn overlap(&self, message: &str) -> String {
        let by = match &self.plugin.manifest().partitioning {
            Partitioning::Whole => return message.to_owned(),
            Partitioning::ByStream => "stream".to_owned(),
            Partitioning::ByField(field) => format!("field `{field}`"),
        };
        format!("it is declared to be partitioned by {by}, but is not ({message}): it is replayed on one thread")
    }
}

/// So many, when rows depend on one partition alone.
fn parts(by: &Partitioning, of: u32) -> Vec<Option<Part>> {
    match by {
        Partitioning::ByStream | Partitioning::ByField(_) if of > 1 => {
            (0..of).map(|number| Some(Part { number, of, by: by.clone() })).collect()
        }
        _ => vec![None],
    }
}

/// What all instances of a spread share.
struct Folding<'a> {
    plugin: &'a Plugin,
    limits: &'a Limits,
    start: Start,
    segments: &'a [Arc<Segment>],
    /// What the segments cover.
    range: Range,
    /// What comes after them, read by the first who wants it.
    newest: Option<&'a Newest>,
    newest_read: OnceLock<Option<Arc<Segment>>>,
    size: BatchSize,
    turns: &'a StopBarrier,
    /// For the one who finds a damaged segment.
    feed: Mutex<&'a mut Feed>,
}

impl<'a> Folding<'a> {
    /// Starts the thread of one instance.
    fn start<'scope, 'env>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
        number: usize,
        part: Option<Part>,
        words: Sender<Word>,
    ) -> Result<()> {
        let name = self.plugin.manifest().name.clone();
        let folding = move || {
            let last = match self.fold(number, part, &words) {
                Ok(changes) => Word::Done { part: number, changes },
                Err(fault) => Word::Failed(fault),
            };
            // The writer listens until everybody has ended.
            let _ = words.send(last);
        };
        thread::Builder::new().name(name).spawn_scoped(scope, folding).map(|_| ()).map_err(|error| {
            self.turns.give_up();
            Fault::storage("starting a thread", error)
        })
    }

    /// Folds one partition; returns what is left to be written.
    fn fold(&self, number: usize, part: Option<Part>, words: &Sender<Word>) -> Result<Vec<Changes>> {
        let say = |word: Word| words.send(word).map_err(|_| gone());
        let mut instance = self.plugin.instantiate(self.limits, Asking(words.clone()))?;
        let opened = instance.open(&self.start);
        self.hear(&mut instance, words)?;
        opened?;
        let mut events = 0;
        let mut pending = Default::default();
        self.each(part, &mut |batch| {
            if !self.turns.begin(batch.range) {
                return Ok(ControlFlow::Break(()));
            }
            if !batch.is_empty() {
                let applied = instance.apply(&batch);
                self.hear(&mut instance, words)?;
                pending = applied?;
                events += batch.len() as u64;
            }
            if is_due(&pending, self.limits) {
                say(Word::Flushed { part: number, changes: instance.flush()? })?;
                pending = Default::default();
            }
            say(Word::Folded { part: number, covered: batch.range.through, events })?;
            Ok(ControlFlow::Continue(()))
        })?;
        let changes = if pending.rows > 0 { instance.flush()? } else { Vec::new() };
        self.hear(&mut instance, words)?;
        Ok(changes)
    }

    /// Gives the batches of one partition; those of a projection without partitions are read ahead by another thread.
    fn each(&self, part: Option<Part>, fold: &mut dyn FnMut(Batch) -> Result<ControlFlow<()>>) -> Result<()> {
        if part.is_some() {
            return self.scan(part, fold);
        }
        thread::scope(|scope| {
            let (sender, batches) = bounded(BATCHES_AHEAD);
            let read = move || {
                self.scan(part, &mut |batch| {
                    Ok(if sender.send(batch).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
                })
            };
            let starting = |error| Fault::storage("starting a thread", error);
            let reader = thread::Builder::new().name("read".into()).spawn_scoped(scope, read).map_err(starting)?;
            for batch in batches {
                if fold(batch)?.is_break() {
                    break;
                }
            }
            reader.join().map_err(|_| gone())?
        })
    }

    fn scan(&self, part: Option<Part>, visit: &mut dyn FnMut(Batch) -> Result<ControlFlow<()>>) -> Result<()> {
        let mut mend = |segment: &Segment, damaged| {
            self.feed.lock().unwrap_or_else(PoisonError::into_inner).mend(segment, damaged)
        };
        let mut scan = Scan::new(&self.plugin.manifest().subscription, part);
        let mut goes_on = true;
        scan.each(self.segments, self.range, self.size.cut(), &mut mend, &mut |batch| {
            let flow = visit(batch)?;
            goes_on = flow.is_continue();
            Ok(flow)
        })?;
        match self.newest {
            Some(Newest { range, .. }) if goes_on => match self.newest() {
                Some(read) => scan.each(slice::from_ref(read), *range, self.size.cut(), &mut mend, visit),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The newest events; when there are none, nobody goes further than the segments.
    fn newest(&self) -> Option<&Arc<Segment>> {
        let read = || {
            let read = self.newest?.read();
            if read.is_none() {
                self.turns.shorten(self.range.through);
            }
            read
        };
        self.newest_read.get_or_init(read).as_ref()
    }

    fn hear(&self, instance: &mut Instance<Asking>, words: &Sender<Word>) -> Result<()> {
        let lines = instance.take_log();
        if lines.is_empty() { Ok(()) } else { words.send(Word::Said(lines)).map_err(|_| gone()) }
    }
}

/// Answers lookups by asking the writer, who has written everything that was flushed before.
struct Asking(Sender<Word>);

impl Lookup for Asking {
    fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        let (answer, answered) = bounded(1);
        self.0.send(Word::LookUp { table, length, keys: keys.to_vec(), answer }).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }
}

fn gone() -> Fault {
    Fault::storage("filling a read model", "the thread that writes it has ended").blame(Blame::Host)
}
