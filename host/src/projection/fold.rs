//! The **fold**: batches in, row changes out. Every event of every plan goes through [`fold`].

use std::ops::ControlFlow;

use crossbeam_channel::{Sender, bounded};

use super::batch_reader::{BatchReader, Sealed};
use super::flush_policy::FlushPolicy;
use super::message::{Content, Message};
use super::plan::Step;
use super::stop_barrier::StopBarrier;
use crate::event::{Blame, Column, Fault, Position, Result, Rows};
use crate::plugin::{Instance, Limits, Lookup};

/// Where and how an instance folds.
pub(super) struct Fold<'a> {
    pub step: &'a Step,
    pub sealed: &'a Sealed,
    pub limits: &'a Limits,
    pub barrier: &'a StopBarrier,
}

impl Fold<'_> {
    /// Folds the events of a step that `reader` gives, and hands on what comes of it, the last rows too. It ends early
    /// where the barrier says so.
    pub fn run<L: Lookup>(
        &self,
        instance: &mut Instance<L>,
        reader: &mut BatchReader,
        hand_on: &mut dyn FnMut(Content) -> Result<()>,
    ) -> Result<()> {
        let Fold { step, sealed, limits, barrier } = *self;
        let range = step.range();
        let (mut covered, mut events, mut pending) = (range.after, 0, Default::default());
        // One thread reads for an instance that is alone; several have the cores busy.
        let is_long = range.through.0 - range.after.0 > step.batch.events_max as u64;
        let ahead = step.parts().1 == 1 && is_long;
        reader.each(&step.reads, sealed, step.batch, ahead, &mut |batch| {
            if !barrier.begin(batch.range) {
                return Ok(ControlFlow::Break(()));
            }
            if !batch.is_empty() {
                let applied = instance.apply(&batch);
                hand_log_on(instance, hand_on)?;
                pending = applied.map_err(|fault| match &batch.positions[..] {
                    [alone] => fault.at(Position(*alone)),
                    _ => fault,
                })?;
                events += batch.len() as u64;
            }
            covered = batch.range.through;
            if step.flush.is_due(&pending, instance.memory_bytes(), limits) {
                let changes = instance.flush()?;
                hand_on(Content::Flushed { covered, events, changes })?;
                pending = Default::default();
            }
            hand_on(Content::Folded { covered, events })?;
            Ok(ControlFlow::Continue(()))
        })?;
        let has_rows = pending.rows > 0 && step.flush != FlushPolicy::Never;
        let changes = if has_rows { instance.flush()? } else { Vec::new() };
        hand_log_on(instance, hand_on)?;
        hand_on(Content::Flushed { covered, events, changes })
    }
}

/// Hands on what the plugin has logged.
pub(super) fn hand_log_on<L: Lookup>(
    instance: &mut Instance<L>,
    hand_on: &mut dyn FnMut(Content) -> Result<()>,
) -> Result<()> {
    let lines = instance.take_log();
    if lines.is_empty() { Ok(()) } else { hand_on(Content::Logged(lines)) }
}

/// Answers lookups by asking the writer.
pub(super) struct AskWriter {
    pub part: usize,
    pub messages: Sender<Message>,
}

impl Lookup for AskWriter {
    fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        let (answer, answered) = bounded(1);
        let content = Content::LookUp { table, length, keys: keys.to_vec(), answer };
        self.messages.send(Message { part: self.part, content }).map_err(|_| writer_ended())?;
        answered.recv().map_err(|_| writer_ended())?
    }
}

/// The fault of a thread whose writer has gone.
pub(super) fn writer_ended() -> Fault {
    Fault::storage("filling a read model", "the thread that writes it has ended").blame(Blame::Host)
}
