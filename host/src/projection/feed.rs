//! The **feed** turns a range of the log into batches: out of the history as far as it goes, and beyond it scanned
//! by a reader and shredded into columns.

use std::ops::ControlFlow;
use std::sync::Arc;

use crossbeam_channel::bounded;

use super::thresholds::Thresholds;
use crate::event::{Batch, Fault, Position, Range, Result, Subscription};
use crate::event_store::{Reader, Wanted};
use crate::history::{Cut, Damaged, History, Scan, Segment, Shredder};

/// Batches waiting between the thread that reads and the thread that folds; each is bounded by [`BatchSize`].
pub(super) const BATCHES_AHEAD: usize = 3;

/// A scan returns after this many positions even without events, so that progress and stops get their turn.
const SCAN_POSITIONS_MAX: u64 = 262_144;

/// Where a batch is cut. What a projection computes does not depend on it.
#[derive(Clone, Copy, Debug)]
pub struct BatchSize {
    /// The most events in a batch.
    pub events_max: usize,
    /// A batch is cut once its columns hold this many bytes.
    pub bytes_max: usize,
}

impl BatchSize {
    /// Batches of at most this many events, and of about 16 MiB.
    pub fn events(events_max: usize) -> BatchSize {
        BatchSize { events_max, bytes_max: 16 << 20 }
    }

    /// The same for a scan of history.
    pub(super) fn cut(self) -> Cut {
        Cut { events_max: self.events_max, bytes_max: self.bytes_max }
    }
}

/// Who takes no more than one in so many events has the newest of them shredded for itself.
const LITTLE: usize = 16;

/// One projection's reader and shredder, and its scan of the history when there is one.
pub(super) struct Feed {
    reader: Box<dyn Reader>,
    shredder: Shredder,
    wanted: Wanted,
    history: Option<(History, Scan)>,
    thresholds: Thresholds,
}

impl Feed {
    pub fn new(
        reader: Box<dyn Reader>,
        history: Option<&History>,
        subscription: &Subscription,
        thresholds: Thresholds,
    ) -> Feed {
        let shredder = Shredder::new(subscription);
        let history = history.map(|history| (history.clone(), Scan::new(subscription, None)));
        Feed { reader, wanted: shredder.wanted(), shredder, history, thresholds }
    }

    /// How far the history goes.
    pub fn sealed(&self) -> Position {
        self.history.as_ref().map_or(Position::START, |(history, _)| history.through())
    }

    /// The events beyond what is sealed, up to `through`; none when the history is far behind.
    pub fn newest(&self, segments: &[Arc<Segment>], sealed: Position, through: Position) -> Option<Newest> {
        let (history, _) = self.history.as_ref()?;
        if sealed >= through || through.0 - sealed.0 > self.thresholds.tail_positions_max {
            return None;
        }
        let events: usize = segments.iter().flat_map(|segment| segment.blocks()).map(|block| block.len()).sum();
        let is_little = self.events(segments).saturating_mul(LITTLE) <= events;
        let types = self.wanted.types.clone().filter(|_| is_little);
        Some(Newest { history: history.clone(), range: Range { after: sealed, through }, types })
    }

    /// The sealed segments, and how far towards `through` they go. A folder that cannot be read is none.
    pub fn sealed_segments(&self, through: Position) -> (Vec<Arc<Segment>>, Position) {
        let listed = self.history.as_ref().map_or(Ok(Vec::new()), |(history, _)| history.segments());
        let segments = listed.unwrap_or_else(|fault| {
            tracing::warn!("{fault}: the event store is read instead of history");
            Vec::new()
        });
        let sealed = segments.last().map_or(Position::START, |last| last.range().through);
        (segments, sealed.min(through))
    }

    /// How many events of these segments are of types that the projection takes.
    pub fn events(&self, segments: &[Arc<Segment>]) -> usize {
        let blocks = segments.iter().flat_map(|segment| segment.blocks());
        match &self.wanted.types {
            Some(types) => blocks.flat_map(|block| types.iter().map(|name| block.events_of(name))).sum(),
            None => blocks.map(|block| block.len()).sum(),
        }
    }

    /// A new segment for one that turned out to be damaged.
    pub fn mend(&self, segment: &Segment, damaged: Damaged) -> Result<Arc<Segment>> {
        match &self.history {
            Some((history, _)) => mend(history, segment, &damaged),
            None => Err(Fault::storage("reading the history", &damaged.what)),
        }
    }

    /// Makes the next batch self-contained: a new plugin instance knows none of the dictionaries.
    pub fn restart(&mut self) {
        self.shredder.restart();
    }

    /// Gives the batches of `range` in order to `visit` until it breaks.
    pub fn each(
        &mut self,
        range: Range,
        size: BatchSize,
        visit: &mut dyn FnMut(Batch) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let enough = range.after.0.saturating_add(self.thresholds.history_positions_min);
        if self.history.is_none() || range.through.0 < enough {
            return self.each_recorded(range, size, visit);
        }
        let (segments, sealed) = self.sealed_segments(range.through);
        if sealed.0 < enough {
            return self.each_recorded(range, size, visit);
        }
        match self.each_sealed(&segments, Range { through: sealed, ..range }, size, visit)? {
            ControlFlow::Break(()) => Ok(()),
            ControlFlow::Continue(covered) => self.each_recorded(Range { after: covered, ..range }, size, visit),
        }
    }

    /// The batches out of the history, and how far they went: less than asked when it is damaged and cannot be mended.
    fn each_sealed(
        &mut self,
        segments: &[Arc<Segment>],
        range: Range,
        size: BatchSize,
        visit: &mut dyn FnMut(Batch) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<(), Position>> {
        let Feed { history, shredder, .. } = self;
        let Some((history, scan)) = history else { return Ok(ControlFlow::Continue(range.after)) };
        // Whoever had its turn before, the instance's dictionaries were the other's.
        scan.restart();
        shredder.restart();
        let (mut covered, mut ended, mut refused) = (range.after, false, false);
        let mut mend = |segment: &Segment, damaged: Damaged| mend(history, segment, &damaged);
        let scanned = scan.each(segments, range, size.cut(), &mut mend, &mut |batch| {
            let through = batch.range.through;
            let flow = visit(batch).inspect_err(|_| refused = true)?;
            (covered, ended) = (through, flow.is_break());
            Ok(flow)
        });
        match scanned {
            Ok(()) if ended => Ok(ControlFlow::Break(())),
            Ok(()) => Ok(ControlFlow::Continue(covered)),
            Err(fault) if refused => Err(fault),
            Err(fault) => {
                tracing::warn!("{fault}: the event store is read instead of history");
                Ok(ControlFlow::Continue(covered))
            }
        }
    }

    /// The batches out of the source. A range of more than one is read ahead by a second thread.
    fn each_recorded(
        &mut self,
        range: Range,
        size: BatchSize,
        visit: &mut dyn FnMut(Batch) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        if range.through.0 - range.after.0.min(range.through.0) <= size.events_max as u64 {
            return self.each_here(range, size, visit);
        }
        let mut is_ended = false;
        std::thread::scope(|scope| {
            let (sender, batches) = bounded(BATCHES_AHEAD);
            let feed = &mut *self;
            scope.spawn(move || {
                let failed = feed.each_here(range, size, &mut |batch| {
                    Ok(if sender.send(Ok(batch)).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
                });
                if let Err(fault) = failed {
                    // The receiver only goes away once it has its own reason to stop.
                    let _ = sender.send(Err(fault));
                }
            });
            for batch in batches {
                if visit(batch?)?.is_break() {
                    is_ended = true;
                    break;
                }
            }
            Ok::<_, Fault>(())
        })?;
        if is_ended {
            // Batches that were read ahead and never given hold words that the instance does not have.
            self.shredder.restart();
        }
        Ok(())
    }

    fn each_here(
        &mut self,
        range: Range,
        size: BatchSize,
        visit: &mut dyn FnMut(Batch) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut after = range.after;
        while after < range.through {
            let batch = self.batch(Range { after, through: range.through }, size)?;
            after = batch.range.through;
            if visit(batch)?.is_break() {
                break;
            }
        }
        Ok(())
    }

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

/// The newest events, which are in no segment yet.
pub(super) struct Newest {
    history: History,
    pub range: Range,
    /// Only these types, for who takes so few that what others need would cost more.
    types: Option<Vec<String>>,
}

impl Newest {
    /// Makes a segment of them in memory; nothing when they take too much of it.
    pub fn read(&self) -> Option<Arc<Segment>> {
        let read = match &self.types {
            Some(types) => self.history.tail_of(self.range, types),
            None => self.history.tail(self.range),
        };
        read.inspect_err(|fault| tracing::debug!(%fault, "the newest events are read by themselves")).ok()
    }
}

/// Throws away what is damaged and makes it again; said, since it should not happen.
fn mend(history: &History, segment: &Segment, damaged: &Damaged) -> Result<Arc<Segment>> {
    tracing::warn!("the history of {} is damaged ({}) and is made again", segment.range(), damaged.what);
    history.mend(segment)
}
