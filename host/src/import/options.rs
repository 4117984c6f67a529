//! The **options** of an import, and what it reports.

use std::io::Write;
use std::ops::ControlFlow;

use super::place::BadLine;
use crate::event::Position;

/// How to import.
#[derive(Default)]
pub struct Options<'a> {
    /// Record lines without an `id` even when the same file was imported before.
    pub again: bool,
    /// Where bad lines are put, byte for byte, and bad members of arrays, each on one line; without it the first bad
    /// one ends the import.
    pub skip_bad: Option<&'a mut dyn Write>,
    /// Told of each bad line that is put aside.
    pub on_bad: Option<&'a mut dyn FnMut(&BadLine)>,
    /// Told with each transaction, and ten times a second while the input gives nothing; breaking ends the import there, and
    /// what was recorded is kept.
    pub progress: Option<&'a mut Tell<'a>>,
}

/// Told of progress.
pub type Tell<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + 'a;

/// How far an import has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// About how many bytes of the file are recorded, compressed ones when it is compressed.
    pub bytes_read: u64,
    /// Bytes of the file, when they are known.
    pub bytes_total: Option<u64>,
    /// What was done so far.
    pub report: Report,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Report {
    /// Lines read, blank ones not counted; members of arrays count as lines.
    pub lines: u64,
    /// Events recorded.
    pub added: u64,
    /// Events that were recorded already.
    pub already_there: u64,
    /// Bad lines put aside.
    pub bad: u64,
    /// The position of the first event recorded.
    pub first: Option<Position>,
    /// The position of the last event recorded.
    pub last: Option<Position>,
    /// Wall time.
    pub seconds: f64,
    /// Whether it was ended by its progress callback.
    pub interrupted: bool,
}
