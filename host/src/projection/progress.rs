//! **Progress**: how far an advance has come, and whether it is to go on.

use crate::event::Position;

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
    /// What is folded, and not yet all committed; or made into history. Where the log is read several times, for a part
    /// of the keys each time, this is the position that would be reached by as many events.
    pub covered: Position,
    /// Where it is going.
    pub through: Position,
    /// Events folded in this advance, each once; or made into history.
    pub events: u64,
    /// Which part of the keys is being folded, from 1, and of how many; (1, 1) where all are folded at once.
    pub wave: (u32, u32),
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
    /// Events folded, each once.
    pub events: u64,
}
