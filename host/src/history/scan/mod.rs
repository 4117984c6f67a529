//! A **scan** reads segments in order and gives the batches of one projection.

use std::ops::{ControlFlow, Range as Span};
use std::sync::Arc;

mod dictionary_remap;
mod number_table;
mod stream_remap;
mod window;
mod block_reader;
mod field_columns;
mod merge_by_row;
mod row_selection;
mod batch_builder;

pub use row_selection::Part;

use crate::event::{Batch, Fault, FaultKind, Position, Range, Result, Subscription};
use crate::history::segment::{Damaged, Segment};
use batch_builder::{BatchBuilder, BlockRows};
use block_reader::{BlockField, OpenBlock};

/// Seals a damaged segment again and gives the new one.
pub type Mend<'a> = dyn FnMut(&Segment, Damaged) -> Result<Arc<Segment>> + 'a;

/// Where the batches of a scan are cut.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// The most events in a batch.
    pub events_max: usize,
    /// A batch of more than one event holds about this many bytes of text at most.
    pub bytes_max: usize,
}

/// Scans for one plugin instance, which must be given every batch, in order.
pub struct Scan {
    batches: BatchBuilder,
}

impl Scan {
    /// A scan for what a projection asks for, or for one partition of it.
    pub fn new(subscription: &Subscription, part: Option<Part>) -> Scan {
        Scan { batches: BatchBuilder::new(subscription, part) }
    }

    /// Makes the next batch self-contained: a new plugin instance knows none of the dictionaries.
    pub fn restart(&mut self) {
        self.batches.restart();
    }

    /// Gives the batches of `range`, which the segments must cover, to `visit` until it breaks. The ranges of the
    /// batches adjoin; some may be empty. Scans of different partitions cut at the same positions.
    pub fn each(
        &mut self,
        segments: &[Arc<Segment>],
        range: Range,
        cut: Cut,
        mend: &mut Mend<'_>,
        visit: &mut dyn FnMut(Batch) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut after = range.after;
        for segment in segments.iter().filter(|segment| segment.range().through > range.after) {
            if after >= range.through {
                break;
            }
            if segment.range().after > after {
                return Err(not_covered(after, segment.range().after));
            }
            match self.segment(segment, Range { after, through: range.through }, cut, mend, visit)? {
                ControlFlow::Continue(through) => after = through,
                ControlFlow::Break(()) => return Ok(()),
            }
        }
        if after < range.through { Err(not_covered(after, range.through)) } else { Ok(()) }
    }

    fn segment(
        &mut self,
        segment: &Arc<Segment>,
        range: Range,
        cut: Cut,
        mend: &mut Mend<'_>,
        visit: &mut dyn FnMut(Batch) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<(), Position>> {
        let mut segment = segment.clone();
        let mut after = range.after;
        let mut is_mended = false;
        let mut number = 0;
        while number < segment.blocks().len() && after < range.through {
            let block = segment.blocks()[number].range();
            if block.through <= after {
                number += 1;
                continue;
            }
            let rows = match self.batches.open(&segment, number) {
                Ok(rows) => rows,
                Err(damaged) if is_mended => return Err(damaged_again(&segment, &damaged)),
                Err(damaged) => {
                    segment = mend(&segment, damaged)?;
                    (is_mended, number) = (true, 0);
                    continue;
                }
            };
            let wanted = Range { after, through: block.through.min(range.through) };
            if self.block(&rows, block, wanted, cut, visit)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            after = wanted.through;
            number += 1;
        }
        Ok(ControlFlow::Continue(after))
    }

    fn block(
        &mut self,
        rows: &BlockRows,
        block: Range,
        range: Range,
        cut: Cut,
        visit: &mut dyn FnMut(Batch) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let block_rows = &rows.block;
        let start = if range.after <= block.after { 0 } else { block_rows.rows_through(range.after) };
        let end =
            if range.through >= block.through { block_rows.length } else { block_rows.rows_through(range.through) };
        let rows_max = rows_max(block_rows, cut);
        let (mut after, mut from) = (range.after, start);
        loop {
            let to = shorten(block_rows, from..end.min(from.saturating_add(rows_max)), cut);
            let through = if to == end { range.through } else { block_rows.position(to - 1) };
            let batch = self.batches.batch(rows, from..to, Range { after, through })?;
            if visit(batch)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            (after, from) = (through, to);
            if from == end {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }
}

/// How many rows of the block make about a batch, when few of them are taken.
fn rows_max(block_rows: &OpenBlock, cut: Cut) -> usize {
    let share = block_rows.length.checked_div(events(block_rows, &(0..block_rows.length))).unwrap_or(block_rows.length);
    cut.events_max.saturating_mul(share.max(1)).max(1)
}

/// The end of a span with not too many events and not too long texts. It does not depend on the partition, so that
/// scans of different partitions cut alike.
fn shorten(block_rows: &OpenBlock, span: Span<usize>, cut: Cut) -> usize {
    let mut span = span;
    while span.len() > 1 && (events(block_rows, &span) > cut.events_max || bytes(block_rows, &span) > cut.bytes_max) {
        span.end = span.start + span.len().div_ceil(2);
    }
    span.end
}

/// How many events of a span are of types that are taken.
fn events(block_rows: &OpenBlock, span: &Span<usize>) -> usize {
    block_rows.taken.iter().map(|taken| row_selection::window(taken, span).len()).sum()
}

fn bytes(block_rows: &OpenBlock, span: &Span<usize>) -> usize {
    let envelope = [&block_rows.metadata].into_iter().flatten().map(|column| window::text_bytes(column, span));
    let fields = block_rows.metadata_fields.iter().map(|field| field_bytes(field, span));
    let groups = block_rows.taken.iter().map(|taken| {
        let window = row_selection::window(taken, span);
        let fields = taken.fields.iter().map(|field| field_bytes(field, &window));
        fields.sum::<usize>() + taken.documents.as_ref().map_or(0, |text| window::long(text, &window))
    });
    envelope.chain(fields).chain(groups).sum()
}

fn field_bytes(field: &BlockField, span: &Span<usize>) -> usize {
    match field {
        BlockField::Plain(column) => window::text_bytes(column, span),
        BlockField::Absent | BlockField::Keys(..) | BlockField::InText(_) => 0,
    }
}

fn not_covered(after: Position, through: Position) -> Fault {
    let range = Range { after, through };
    Fault::new(FaultKind::Storage, format!("the history does not hold the positions {range}"))
        .hint("`projectionist history build` makes what is missing")
}

fn damaged_again(segment: &Segment, damaged: &Damaged) -> Fault {
    let message =
        format!("the history of {} is damaged again as soon as it was made: {}", segment.range(), damaged.what);
    Fault::new(FaultKind::Storage, message).hint("the disk or the memory of this machine does not keep what is written")
}

#[cfg(test)]
mod tests;
