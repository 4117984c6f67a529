//! The **feed** turns a range of the log into batches: scanned by a reader, shredded into columns.

use std::ops::ControlFlow;

use crossbeam_channel::bounded;

use crate::event::{Batch, Position, Range, Result, Subscription};
use crate::history::Shredder;
use crate::source::{Reader, Wanted};

/// Batches waiting between the thread that reads and the thread that folds; each is bounded by [`BatchSize`].
const BATCHES_AHEAD: usize = 3;

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
}

/// One projection's reader and shredder.
pub(super) struct Feed {
    reader: Box<dyn Reader>,
    shredder: Shredder,
    wanted: Wanted,
}

impl Feed {
    pub fn new(reader: Box<dyn Reader>, subscription: &Subscription) -> Feed {
        let shredder = Shredder::new(subscription);
        Feed { reader, wanted: shredder.wanted(), shredder }
    }

    /// Makes the next batch self-contained: a new plugin instance knows none of the dictionaries.
    pub fn restart(&mut self) {
        self.shredder.restart();
    }

    /// Gives the batches of `range` in order to `visit` until it breaks. A range of more than one batch is read
    /// ahead by a second thread.
    pub fn each(
        &mut self,
        range: Range,
        size: BatchSize,
        visit: &mut dyn FnMut(Batch) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        if range.through.0 - range.after.0.min(range.through.0) <= size.events_max as u64 {
            return self.each_here(range, size, visit);
        }
        std::thread::scope(|scope| {
            let (sender, batches) = bounded(BATCHES_AHEAD);
            scope.spawn(move || {
                let failed = self.each_here(range, size, &mut |batch| {
                    Ok(if sender.send(Ok(batch)).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
                });
                if let Err(fault) = failed {
                    // The receiver only goes away once it has its own reason to stop.
                    let _ = sender.send(Err(fault));
                }
            });
            for batch in batches {
                if visit(batch?)?.is_break() {
                    break;
                }
            }
            Ok(())
        })
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
