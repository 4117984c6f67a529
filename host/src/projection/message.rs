//! A **message** is what an instance's thread hands to the writer. Messages of one part come in order; the writer has
//! taken everything before it when it answers a lookup.

use crossbeam_channel::Sender;

use crate::event::{Changes, Column, Fault, Position, Result, Rows};
use crate::plugin::LogLine;

/// One part's message.
pub(super) struct Message {
    /// Which part of the keys, from 0.
    pub part: usize,
    pub content: Content,
}

pub(super) enum Content {
    /// Everything up to a position is folded; so many events of the part so far.
    Folded { covered: Position, events: u64 },
    /// The rows that changed since the last flush, with everything up to a position; so many events of the part so far.
    Flushed { covered: Position, events: u64, changes: Vec<Changes> },
    /// Rows are needed as they are after all flushes of the part.
    LookUp { table: usize, length: usize, keys: Vec<Column>, answer: Sender<Result<Rows>> },
    /// What the plugin logged.
    Logged(Vec<LogLine>),
    /// The part has ended, and its last rows came before.
    Ended,
    /// The part has failed; nothing else comes from it.
    Failed(Fault),
}
