//! What is **prepared** before a new generation is filled: history up to where it will go.

use std::ops::ControlFlow;

use super::progress::{Proceed, Progress, Stage};
use crate::event::{Position, Result};
use crate::event_store::Source;
use crate::history::History;

/// Makes history of the log up to `through`, on all cores, as far as it is not there yet. What is missing when it
/// returns, or faults, is read from the source.
pub fn prepare(
    history: &History,
    source: &dyn Source,
    through: Position,
    watch: &mut dyn FnMut(Progress) -> Proceed,
) -> Result<()> {
    history.hurry(source, through, &mut |sealing| {
        let done = Position(through.0.saturating_sub(sealing.events_total.saturating_sub(sealing.events)));
        let progress = Progress { stage: Stage::History, covered: done, through, events: sealing.events, wave: (1, 1) };
        match watch(progress) {
            Proceed::On => ControlFlow::Continue(()),
            Proceed::Stop => ControlFlow::Break(()),
        }
    })
}
