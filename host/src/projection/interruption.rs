//! An **interruption** is why a build by threads came to nothing, and what is learned from it for the next attempt.

use std::fmt;

use super::plan::{Care, Learned, Step};
use super::thresholds::WAVES_MAX;
use crate::event::{Fault, FaultKind};

/// Why a build by threads came to nothing.
#[derive(Debug)]
pub(super) enum Interruption {
    Fault(Fault),
    /// Partitions are not what the manifest says.
    Overlap(String),
    /// The rows of a part do not fit an instance.
    OutOfRoom,
    /// A thread ended without a message, or not where the others did.
    ThreadLost,
    /// Quick code has so much to do that optimised code pays.
    SlowCode,
    /// It was stopped where nothing of it can be kept.
    Stopped,
}

impl Interruption {
    /// As a fault, for who asked for something else.
    pub fn into_fault(self) -> Fault {
        match self {
            Interruption::Fault(fault) => fault,
            other => Fault::storage("filling a read model", other.to_string()),
        }
    }

    /// What the next attempt knows, after this one of `step`.
    pub fn learn(&self, learned: Learned, step: &Step) -> Learned {
        let more_waves = || Learned { waves_min: (step.waves() * 2).min(WAVES_MAX), ..learned };
        let more_care = || Learned {
            care: match step.parts().0 > 1 {
                true => Care::OneInstance,
                false => Care::StepByStep,
            },
            ..learned
        };
        match self {
            Interruption::SlowCode => Learned { keeps_code: true, ..learned },
            Interruption::OutOfRoom if step.can_have_more_waves() => more_waves(),
            Interruption::Fault(fault) if fault.kind == FaultKind::Memory && step.can_have_more_waves() => more_waves(),
            Interruption::Overlap(_) => more_care(),
            _ => Learned { care: Care::StepByStep, ..learned },
        }
    }
}

impl From<Fault> for Interruption {
    fn from(fault: Fault) -> Interruption {
        match fault.kind {
            FaultKind::Overlap => Interruption::Overlap(fault.message.clone()),
            _ => Interruption::Fault(fault),
        }
    }
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Interruption::Fault(fault) => fault.fmt(f),
            Interruption::Overlap(message) => f.write_str(message),
            Interruption::OutOfRoom => f.write_str("the rows of a part do not fit an instance"),
            Interruption::ThreadLost => f.write_str("a thread ended without a message"),
            Interruption::SlowCode => f.write_str("there is much to do for quick code"),
            Interruption::Stopped => f.write_str("it was stopped"),
        }
    }
}
