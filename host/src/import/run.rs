//! **Running** an import: chunks are read, parsed, and recorded in batches.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use super::chunk::{Chunk, ChunkReader, End, Item, LINE_BYTES_MAX};
use super::decompress::Damage;
use super::derived::Derived;
use super::input::Input;
use super::options::{Options, Progress, Report};
use super::parse::parse;
use super::parsed::Parsed;
use super::place::{BadLine, Mistake};
use crate::event::{Blame, Fault, Result, count};
use crate::event_store::{AppendableStore, BulkAppender, BulkEvent, BulkOutcome, EventId};

/// Events in the first batch; a batch is one transaction, and others wait for it to end.
const BATCH_EVENTS_MIN: usize = 10_000;
/// A batch that was faster than this is followed by one of twice the size,
const QUICK: Duration = Duration::from_millis(600);
/// and one that was slower by one of half the size. Other writers are told that the store is busy after ten seconds.
const SLOW: Duration = Duration::from_millis(1_800);
/// How long the store is left to other writers between two batches: they try each millisecond.
const OTHERS_TURN: Duration = Duration::from_millis(3);
/// Lines that are parsed between two looks at whether to go on.
const LOOK_LINES: usize = 5_000;

/// Imports `input` into `store`.
///
/// A bad line ends it with an input fault (`FILE:LINE:COLUMN: reason`) unless bad lines are put aside; so does
/// input that cannot be read on. What was recorded before is kept.
pub fn import(store: &dyn AppendableStore, mut input: Input, options: Options<'_>) -> Result<Report> {
    let mut appender = store.bulk_appender()?;
    let mut reader = ChunkReader::new(&mut input);
    let mut import = Import {
        name: reader.input().name().to_owned(),
        bytes_total: reader.input().bytes_total(),
        options,
        derived: Derived::default(),
        report: Report::default(),
        start: Instant::now(),
        batch_events: BATCH_EVENTS_MIN,
        chunk_bytes: (0, 0),
        chunk_share: 0.0,
    };
    let mut chunk = Chunk::default();
    loop {
        let before = reader.input().bytes_read();
        let end = reader.fill(&mut chunk);
        import.chunk_bytes = (before, reader.input().bytes_read());
        import.chunk_share = 0.0;
        let stop = import.record(&mut *appender, &chunk)?;
        import.report.seconds = import.start.elapsed().as_secs_f64();
        if let Some(bad) = stop {
            return Err(import.stopped_at(&bad));
        }
        if import.report.interrupted {
            return Ok(import.report);
        }
        match end {
            End::Full => {}
            End::OfInput => {
                import.chunk_share = 1.0;
                _ = import.tell();
                return Ok(import.report);
            }
            End::TooLong(item) => import.too_long(item, &chunk, &mut reader)?,
            End::Broken(place, reason) => {
                return Err(import.broken(&BadLine::new(place, &[], Mistake::of_all(reason))));
            }
            End::Failed(error) => return Err(import.unreadable(&error)),
        }
        import.chunk_share = 1.0;
        if import.tell().is_break() {
            import.report.interrupted = true;
            return Ok(import.report);
        }
    }
}

struct Import<'a> {
    name: String,
    bytes_total: Option<u64>,
    options: Options<'a>,
    derived: Derived,
    report: Report,
    start: Instant,
    /// How many events the next batch takes.
    batch_events: usize,
    /// Bytes of the input before the current chunk, and through it.
    chunk_bytes: (u64, u64),
    /// How much of the current chunk is recorded.
    chunk_share: f64,
}

/// Events of a chunk that are recorded together, and where each stands in it.
struct Batch<'c> {
    items: Vec<Item>,
    events: Vec<BulkEvent<'c>>,
}

impl Import<'_> {
    /// Records a chunk, up to the bad line that ends the import.
    fn record(&mut self, appender: &mut dyn BulkAppender, chunk: &Chunk) -> Result<Option<BadLine>> {
        let mut done = 0;
        while done < chunk.items.len() && !self.report.interrupted {
            let items = &chunk.items[done..chunk.items.len().min(done + self.batch_events)];
            let (batch, bad) = self.parse(items, chunk)?;
            let stop = self.append(appender, chunk, batch)?.or(bad);
            if stop.is_some() {
                return Ok(stop);
            }
            done += items.len();
            self.chunk_share = done as f64 / chunk.items.len() as f64;
            if done < chunk.items.len() {
                self.report.interrupted |= self.tell().is_break();
                thread::sleep(OTHERS_TURN);
            }
        }
        Ok(None)
    }

    /// The events of `items`, up to the bad one that ends the import.
    fn parse<'c>(&mut self, items: &[Item], chunk: &'c Chunk) -> Result<(Batch<'c>, Option<BadLine>)> {
        let with_room = |room| Batch { items: Vec::with_capacity(room), events: Vec::with_capacity(room) };
        let mut batch = with_room(items.len());
        for (index, &item) in items.iter().enumerate() {
            match self.event(chunk.bytes(item)) {
                Ok(event) => {
                    batch.items.push(item);
                    batch.events.push(event);
                }
                Err(mistake) => match self.bad(chunk, item, mistake)? {
                    Some(stop) => return Ok((batch, Some(stop))),
                    None => self.report.lines += 1,
                },
            }
            if index > 0 && index.is_multiple_of(LOOK_LINES) && self.tell().is_break() {
                self.report.interrupted = true;
                break;
            }
        }
        Ok((batch, None))
    }

    fn event<'l>(&mut self, bytes: &'l [u8]) -> Result<BulkEvent<'l>, Mistake> {
        let Parsed { stream, kind, data, metadata, id, time } = parse(bytes)?;
        let id = match id {
            Some(id) => EventId::from(id),
            None if self.options.again => EventId::made_up(),
            None => EventId::Uuid(self.derived.next(bytes)),
        };
        Ok(BulkEvent { stream, kind, data, metadata, id, time })
    }

    /// Records a batch, up to the event that ends the import: one whose id is there already, with another event.
    fn append(&mut self, appender: &mut dyn BulkAppender, chunk: &Chunk, batch: Batch<'_>) -> Result<Option<BadLine>> {
        let begun = Instant::now();
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
                        if let Some(stop) = self.bad(chunk, batch.items[done], Mistake::of_all(reason))? {
                            return Ok(Some(stop));
                        }
                    }
                }
                done += 1;
            }
        }
        let took = begun.elapsed();
        if took < QUICK && batch.events.len() >= self.batch_events {
            self.batch_events *= 2;
        } else if took > SLOW {
            self.batch_events = (self.batch_events / 2).max(BATCH_EVENTS_MIN);
        }
        Ok(None)
    }

    /// Puts a bad line aside, or hands it back when that is not wanted.
    fn bad(&mut self, chunk: &Chunk, item: Item, mistake: Mistake) -> Result<Option<BadLine>> {
        let bytes = chunk.bytes(item);
        let bad = BadLine::new(item.place, bytes, mistake);
        let Some(sink) = &mut self.options.skip_bad else { return Ok(Some(bad)) };
        write_line(*sink, bytes).and_then(|()| sink.write_all(b"\n")).map_err(rejects_failed)?;
        self.put_aside(&bad);
        Ok(None)
    }

    fn put_aside(&mut self, bad: &BadLine) {
        self.report.bad += 1;
        if let Some(on_bad) = &mut self.options.on_bad {
            on_bad(bad);
        }
    }

    fn too_long(&mut self, item: Item, chunk: &Chunk, reader: &mut ChunkReader<'_>) -> Result<()> {
        self.report.lines += 1;
        let reason = format!("it has more than {LINE_BYTES_MAX} bytes");
        let bad = BadLine::new(item.place, chunk.bytes(item), Mistake::new(LINE_BYTES_MAX, reason));
        let Some(sink) = &mut self.options.skip_bad else { return Err(self.stopped_at(&bad)) };
        let mut written = write_line(*sink, chunk.bytes(item));
        let read = reader.rest_of_item(&mut |some| {
            if written.is_ok() {
                written = write_line(*sink, some);
            }
        });
        written.and_then(|()| sink.write_all(b"\n")).map_err(rejects_failed)?;
        read.map_err(|error| self.unreadable(&error))?;
        self.put_aside(&bad);
        Ok(())
    }

    fn tell(&mut self) -> ControlFlow<()> {
        self.report.seconds = self.start.elapsed().as_secs_f64();
        let (before, through) = self.chunk_bytes;
        let progress = Progress {
            bytes_read: before + ((through - before) as f64 * self.chunk_share) as u64,
            bytes_total: self.bytes_total,
            report: self.report,
        };
        self.options.progress.as_mut().map_or(ControlFlow::Continue(()), |tell| tell(&progress))
    }

    fn stopped_at(&self, bad: &BadLine) -> Fault {
        let what = if bad.member.is_some() { "member" } else { "line" };
        Fault::input(format!("{}:{bad}", self.name)).blame(Blame::Data).hint(format!(
            "{}; mend the {what} and import again, or put bad lines aside with --skip-bad FILE",
            self.kept()
        ))
    }

    fn broken(&self, bad: &BadLine) -> Fault {
        Fault::input(format!("{}:{bad}", self.name))
            .blame(Blame::Data)
            .hint(format!("{}; mend the array and import again: what is recorded is not recorded again", self.kept()))
    }

    fn unreadable(&self, error: &io::Error) -> Fault {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Damage>()) {
            Some(damage) => Fault::input(format!("{}: {damage}", self.name)).blame(Blame::Data).hint(format!(
                "{}; {}",
                self.kept(),
                damage.hint(&self.name)
            )),
            None => Fault::storage(format!("reading {}", self.name), error)
                .hint(format!("{}; importing again goes on from there", self.kept())),
        }
    }

    fn kept(&self) -> String {
        let Report { added, already_there, .. } = self.report;
        let is_are = |number| if number == 1 { "is" } else { "are" };
        match (added, already_there) {
            (0, 0) => "nothing was recorded before it".into(),
            (0, there) => format!("nothing new was recorded before it ({} there already)", was_were(there)),
            (added, 0) => format!("the {} before it {} kept", count(added, "event"), is_are(added)),
            (added, there) => format!(
                "the {} added before it {} kept ({} there already)",
                count(added, "event"),
                is_are(added),
                was_were(there)
            ),
        }
    }
}

fn was_were(number: u64) -> String {
    format!("{} {}", count(number, "event"), if number == 1 { "was" } else { "were" })
}

/// Writes what may stand over several lines, as a member of an array may, on one.
fn write_line(sink: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
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
