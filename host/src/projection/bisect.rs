//! **Bisecting** finds the event that a plugin failed on, and brings the read model to just before it.
//!
//! A fault often names its event. A trap only has the batch, and row changes that the read model refuses only
//! the range of a flush; then the events of that range are folded again one at a time until one fails. So a
//! parked projection stops at the same place and with the same rows however its batches were cut.

use super::plan::Goal;
use super::projector::Projector;
use super::thresholds::TRIED_COMMITS_MAX;
use crate::event::{Fault, FaultKind, Position, Range, Result};

impl Projector {
    /// Returns the fault, with its position and a read model that ends just before it where that could be found
    /// out; or nothing when the events went through one at a time, and the advance may go on.
    pub(super) fn bisect(&mut self, fault: Fault) -> Result<()> {
        let name = self.runner.plugin.manifest().name.clone();
        let shows_at_commits = matches!(fault.kind, FaultKind::Changes | FaultKind::Output);
        // A generation that is being built has no way back from a commit that failed; it will be thrown away. But what
        // the plugin flushed may have been refused before that, such as a number that is none.
        let is_bulk = self.generation().is_building();
        let culprit = match (fault.position, fault.range) {
            _ if fault.retry || !may_be_an_event(fault.kind) => None,
            (Some(position), _) => Some((position, fault.clone())),
            (None, Some(range)) => {
                match self.find(range, shows_at_commits, is_bulk && fault.kind == FaultKind::Changes) {
                    Ok(Culprit::Event(position, again)) => Some((position, again)),
                    Ok(Culprit::None) => {
                        tracing::warn!(projection = name, fault = %fault, "went through one event at a time");
                        return Ok(());
                    }
                    Ok(Culprit::TooFar) => None,
                    Err(other) => return Err(other.of(&name)),
                }
            }
            (None, None) => None,
        };
        let Some((position, fault)) = culprit else {
            return Err(fault.of(&name));
        };
        self.runner.drop_kept();
        let before = Position(position.0.saturating_sub(1));
        if !is_bulk && self.checkpoint() < before {
            // The events before it went well a moment ago; should one fail now, that is the fault to tell.
            let rerun = self.run_kept(Goal::GoOn, before);
            self.runner.drop_kept();
            rerun.map_err(|fault| fault.of(&name))?;
        }
        Err(fault.of(&name).at(position))
    }

    /// Folds up to the range, then its events one at a time.
    fn find(&mut self, range: Range, shows_at_commits: bool, has_no_way_back: bool) -> Result<Culprit> {
        let range = Range { after: range.after.max(self.checkpoint()), ..range };
        if has_no_way_back {
            return self.find_by_flushes(range);
        }
        if shows_at_commits && range.through.0 - range.after.0.min(range.through.0) > TRIED_COMMITS_MAX {
            return Ok(Culprit::TooFar);
        }
        self.run_kept(Goal::GoOn, range.after)?;
        // A new instance: what filled the old one's memory is no fault of the events to come.
        self.runner.drop_kept();
        let goal = if shows_at_commits { Goal::CommitEach } else { Goal::TryEach };
        let tried = self.run_kept(goal, range.through);
        if goal == Goal::TryEach {
            // Nothing of this is kept: what went through is folded again in the ordinary way.
            self.runner.drop_kept();
        }
        match tried {
            Ok(()) if shows_at_commits => Ok(Culprit::None),
            // It was folded without a fault: then it shows when its rows are flushed.
            Ok(()) if range.through.0 - range.after.0 <= TRIED_COMMITS_MAX => self.find(range, true, false),
            Ok(()) => self.run_kept(Goal::GoOnSingly, range.through).map(|()| Culprit::None),
            Err(fault) if !may_be_an_event(fault.kind) => Err(fault),
            // Each batch and each commit ended with one event.
            Err(fault) => match fault.position.or(fault.range.map(|range| range.through)) {
                Some(position) => Ok(Culprit::Event(position, fault)),
                None => Err(fault),
            },
        }
    }
}

impl Projector {
    /// Folds the events one at a time and looks at what is flushed after each, without committing any of it.
    fn find_by_flushes(&mut self, range: Range) -> Result<Culprit> {
        // When the commit was it that failed, this fails as well.
        let begun = self.run_kept(Goal::GoOn, range.after);
        self.runner.drop_kept();
        if begun.is_err() {
            return Ok(Culprit::TooFar);
        }
        let tried = self.run_kept(Goal::FlushEach, range.through);
        self.runner.drop_kept();
        Ok(match tried {
            Err(fault) if fault.kind == FaultKind::Changes => {
                match fault.position.or(fault.range.map(|range| range.through)) {
                    Some(position) => Culprit::Event(position, fault),
                    None => Culprit::TooFar,
                }
            }
            _ => Culprit::TooFar,
        })
    }
}

enum Culprit {
    Event(Position, Fault),
    None,
    TooFar,
}

/// Whether an event can be the cause.
fn may_be_an_event(kind: FaultKind) -> bool {
    use FaultKind::*;
    match kind {
        Trap | Deadline | Fuel | Memory | Output | Changes | Event | Projection => true,
        Incompatible | Manifest | Settings | Overlap | Storage | Input => false,
    }
}
