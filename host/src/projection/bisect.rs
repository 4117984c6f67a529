//! **Narrowing** finds the event that a plugin failed on, and brings the read model to just before it.
//!
//! A fault often names its event. A trap only has the batch, and row changes that the read model refuses only
//! the range of a flush; then the events of that range are folded again one at a time until one fails. So a
//! parked projection stops at the same place and with the same rows however its batches were cut.

use std::ops::ControlFlow;

use crate::event::{Fault, FaultKind, Position, Range, Result};

use super::feed::BatchSize;
use super::fold::{Fold, Proceed, Projector};

/// Row changes are tried one event at a time only in ranges of up to this many positions; each try is a commit.
const TRIED_COMMITS_MAX: u64 = 20_000;

impl Projector {
    /// Returns the fault, with its position and a read model that ends just before it where that could be found
    /// out; or nothing when the events went through one at a time, and the advance may go on.
    pub(super) fn narrow(&mut self, fault: Fault) -> Result<()> {
        let name = self.plugin.manifest().name.clone();
        let shows_at_commits = matches!(fault.kind, FaultKind::Changes | FaultKind::Output);
        // A generation that is being built has no way back from a commit that failed; it will be thrown away.
        let is_bulk = self.generation().is_building();
        let culprit = match (fault.position, fault.range) {
            _ if !is_narrowed(fault.kind) || (is_bulk && fault.kind == FaultKind::Changes) => None,
            (Some(position), _) => Some((position, fault.clone())),
            (None, Some(range)) => match self.find(range, shows_at_commits) {
                Ok(Found::At(position, again)) => Some((position, again)),
                Ok(Found::Nothing) => {
                    tracing::warn!(projection = name, fault = %fault, "went through one event at a time");
                    return Ok(());
                }
                Ok(Found::NotTried) => None,
                Err(other) => return Err(other.of(&name)),
            },
            (None, None) => None,
        };
        let Some((position, fault)) = culprit else {
            return Err(fault.of(&name));
        };
        self.cool();
        let before = Position(position.0.saturating_sub(1));
        if !is_bulk && self.checkpoint() < before {
            // The events before it went well a moment ago; should one fail now, that is the fault to tell.
            let rerun = self.run(before, self.size, &mut |_| Proceed::On);
            self.cool();
            rerun.map_err(|fault| fault.of(&name))?;
        }
        Err(fault.of(&name).at(position))
    }

    /// Folds up to the range, then its events one at a time.
    fn find(&mut self, range: Range, committing: bool) -> Result<Found> {
        let range = Range { after: range.after.max(self.checkpoint()), ..range };
        if committing && range.through.0 - range.after.0.min(range.through.0) > TRIED_COMMITS_MAX {
            return Ok(Found::NotTried);
        }
        self.run(range.after, self.size, &mut |_| Proceed::On)?;
        if committing {
            return self.find_by_commits(range);
        }
        // A new instance: what filled the old one's memory is no fault of the events to come.
        self.cool();
        self.warm()?;
        let Projector { feed, fold, .. } = self;
        let Fold::Warm(instance) = fold else { unreachable!("just warmed") };
        let mut found = Found::Nothing;
        feed.each(range, BatchSize::events(1), &mut |batch| {
            if batch.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            Ok(match instance.apply(&batch) {
                Ok(_) => ControlFlow::Continue(()),
                Err(fault) => {
                    found = Found::At(Position(batch.positions[0]), fault);
                    ControlFlow::Break(())
                }
            })
        })?;
        // Nothing of this is kept: what went through is folded again in the ordinary way.
        self.cool();
        if matches!(found, Found::Nothing) {
            self.run(range.through, BatchSize::events(1), &mut |_| Proceed::On)?;
        }
        Ok(found)
    }

    /// The same for failures that show only at a flush or a commit.
    fn find_by_commits(&mut self, range: Range) -> Result<Found> {
        for position in range.after.0 + 1..=range.through.0 {
            if let Err(fault) = self.run(Position(position), BatchSize::events(1), &mut |_| Proceed::On) {
                self.cool();
                return if is_narrowed(fault.kind) { Ok(Found::At(Position(position), fault)) } else { Err(fault) };
            }
        }
        Ok(Found::Nothing)
    }
}

enum Found {
    At(Position, Fault),
    Nothing,
    NotTried,
}

/// Whether an event can be the cause.
fn is_narrowed(kind: FaultKind) -> bool {
    use FaultKind::*;
    match kind {
        Trap | Deadline | Fuel | Memory | Output | Changes | Event | Projection => true,
        Incompatible | Manifest | Settings | Overlap | Storage | Input => false,
    }
}
