//! The **writing** side of a spread: takes what instances say, writes what they flush, answers their lookups.

use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::fold::{Proceed, Progress, Stage};
use super::spread::{Trouble, Word};
use super::touched::{ROWS_MAX, Touched};
use super::turns::Turns;
use crate::event::{Changes, Fault, FaultKind, Position, Result};
use crate::plugin::LogLine;
use crate::read_model::{Flush, Generation};

/// So much that was flushed waits to be written together: rows that come in key order are several times faster to
/// write than others.
const GATHERED_BYTES_MAX: usize = 128 << 20;

pub(super) struct Writing<'a> {
    generation: &'a mut Generation,
    turns: &'a Turns,
    /// For each instance: how far it is, and how many events it folded.
    folded: Vec<(Position, u64)>,
    /// What was flushed and is not written yet, and how many bytes it has.
    gathered: Vec<Flush>,
    gathered_bytes: usize,
    /// Which instances have ended.
    done: Vec<bool>,
    /// Of what was written before the end; what is written together is compared where it is sorted.
    touched: Touched,
    has_written: bool,
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
            gathered: Vec::new(),
            gathered_bytes: 0,
            done: vec![false; parts],
            touched: Touched::new(parts, ROWS_MAX),
            has_written: false,
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
                        // Once something was written, the writing is what takes long, or has cost too much to do twice.
                        self.is_slow = !self.has_written && covered.0 < through.0 / 2;
                        if self.is_slow {
                            self.turns.give_up();
                        }
                    }
                }
                Word::Flushed { part, changes } => {
                    self.gather(part, changes);
                    // The first rows of a table are written fastest, and the more they are the better.
                    if self.has_written || self.gathered_bytes > GATHERED_BYTES_MAX {
                        self.write_gathered();
                    }
                }
                Word::LookUp { table, length, keys, answer } => {
                    self.write_gathered();
                    // An instance that ended does not wait for it any more.
                    let _ = answer.send(self.generation.lookup(table, length, &keys));
                }
                Word::Said(lines) => said(lines),
                Word::Done { part, changes } => {
                    self.gather(part, changes);
                    self.done[part] = true;
                }
                Word::Failed(fault) => self.give_up(fault),
            }
        }
    }

    /// Events folded by all instances together.
    pub fn events(&self) -> u64 {
        self.folded.iter().map(|(_, events)| events).sum()
    }

    /// Writes what is left, once all instances have ended.
    pub fn finish(mut self) -> Result<(), Trouble> {
        if self.fault.is_none() && !self.is_slow && self.done.iter().any(|done| !done) {
            return Err(Trouble::Ended);
        }
        self.write_gathered();
        if let Some(fault) = self.fault {
            return Err(match fault.kind {
                // Changes that are right each by itself, and have a key in common.
                FaultKind::Changes => Trouble::Overlap(fault.message.clone()),
                _ => Trouble::Fault(fault),
            });
        }
        if self.is_slow {
            return Err(Trouble::Slow);
        }
        if self.touched.is_full() {
            return Err(Trouble::TooMany);
        }
        match self.touched.overlap() {
            true => Err(Trouble::Overlap("two partitions touched the same row".into())),
            false => Ok(()),
        }
    }

    fn gather(&mut self, part: usize, changes: Vec<Changes>) {
        self.gathered_bytes += changes.iter().map(Changes::bytes).sum::<usize>();
        self.gathered.push(Flush { part, changes });
    }

    /// Writes what was flushed so far.
    fn write_gathered(&mut self) {
        if self.gathered.is_empty() || self.fault.is_some() || self.is_slow {
            return;
        }
        self.gathered_bytes = 0;
        let flushes = std::mem::take(&mut self.gathered);
        let is_whole = !self.has_written && self.done.iter().all(|&done| done);
        if !is_whole {
            flushes.iter().for_each(|flush| self.touched.add(flush.part, &flush.changes, self.generation.manifest()));
        }
        self.has_written = true;
        if self.touched.is_full() {
            self.turns.give_up();
        } else if let Err(fault) = self.generation.load(flushes) {
            self.give_up(fault);
        }
    }

    fn give_up(&mut self, fault: Fault) {
        self.turns.give_up();
        // The others' faults follow from the first.
        self.fault.get_or_insert(fault);
    }
}
