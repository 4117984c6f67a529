//! The **writing** side of a spread: takes what instances say, writes what they flush, answers their lookups.

use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::fold::{Proceed, Progress, Stage};
use super::spread::{Trouble, Word};
use super::touched::{ROWS_MAX, Touched};
use super::turns::Turns;
use crate::event::{Changes, Fault, Position, Result};
use crate::plugin::LogLine;
use crate::read_model::Generation;

pub(super) struct Writing<'a> {
    generation: &'a mut Generation,
    turns: &'a Turns,
    /// For each instance: how far it is, and how many events it folded.
    folded: Vec<(Position, u64)>,
    /// The last flush of each instance, once it has ended.
    done: Vec<Option<Vec<Changes>>>,
    touched: Touched,
    /// Whether anything was flushed before the end.
    has_flushed: bool,
    started: Instant,
    /// How long it may take to come half way.
    half_way: Option<Duration>,
    is_slow: bool,
    fault: Option<Fault>,
}

impl<'a> Writing<'a> {
    pub fn new(
        generation: &'a mut Generation,
        turns: &'a Turns,
        parts: usize,
        half_way: Option<Duration>,
    ) -> Writing<'a> {
        Writing {
            generation,
            turns,
            folded: vec![(Position::START, 0); parts],
            done: vec![None; parts],
            touched: Touched::new(parts, ROWS_MAX),
            has_flushed: false,
            started: Instant::now(),
            half_way,
            is_slow: false,
            fault: None,
        }
    }

    /// Takes words until every instance has ended.
    pub fn write(
        &mut self,
        words: Receiver<Word>,
        said: &mut dyn FnMut(Vec<LogLine>),
        watch: &mut dyn FnMut(Progress) -> Proceed,
    ) {
        let through = self.turns.end();
        for word in words {
            match word {
                Word::Folded { part, covered, events } => {
                    self.folded[part] = (covered, events);
                    let covered = self.folded.iter().map(|(covered, _)| *covered).min().unwrap_or_default();
                    if watch(Progress { stage: Stage::Replay, covered, through, events: self.events() })
                        == Proceed::Stop
                    {
                        self.turns.stop();
                    }
                    if self.half_way.is_some_and(|time| self.started.elapsed() > time) {
                        self.half_way = None;
                        // Once something was flushed, the writing is what takes long, or has cost too much to do twice.
                        self.is_slow = !self.has_flushed && covered.0 < through.0 / 2;
                        if self.is_slow {
                            self.turns.give_up();
                        }
                    }
                }
                Word::Flushed { part, changes } => {
                    self.has_flushed = true;
                    self.touched.add(part, &changes, self.generation.manifest());
                    if self.touched.is_full() {
                        self.turns.give_up();
                    }
                    if let Err(fault) = self.generation.load(&changes) {
                        self.give_up(fault);
                    }
                }
                Word::LookUp { table, length, keys, answer } => {
                    // An instance that ended does not wait for it any more.
                    let _ = answer.send(self.generation.lookup(table, length, &keys));
                }
                Word::Said(lines) => said(lines),
                Word::Done { part, changes } => self.done[part] = Some(changes),
                Word::Failed(fault) => self.give_up(fault),
            }
        }
    }

    /// Events folded by all instances together.
    pub fn events(&self) -> u64 {
        self.folded.iter().map(|(_, events)| events).sum()
    }

    /// The last flushes of all instances, to be committed together.
    pub fn finish(mut self) -> Result<Vec<Changes>, Trouble> {
        if let Some(fault) = self.fault {
            return Err(Trouble::Fault(fault));
        }
        if self.is_slow {
            return Err(Trouble::Slow);
        }
        if self.touched.is_full() {
            return Err(Trouble::TooMany);
        }
        let mut last = Vec::new();
        for (part, changes) in self.done.into_iter().enumerate() {
            let changes = changes.ok_or(Trouble::Ended)?;
            if self.has_flushed {
                self.touched.add(part, &changes, self.generation.manifest());
            }
            last.extend(changes);
        }
        if self.touched.overlap() {
            Err(Trouble::Overlap("two partitions touched the same row".into()))
        } else {
            Ok(last)
        }
    }

    fn give_up(&mut self, fault: Fault) {
        self.turns.give_up();
        // The others' faults follow from the first.
        self.fault.get_or_insert(fault);
    }
}
