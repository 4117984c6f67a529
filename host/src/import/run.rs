//! **Running** an import: chunks come parsed from the reading side and are recorded in batches.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::chunk::LINE_BYTES_MAX;
use super::input::Input;
use super::options::{Options, Progress, Report};
use super::pipeline::{self, ParsedChunk, Read};
use super::place::{BadLine, Mistake, Place};
use super::stop::Stopped;
use crate::event::{Fault, Result};
use crate::event_store::{AppendableStore, BulkAppender, BulkEvent, BulkOutcome};

/// Events in the first batch; a batch is one transaction, and others wait for it to end.
const BATCH_EVENTS_MIN: usize = 10_000;
/// A batch that was faster than this is followed by one of twice the size,
const QUICK: Duration = Duration::from_millis(600);
/// and one that was slower by one of half the size. Other writers are told that the store is busy after ten seconds.
const SLOW: Duration = Duration::from_millis(1_800);
/// How long the store is left to other writers between two batches: they try each millisecond.
const OTHERS_TURN: Duration = Duration::from_millis(3);
/// How often it is asked whether to go on while the input gives nothing.
const ASK: Duration = Duration::from_millis(100);

/// Imports `input` into `store`.
///
/// A bad line ends it with an input fault (`FILE:LINE:COLUMN: reason`) unless bad lines are put aside; so does
/// input that cannot be read on. What was recorded before is kept.
pub fn import(store: &dyn AppendableStore, input: Input, options: Options<'_>) -> Result<Report> {
    let mut appender = store.bulk_appender()?;
    let mut import = Import {
        name: input.name().to_owned(),
        bytes_total: input.bytes_total(),
        report: Report::default(),
        start: Instant::now(),
        batch_events: BATCH_EVENTS_MIN,
        input_bytes: (0, 0),
        chunk_share: 0.0,
        reading: pipeline::start(input, options.again)?,
        options,
    };
    while !import.report.interrupted {
        let Some(read) = import.next()? else { break };
        match read {
            Read::Chunk(chunk) => import.record(&mut *appender, &chunk)?,
            Read::TooLong(place, beginning) => import.put_long_item_aside(place, &beginning)?,
            Read::Broken(bad) => return Err(import.stopped().at_broken_array(&bad)),
            Read::Failed(error) => return Err(import.stopped().at_unreadable_input(&error)),
            Read::PartOfItem(_) | Read::EndOfItem => {}
            Read::End => {
                _ = import.tell();
                break;
            }
        }
    }
    Ok(import.report)
}

struct Import<'a> {
    name: String,
    bytes_total: Option<u64>,
    reading: Receiver<Read>,
    options: Options<'a>,
    report: Report,
    start: Instant,
    /// How many events the next batch takes.
    batch_events: usize,
    /// Bytes of the input before the current chunk, and through it.
    input_bytes: (u64, u64),
    /// How much of the current chunk is recorded.
    chunk_share: f64,
}

impl Import<'_> {
    /// What the reading side has next; none when the import was interrupted meanwhile.
    fn next(&mut self) -> Result<Option<Read>> {
        loop {
            match self.reading.recv_timeout(ASK) {
                Ok(read) => return Ok(Some(read)),
                Err(RecvTimeoutError::Timeout) => self.ask_whether_to_go_on(),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Fault::storage("reading the input", "the thread that reads it has ended"));
                }
            }
            if self.report.interrupted {
                return Ok(None);
            }
        }
    }

    /// Records a chunk, batch by batch.
    fn record(&mut self, appender: &mut dyn BulkAppender, parsed: &ParsedChunk) -> Result<()> {
        self.input_bytes = parsed.input_bytes;
        self.chunk_share = 0.0;
        let items = parsed.events.len();
        let mut done = 0;
        while done < items && !self.report.interrupted {
            let through = items.min(done + self.batch_events);
            self.record_batch(appender, parsed, done..through)?;
            done = through;
            self.chunk_share = done as f64 / items as f64;
            self.ask_whether_to_go_on();
            if done < items {
                thread::sleep(OTHERS_TURN);
            }
        }
        self.chunk_share = 1.0;
        Ok(())
    }

    fn record_batch(
        &mut self,
        appender: &mut dyn BulkAppender,
        parsed: &ParsedChunk,
        items: std::ops::Range<usize>,
    ) -> Result<()> {
        let size = items.len();
        let mut batch = Batch { events: Vec::with_capacity(size), items: Vec::with_capacity(size) };
        for item in items {
            match &parsed.events[item] {
                Ok(event) => {
                    batch.events.push(event.borrowed(parsed.chunk.text()));
                    batch.items.push(item);
                }
                Err(mistake) => {
                    let bad = self.put_aside(parsed, item, mistake.clone())?;
                    if let Some(bad) = bad {
                        self.append(appender, parsed, &batch)?;
                        return Err(self.stopped().at_bad_line(&bad));
                    }
                    self.report.lines += 1;
                }
            }
        }
        let begun = Instant::now();
        self.append(appender, parsed, &batch)?;
        let took = begun.elapsed();
        if took < QUICK && size >= self.batch_events {
            self.batch_events *= 2;
        } else if took > SLOW {
            self.batch_events = (self.batch_events / 2).max(BATCH_EVENTS_MIN);
        }
        Ok(())
    }

    /// Records a batch. An event whose id is there already, with another event, is a bad line.
    fn append(&mut self, appender: &mut dyn BulkAppender, parsed: &ParsedChunk, batch: &Batch<'_>) -> Result<()> {
        let mut done = 0;
        while done < batch.events.len() {
            for outcome in appender.append(&batch.events[done..])? {
                self.report.lines += 1;
                match outcome {
                    BulkOutcome::Added(position) => {
                        self.report.added += 1;
                        self.report.first.get_or_insert(position);
                        self.report.last = Some(position);
                    }
                    BulkOutcome::AlreadyThere => self.report.already_there += 1,
                    BulkOutcome::Conflict(position) => {
                        let id = &batch.events[done].id;
                        let reason = format!("its id `{id}` is recorded at position {position}, with another event");
                        let bad = self.put_aside(parsed, batch.items[done], Mistake::of_all(reason))?;
                        if let Some(bad) = bad {
                            return Err(self.stopped().at_bad_line(&bad));
                        }
                    }
                }
                done += 1;
            }
        }
        Ok(())
    }

    /// Puts a bad line aside, or hands it back when that is not wanted.
    fn put_aside(&mut self, parsed: &ParsedChunk, item: usize, mistake: Mistake) -> Result<Option<BadLine>> {
        let item = parsed.chunk.items[item];
        let bytes = parsed.chunk.bytes(item);
        let bad = BadLine::new(item.place, bytes, mistake);
        let Some(sink) = &mut self.options.skip_bad else { return Ok(Some(bad)) };
        write_on_one_line(*sink, bytes).and_then(|()| sink.write_all(b"\n")).map_err(rejects_failed)?;
        self.tell_of(&bad);
        Ok(None)
    }

    /// Puts a line or member that is longer than allowed aside, part by part.
    fn put_long_item_aside(&mut self, place: Place, beginning: &[u8]) -> Result<()> {
        self.report.lines += 1;
        let reason = format!("it has more than {LINE_BYTES_MAX} bytes");
        let bad = BadLine::new(place, beginning, Mistake::new(LINE_BYTES_MAX, reason));
        if self.options.skip_bad.is_none() {
            return Err(self.stopped().at_bad_line(&bad));
        }
        let mut part = Some(Read::PartOfItem(beginning.to_vec()));
        loop {
            let Some(sink) = &mut self.options.skip_bad else { return Ok(()) };
            match part {
                Some(Read::PartOfItem(bytes)) => write_on_one_line(*sink, &bytes).map_err(rejects_failed)?,
                Some(Read::Failed(error)) => return Err(self.stopped().at_unreadable_input(&error)),
                _ => {
                    sink.write_all(b"\n").map_err(rejects_failed)?;
                    self.tell_of(&bad);
                    return Ok(());
                }
            }
            part = self.next()?;
        }
    }

    fn tell_of(&mut self, bad: &BadLine) {
        self.report.bad += 1;
        if let Some(on_bad) = &mut self.options.on_bad {
            on_bad(bad);
        }
    }

    fn ask_whether_to_go_on(&mut self) {
        self.report.interrupted |= self.tell().is_break();
    }

    fn tell(&mut self) -> ControlFlow<()> {
        self.report.seconds = self.start.elapsed().as_secs_f64();
        let (before, through) = self.input_bytes;
        let progress = Progress {
            bytes_read: before + ((through - before) as f64 * self.chunk_share) as u64,
            bytes_total: self.bytes_total,
            report: self.report,
        };
        self.options.progress.as_mut().map_or(ControlFlow::Continue(()), |tell| tell(&progress))
    }

    fn stopped(&self) -> Stopped<'_> {
        Stopped { input: &self.name, report: &self.report }
    }
}

/// Events of a chunk that are recorded together, and which of its items each is.
struct Batch<'c> {
    events: Vec<BulkEvent<'c>>,
    items: Vec<usize>,
}

/// Writes what may stand over several lines, as a member of an array may, on one.
fn write_on_one_line(sink: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    for (index, part) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if index > 0 {
            sink.write_all(b" ")?;
        }
        sink.write_all(part)?;
    }
    Ok(())
}

fn rejects_failed(error: io::Error) -> Fault {
    Fault::storage("putting a bad line aside", error).hint("check the file named with --skip-bad")
}
