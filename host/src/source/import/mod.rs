//! **Import** reads events from JSON Lines into the embedded store.
//!
//! Each line is an event as a JSON object (`line.rs`): our own form, or CloudEvents 1.0, told apart line by line by
//! `specversion`. Gzip and zstd are recognised by their first bytes. Memory is constant: lines are read, parsed
//! and recorded in chunks, one transaction each, so everything before a bad line is kept and other processes get
//! their turn. Importing a file again adds nothing (`derived.rs`).

use std::io::Write;
use std::ops::ControlFlow;
use std::time::Instant;

use super::sqlite::{Entry, EventId, Outcome, SqliteStore};
use crate::event::{Blame, Fault, Position, Result};

mod input;
mod chunk;
mod line;
mod cloudevent;
mod derived;
mod aside;

pub use aside::open_aside;
pub use chunk::LINE_BYTES_MAX;
pub use input::Input;

use chunk::{Chunk, End, Line};
use derived::Derived;

/// How to import.
#[derive(Default)]
pub struct Options<'a> {
    /// Record lines without an `id` even when the same file was imported before.
    pub again: bool,
    /// Where bad lines are put, byte for byte; without it the first bad line ends the import.
    pub skip_bad: Option<&'a mut dyn Write>,
    /// Told of each bad line that is put aside.
    pub on_bad: Option<&'a mut dyn FnMut(&BadLine)>,
    /// Told after each transaction; breaking ends the import there.
    pub progress: Option<&'a mut Tell<'a>>,
}

/// Told of progress.
pub type Tell<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + 'a;

/// How far an import has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Bytes of the file read so far, compressed ones when it is compressed.
    pub bytes_read: u64,
    /// Bytes of the file, when they are known.
    pub bytes_total: Option<u64>,
    /// What was done so far.
    pub report: Report,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Report {
    /// Lines read, blank ones not counted.
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

/// A line that is no event.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BadLine {
    /// The line in the file, from 1.
    pub line: u64,
    /// The byte in the line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}

/// Imports `input` into `store`.
///
/// A bad line ends it with an input fault (`FILE:LINE:COLUMN: reason`) unless bad lines are put aside; so does
/// input that cannot be read on. What was recorded before is kept.
pub fn import(store: &SqliteStore, input: Input, options: Options<'_>) -> Result<Report> {
    let start = Instant::now();
    let mut import =
        Import { store: store.clone(), input, options, derived: Derived::default(), report: Report::default() };
    let mut writer = store.writer()?;
    let mut chunk = Chunk::default();
    loop {
        let end = chunk.fill(&mut import.input);
        let stop = import.record(&mut writer, &chunk)?;
        import.report.seconds = start.elapsed().as_secs_f64();
        if let Some(bad) = stop {
            return Err(import.stopped_at(bad));
        }
        match end {
            End::Full => {}
            End::OfInput => {
                _ = import.tell();
                return Ok(import.report);
            }
            End::TooLong { line } => {
                import.report.lines += 1;
                import.too_long(line, &chunk)?;
            }
            End::Failed(error) => return Err(import.unreadable(&error)),
        }
        if import.tell().is_break() {
            import.report.interrupted = true;
            return Ok(import.report);
        }
    }
}

struct Import<'a> {
    store: SqliteStore,
    input: Input,
    options: Options<'a>,
    derived: Derived,
    report: Report,
}

impl Import<'_> {
    /// Records a chunk in one transaction, up to the bad line that ends the import.
    fn record(&mut self, writer: &mut super::sqlite::Writer, chunk: &Chunk) -> Result<Option<BadLine>> {
        let mut events = Vec::with_capacity(chunk.lines.len());
        let mut stop = None;
        for &line in &chunk.lines {
            match self.parse(chunk.bytes(line)) {
                Ok(entry) => events.push((line, entry)),
                Err((column, reason)) => {
                    stop = self.bad(chunk.bytes(line), BadLine { line: line.number, column, reason })?;
                    if stop.is_some() {
                        break;
                    }
                }
            }
            self.report.lines += 1;
        }
        if events.is_empty() {
            return Ok(stop);
        }
        let mut transaction = writer.begin()?;
        for (line, entry) in &events {
            match transaction.record(entry)? {
                Outcome::Added(position, _) => {
                    self.report.added += 1;
                    self.report.first.get_or_insert(position);
                    self.report.last = Some(position);
                }
                Outcome::There(..) => self.report.already_there += 1,
                Outcome::Differs(position) => {
                    let reason =
                        format!("its id `{}` is recorded at position {position}, with another event", entry.id);
                    stop = self.bad(chunk.bytes(*line), BadLine { line: line.number, column: 1, reason })?.or(stop);
                    if stop.is_some() {
                        break;
                    }
                }
            }
        }
        let head = transaction.commit()?;
        self.store.ring(head);
        Ok(stop)
    }

    fn parse<'l>(&mut self, bytes: &'l [u8]) -> Result<Entry<'l>, (usize, String)> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| (error.valid_up_to() + 1, "the line is not UTF-8 text".to_owned()))?;
        let event = line::parse(text)?;
        let id = match event.id {
            Some(id) => EventId::from(id),
            None if self.options.again => EventId::made_up(),
            None => EventId::Uuid(self.derived.next(bytes)),
        };
        let line::Event { stream, kind, data, metadata, time, .. } = event;
        Ok(Entry { stream, kind, data, metadata, id, time })
    }

    /// Puts a bad line aside, or hands it back when that is not wanted.
    fn bad(&mut self, bytes: &[u8], bad: BadLine) -> Result<Option<BadLine>> {
        let Some(sink) = &mut self.options.skip_bad else { return Ok(Some(bad)) };
        sink.write_all(bytes).and_then(|()| sink.write_all(b"\n")).map_err(put_aside)?;
        self.put_aside(&bad);
        Ok(None)
    }

    fn put_aside(&mut self, bad: &BadLine) {
        self.report.bad += 1;
        if let Some(on_bad) = &mut self.options.on_bad {
            on_bad(bad);
        }
    }

    fn too_long(&mut self, line: Line, chunk: &Chunk) -> Result<()> {
        let bad = BadLine {
            line: line.number,
            column: LINE_BYTES_MAX + 1,
            reason: format!("the line has more than {LINE_BYTES_MAX} bytes"),
        };
        let Some(sink) = &mut self.options.skip_bad else { return Err(self.stopped_at(bad)) };
        sink.write_all(chunk.bytes(line)).map_err(put_aside)?;
        chunk::rest_of_line(&mut self.input, *sink)?;
        self.put_aside(&bad);
        Ok(())
    }

    fn tell(&mut self) -> ControlFlow<()> {
        let progress = Progress {
            bytes_read: self.input.bytes_read(),
            bytes_total: self.input.bytes_total(),
            report: self.report,
        };
        self.options.progress.as_mut().map_or(ControlFlow::Continue(()), |tell| tell(&progress))
    }

    fn stopped_at(&self, bad: BadLine) -> Fault {
        Fault::input(format!("{}:{}:{}: {}", self.input.name(), bad.line, bad.column, bad.reason))
            .blame(Blame::Data)
            .hint(format!(
                "{}; mend the line and import again, or put bad lines aside with --skip-bad FILE",
                self.kept()
            ))
    }

    fn unreadable(&self, error: &std::io::Error) -> Fault {
        Fault::storage(format!("reading {}", self.input.name()), error)
            .hint(format!("{}; importing again goes on from there", self.kept()))
    }

    fn kept(&self) -> String {
        match self.report {
            Report { added, already_there: 0, .. } => format!("the {added} events before it are kept"),
            Report { added, already_there, .. } => {
                format!("the {added} events added before it are kept ({already_there} were there already)")
            }
        }
    }
}

fn put_aside(error: std::io::Error) -> Fault {
    Fault::storage("putting a bad line aside", error).hint("check the file named with --skip-bad")
}
