//! **Import** reads events from JSON Lines into the embedded store.
//!
//! Each line is an event as a JSON object (`line.rs`): our own form, or CloudEvents 1.0, told apart line by line by
//! `specversion`. Gzip and zstd are recognised by their first bytes. Memory is constant: lines are read in chunks and
//! recorded in transactions of a second, so everything before a bad line is kept and other processes get
//! their turn. Importing a file again adds nothing (`derived.rs`).

use std::io::Write;
use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use crate::event::{Blame, Fault, Position, Result};
use crate::event_store::sqlite::{Entry, EventId, Outcome, SqliteStore};

mod input;
mod chunk;
mod line;
mod cloudevent;
mod derived;
mod rejects;

pub use chunk::LINE_BYTES_MAX;
pub use input::Input;
pub use rejects::open_aside;

use chunk::{Chunk, End, Line};
use derived::Derived;

/// How long other writers wait for a transaction at most, about; a chunk takes a second. They are told that the store is
/// busy after ten.
const TRANSACTION: Duration = Duration::from_secs(2);
/// How long the store is left to them then: they try each millisecond.
const TURN: Duration = Duration::from_millis(3);
/// Lines between two looks at the clock.
const LOOK_LINES: usize = 1_000;

/// How to import.
#[derive(Default)]
pub struct Options<'a> {
    /// Record lines without an `id` even when the same file was imported before.
    pub again: bool,
    /// Where bad lines are put, byte for byte; without it the first bad line ends the import.
    pub skip_bad: Option<&'a mut dyn Write>,
    /// Told of each bad line that is put aside.
    pub on_bad: Option<&'a mut dyn FnMut(&BadLine)>,
    /// Told many times a second; breaking ends the import there, and what was recorded is kept.
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
    let mut import = Import {
        store: store.clone(),
        input,
        options,
        derived: Derived::default(),
        report: Report::default(),
        start: Instant::now(),
        bytes_recorded: 0,
    };
    let mut writer = store.importer()?;
    let mut chunk = Chunk::default();
    loop {
        import.bytes_recorded = import.input.bytes_read();
        let end = chunk.fill(&mut import.input);
        let stop = import.record(&mut writer, &chunk)?;
        import.report.seconds = import.start.elapsed().as_secs_f64();
        if let Some(bad) = stop {
            return Err(import.stopped_at(bad));
        }
        if import.report.interrupted {
            return Ok(import.report);
        }
        match end {
            End::Full => {}
            End::OfInput => {
                _ = import.tell(1.0);
                return Ok(import.report);
            }
            End::TooLong { line } => {
                import.report.lines += 1;
                import.too_long(line, &chunk)?;
            }
            End::Failed(error) => return Err(import.unreadable(&error)),
        }
        if import.tell(1.0).is_break() {
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
    start: Instant,
    /// Bytes of the input in all chunks before the current one.
    bytes_recorded: u64,
}

impl Import<'_> {
    /// Records a chunk, up to the bad line that ends the import. A transaction ends when it has taken long, since
    /// other writers wait for it.
    fn record(&mut self, writer: &mut crate::event_store::sqlite::Writer, chunk: &Chunk) -> Result<Option<BadLine>> {
        let mut lines = chunk.lines.iter();
        let mut stop = None;
        while stop.is_none() && !self.report.interrupted && !lines.as_slice().is_empty() {
            let begun = Instant::now();
            let mut transaction = writer.begin()?;
            while let Some(&line) = lines.next() {
                stop = self.record_line(&mut transaction, chunk.bytes(line), line)?;
                if stop.is_some() {
                    break;
                }
                let left = lines.as_slice().len();
                if left > 0 && left.is_multiple_of(LOOK_LINES) {
                    self.report.interrupted = self.tell(1.0 - left as f64 / chunk.lines.len() as f64).is_break();
                    if self.report.interrupted || begun.elapsed() > TRANSACTION {
                        break;
                    }
                }
            }
            let head = transaction.commit()?;
            self.store.ring(head);
            if !lines.as_slice().is_empty() {
                thread::sleep(TURN);
            }
        }
        Ok(stop)
    }

    fn record_line(
        &mut self,
        transaction: &mut crate::event_store::sqlite::Transaction<'_>,
        bytes: &[u8],
        line: Line,
    ) -> Result<Option<BadLine>> {
        let bad = |column, reason| BadLine { line: line.number, column, reason };
        let entry = match self.parse(bytes) {
            Ok(entry) => entry,
            Err((column, reason)) => {
                let stop = self.bad(bytes, bad(column, reason))?;
                self.report.lines += u64::from(stop.is_none());
                return Ok(stop);
            }
        };
        self.report.lines += 1;
        match transaction.record(&entry)? {
            Outcome::Added(position, _) => {
                self.report.added += 1;
                self.report.first.get_or_insert(position);
                self.report.last = Some(position);
            }
            Outcome::There(..) => self.report.already_there += 1,
            Outcome::Differs(position) => {
                let reason = format!("its id `{}` is recorded at position {position}, with another event", entry.id);
                return self.bad(bytes, bad(1, reason));
            }
        }
        Ok(None)
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

    /// Tells how far it is when this share of the chunk is recorded.
    fn tell(&mut self, share: f64) -> ControlFlow<()> {
        self.report.seconds = self.start.elapsed().as_secs_f64();
        let ahead = self.input.bytes_read() - self.bytes_recorded;
        let progress = Progress {
            bytes_read: self.bytes_recorded + (ahead as f64 * share) as u64,
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
