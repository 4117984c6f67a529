//! The **writer** takes the messages of all instances of a step, one after the other: it passes rows on to the sink, answers
//! lookups, tells of progress, and notices when to stop or to start over.

use super::interruption::Interruption;
use super::log_lines::LogLines;
use super::message::{Content, Message};
use super::plan::Step;
use super::progress::{Proceed, Progress, Stage};
use super::sink::Sink;
use super::stop_barrier::StopBarrier;
use super::thresholds::{LOOKUPS_BEFORE_MORE_WAVES, WAVE_NEARLY_DONE};
use super::tier_up::TierUp;
use crate::event::{Changes, Position};

pub(super) struct Writer<'a> {
    step: &'a Step,
    sink: Box<dyn Sink + 'a>,
    barrier: &'a StopBarrier,
    parts: Vec<Part>,
    /// Where the whole plan is going, and the events of the steps before.
    through: Position,
    events_before: u64,
    /// Of quick code that may be given up.
    tier_up: Option<TierUp>,
    log: &'a mut LogLines,
    /// The first that there was: others follow from it.
    interruption: Option<Interruption>,
    /// The events whose rows the sink has taken.
    events_written: u64,
    lookups_before_more_waves: usize,
}

/// How far a part has come.
#[derive(Clone)]
struct Part {
    has_begun: bool,
    has_ended: bool,
    covered: Position,
    events: u64,
    has_flushed: bool,
    /// Keys looked up after its first flush.
    lookups: usize,
}

/// How a step came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finished {
    pub covered: Position,
    pub events: u64,
}

impl<'a> Writer<'a> {
    pub fn new(
        step: &'a Step,
        sink: Box<dyn Sink + 'a>,
        barrier: &'a StopBarrier,
        (through, events_before): (Position, u64),
        tier_up: Option<TierUp>,
        log: &'a mut LogLines,
    ) -> Writer<'a> {
        let part = Part {
            has_begun: false,
            has_ended: false,
            covered: step.range().after,
            events: 0,
            has_flushed: false,
            lookups: 0,
        };
        let parts = vec![part; step.parts().0];
        Writer {
            step,
            sink,
            barrier,
            parts,
            through,
            events_before,
            tier_up,
            log,
            interruption: None,
            events_written: 0,
            lookups_before_more_waves: LOOKUPS_BEFORE_MORE_WAVES,
        }
    }

    /// With another number of lookups that a part that was flushed may make.
    pub fn bounded(self, lookups_before_more_waves: usize) -> Writer<'a> {
        Writer { lookups_before_more_waves, ..self }
    }

    /// Takes one message; `watch` hears of progress, and says whether to go on.
    pub fn take(&mut self, message: Message, watch: &mut dyn FnMut(Progress) -> Proceed) {
        let Message { part, content } = message;
        self.parts[part].has_begun = true;
        match content {
            Content::Folded { covered, events } => {
                (self.parts[part].covered, self.parts[part].events) = (covered, events);
                self.tell(watch);
            }
            Content::Flushed { covered, events, changes } => self.write(part, covered, events, changes),
            Content::LookUp { table, length, keys, answer } => {
                if self.has_to_start_over(part, length) {
                    self.interrupt(Interruption::OutOfRoom);
                }
                if self.interruption.is_none() {
                    // An instance that ended does not wait for it any more.
                    let _ = answer.send(self.sink.lookup(table, length, &keys));
                }
            }
            Content::Logged(lines) => self.log.add(lines),
            Content::Ended => self.parts[part].has_ended = true,
            Content::Failed(fault) => self.interrupt(Interruption::Fault(fault)),
        }
    }

    /// Writes what is left, once every part has ended.
    pub fn finish(mut self) -> Result<Finished, (Interruption, u64)> {
        let covered = self.parts.iter().map(|part| part.covered).min().unwrap_or_default();
        let is_whole = self.parts.iter().all(|part| part.has_ended && part.covered == covered);
        if let Some(interruption) = self.interruption {
            return Err((interruption, self.events_written));
        }
        if !is_whole {
            return Err((Interruption::ThreadLost, self.events_written));
        }
        match self.sink.finish(covered) {
            Ok(()) => Ok(Finished { covered, events: self.events_written }),
            Err(interruption) => Err((interruption, self.events_written)),
        }
    }

    fn write(&mut self, part: usize, covered: Position, events: u64, changes: Vec<Changes>) {
        let has_rows = !changes.is_empty();
        if self.interruption.is_some() {
            return;
        }
        match self.sink.write(part, covered, changes) {
            Ok(()) => {
                let state = &mut self.parts[part];
                state.has_flushed |= has_rows;
                state.covered = covered;
                state.events = events;
                self.events_written = self.events();
            }
            Err(interruption) => self.interrupt(interruption),
        }
    }

    fn tell(&mut self, watch: &mut dyn FnMut(Progress) -> Proceed) {
        let (covered, wave) = (self.covered(), self.wave());
        let events = self.events_before + self.events();
        let progress = Progress { stage: Stage::Replay, covered, through: self.through, events, wave };
        if watch(progress) == Proceed::Stop {
            match self.step.waves() {
                1 => self.barrier.stop(),
                // The parts that have ended went all the way: what there is has no common checkpoint.
                _ => self.interrupt(Interruption::Stopped),
            }
            // What is folded stays, and is soon written.
            self.tier_up = None;
        }
        // Once something was written, the writing is what takes long, or has cost too much to do twice.
        let end = self.step.range().through;
        if !self.sink.has_written() && self.tier_up.as_ref().is_some_and(|tier_up| tier_up.is_slow(covered, end)) {
            self.tier_up = None;
            self.interrupt(Interruption::SlowCode);
        }
    }

    /// Whether a part needs rows again that it had to let go, and so often that more waves are sooner.
    fn has_to_start_over(&mut self, part: usize, keys: usize) -> bool {
        let range = self.step.range();
        let state = &mut self.parts[part];
        if !state.has_flushed || !self.step.can_have_more_waves() {
            return false;
        }
        state.lookups += keys;
        let done = (state.covered.0 - range.after.0) as f64 / (range.through.0 - range.after.0).max(1) as f64;
        state.lookups > self.lookups_before_more_waves && done < WAVE_NEARLY_DONE
    }

    /// Events folded by all parts together.
    fn events(&self) -> u64 {
        self.parts.iter().map(|part| part.events).sum()
    }

    /// The position that one instance would have come to with as many events.
    fn covered(&self) -> Position {
        let after = self.step.range().after;
        let sum: u128 = self.parts.iter().map(|part| u128::from(part.covered.0 - after.0)).sum();
        Position(after.0 + (sum / self.parts.len() as u128) as u64)
    }

    fn wave(&self) -> (u32, u32) {
        let begun = self.parts.iter().filter(|part| part.has_begun).count().max(1);
        (begun.div_ceil(self.step.parts().1) as u32, self.step.waves())
    }

    fn interrupt(&mut self, interruption: Interruption) {
        self.barrier.give_up();
        self.interruption.get_or_insert(interruption);
    }
}

#[cfg(test)]
mod tests;
