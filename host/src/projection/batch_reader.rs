//! A **batch reader** turns ranges of the log into batches for one instance: out of sealed history, out of the newest
//! events held in memory, or out of the event store.

use std::ops::ControlFlow;
use std::slice;
use std::sync::{Arc, OnceLock};
use std::thread;

use crossbeam_channel::bounded;

use super::batch_size::BatchSize;
use super::plan::Read;
use super::thresholds::{BATCHES_AHEAD, NEWEST_OWN_SHARE, SCAN_POSITIONS_MAX};
use crate::event::{Batch, Blame, Fault, Position, Range, Result, Subscription};
use crate::event_store::{Reader, Wanted};
use crate::history::{Cut, Damaged, History, Part, Scan, Segment, Shredder};

/// Takes a batch, and says whether to go on.
pub(super) type Visit<'a> = dyn FnMut(Batch) -> Result<ControlFlow<()>> + 'a;

/// What history holds of the log, as all instances of a plan see it.
#[derive(Clone, Default)]
pub(super) struct Sealed {
    pub history: Option<History>,
    pub segments: Arc<[Arc<Segment>]>,
    /// The newest events in memory.
    pub newest: Option<Arc<Newest>>,
}

impl Sealed {
    /// What the folder holds now. One that cannot be read is empty.
    pub fn list(history: Option<&History>) -> Sealed {
        let segments = history.map_or(Ok(Vec::new()), History::segments).unwrap_or_else(|fault| {
            tracing::warn!("{fault}: the event store is read instead of history");
            Vec::new()
        });
        Sealed { history: history.cloned(), segments: segments.into(), newest: None }
    }

    /// How far it goes.
    pub fn through(&self) -> Position {
        self.segments.last().map_or(Position::START, |last| last.range().through)
    }

    /// How many events are of types that a projection takes.
    pub fn events_of(&self, wanted: &Wanted) -> u64 {
        let blocks = self.segments.iter().flat_map(|segment| segment.blocks());
        let events: usize = match &wanted.types {
            Some(types) => blocks.flat_map(|block| types.iter().map(|name| block.events_of(name))).sum(),
            None => blocks.map(|block| block.len()).sum(),
        };
        events as u64
    }

    /// How many events it has.
    pub fn events(&self) -> u64 {
        self.segments.iter().map(|segment| segment.events()).sum()
    }

    fn mend(&self, segment: &Segment, damaged: &Damaged) -> Result<Arc<Segment>> {
        let Some(history) = &self.history else { return Err(Fault::storage("reading history", &damaged.what)) };
        // Said, since it should not happen.
        tracing::warn!("the history of {} is damaged ({}) and is made again", segment.range(), damaged.what);
        history.mend(segment)
    }
}

/// The newest events, which no sealed segment holds, as a segment in memory; made by whoever needs it first.
pub(super) struct Newest {
    history: History,
    range: Range,
    /// Only these types, for a projection that takes so few that what others need would cost more.
    types: Option<Vec<String>>,
    segment: OnceLock<Option<Arc<Segment>>>,
}

impl Newest {
    /// Those of `range`; `sealed` tells how many of all events the projection takes.
    pub fn new(history: &History, range: Range, sealed: &Sealed, wanted: &Wanted) -> Newest {
        let takes_few = sealed.events_of(wanted).saturating_mul(NEWEST_OWN_SHARE) <= sealed.events();
        let types = wanted.types.clone().filter(|_| takes_few);
        Newest { history: history.clone(), range, types, segment: OnceLock::new() }
    }

    /// The segment; none when it would take too much memory. Everybody gets the same answer.
    pub fn segment(&self) -> Option<&Arc<Segment>> {
        let read = || {
            let read = match &self.types {
                Some(types) => self.history.tail_of(self.range, types),
                None => self.history.tail(self.range),
            };
            read.inspect_err(|fault| tracing::debug!(%fault, "the newest events are read from the event store")).ok()
        };
        self.segment.get_or_init(read).as_ref()
    }
}

/// The batches of one instance.
pub(super) struct BatchReader {
    scan: Scan,
    store: Option<StoreReader>,
    last: Option<Format>,
}

/// Who made the last batch: an instance's dictionaries are those of one of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Scanned,
    Shredded,
}

struct StoreReader {
    reader: Box<dyn Reader>,
    shredder: Shredder,
    wanted: Wanted,
}

impl BatchReader {
    /// For one part of a projection, out of history alone.
    pub fn of_history(subscription: &Subscription, part: Option<Part>) -> BatchReader {
        BatchReader { scan: Scan::new(subscription, part), store: None, last: None }
    }

    /// For all of it, out of history and the event store.
    pub fn new(subscription: &Subscription, reader: Box<dyn Reader>) -> BatchReader {
        let shredder = Shredder::new(subscription);
        let store = StoreReader { reader, wanted: shredder.wanted(), shredder };
        BatchReader { scan: Scan::new(subscription, None), store: Some(store), last: None }
    }

    /// Makes the next batch self-contained: a new instance knows none of the dictionaries.
    pub fn restart(&mut self) {
        self.scan.restart();
        if let Some(store) = &mut self.store {
            store.shredder.restart();
        }
        self.last = None;
    }

    /// Gives the batches of `reads` in order to `visit` until it breaks; `ahead` has a second thread read them.
    /// History that is damaged and cannot be made again is read from the event store, where there is a reader of it.
    pub fn each(
        &mut self,
        reads: &[Read],
        sealed: &Sealed,
        size: BatchSize,
        ahead: bool,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        let read = match ahead {
            true => self.read_ahead(reads, sealed, size, visit),
            false => self.read(reads, sealed, size, visit),
        };
        if !matches!(read, Ok(ControlFlow::Continue(()))) {
            // Batches were made that the instance did not get.
            self.restart();
        }
        read.map(|_| ())
    }

    fn read_ahead(
        &mut self,
        reads: &[Read],
        sealed: &Sealed,
        size: BatchSize,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>> {
        thread::scope(|scope| {
            let (sender, batches) = bounded(BATCHES_AHEAD);
            let read = move || {
                self.read(reads, sealed, size, &mut |batch| {
                    Ok(if sender.send(batch).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
                })
            };
            let starting = |error| Fault::storage("starting a thread", error);
            let reading = thread::Builder::new().name("read".into()).spawn_scoped(scope, read).map_err(starting)?;
            for batch in batches {
                if visit(batch)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            let ended = || Fault::storage("reading events", "the thread that reads has ended").blame(Blame::Host);
            reading.join().map_err(|_| ended())?
        })
    }

    fn read(
        &mut self,
        reads: &[Read],
        sealed: &Sealed,
        size: BatchSize,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>> {
        for &read in reads {
            let flow = match read {
                Read::History(range) => self.read_history(range, sealed, size, visit)?,
                Read::Store(range) => self.read_store(range, size, visit)?,
                Read::Newest(range) => match sealed.newest.as_ref().and_then(|newest| newest.segment()) {
                    Some(newest) => self.scan(slice::from_ref(newest), range, sealed, size, visit)?,
                    // Nobody has them: everybody ends here.
                    None => return Ok(ControlFlow::Continue(())),
                },
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn read_history(
        &mut self,
        range: Range,
        sealed: &Sealed,
        size: BatchSize,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>> {
        let (mut covered, mut is_refused) = (range.after, false);
        let scanned = self.scan(&sealed.segments, range, sealed, size, &mut |batch| {
            let through = batch.range.through;
            let flow = visit(batch).inspect_err(|_| is_refused = true)?;
            covered = through;
            Ok(flow)
        });
        match scanned {
            Err(fault) if !is_refused && self.store.is_some() => {
                tracing::warn!("{fault}: the event store is read instead of history");
                self.read_store(Range { after: covered, ..range }, size, visit)
            }
            scanned => scanned,
        }
    }

    fn scan(
        &mut self,
        segments: &[Arc<Segment>],
        range: Range,
        sealed: &Sealed,
        size: BatchSize,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>> {
        if self.last.replace(Format::Scanned) != Some(Format::Scanned) {
            self.scan.restart();
        }
        let cut = Cut { events_max: size.events_max, bytes_max: size.bytes_max };
        let mut mend = |segment: &Segment, damaged: Damaged| sealed.mend(segment, &damaged);
        let mut last = ControlFlow::Continue(());
        self.scan.each(segments, range, cut, &mut mend, &mut |batch| {
            last = visit(batch)?;
            Ok(last)
        })?;
        Ok(last)
    }

    fn read_store(&mut self, range: Range, size: BatchSize, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
        let last = self.last.replace(Format::Shredded);
        let Some(store) = &mut self.store else {
            return Err(Fault::storage("reading events", "this instance reads history alone").blame(Blame::Host));
        };
        if last != Some(Format::Shredded) {
            store.shredder.restart();
        }
        let mut after = range.after;
        while after < range.through {
            let batch = store.batch(Range { after, through: range.through }, size)?;
            after = batch.range.through;
            if visit(batch)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl StoreReader {
    /// The first batch of a range that is not empty.
    fn batch(&mut self, range: Range, size: BatchSize) -> Result<Batch> {
        let scanned = Range {
            after: range.after,
            through: Position(range.through.0.min(range.after.0.saturating_add(SCAN_POSITIONS_MAX))),
        };
        let shredder = &mut self.shredder;
        let through = self.reader.scan(scanned, &self.wanted, &mut |event| {
            shredder.push(event)?;
            let full = shredder.len() >= size.events_max || shredder.bytes() >= size.bytes_max;
            Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(self.shredder.finish(Range { after: range.after, through }))
    }
}
