//! **Seals** the events of a range: reads them, shreds everything, and writes a segment.

use std::io::{self, Write};
use std::ops::ControlFlow;

use arrow_buffer::MutableBuffer;

use super::builder::SegmentBuilder;
use super::index::Mark;
use super::open::Segment;
use super::write::Writer;
use crate::event::{Fault, Range, Result};
use crate::event_store::{Reader, Wanted};
use crate::history::sizes::Sizes;
use crate::history::storage_fault::storage_fault;

/// Events between two looks at whether a shredding should go on.
const LOOK_EVENTS: u64 = 1024;

impl Segment {
    /// Writes the events of `range` into `out`, as a segment. `watch` is told now and then how many events were
    /// added since it was last told; when it breaks, what was written is no segment, and none is returned.
    /// Otherwise the bytes written.
    pub fn shred(
        reader: &mut dyn Reader,
        range: Range,
        out: &mut dyn Write,
        watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<u64>> {
        Segment::shred_sized(reader, range, Sizes::default(), out, watch)
    }

    /// The same in blocks of another size.
    pub fn shred_sized(
        reader: &mut dyn Reader,
        range: Range,
        sizes: Sizes,
        out: &mut dyn Write,
        watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<u64>> {
        Segment::shred_wanted(reader, range, &SegmentBuilder::wanted(), sizes, out, watch)
    }

    fn shred_wanted(
        reader: &mut dyn Reader,
        range: Range,
        wanted: &Wanted,
        sizes: Sizes,
        out: &mut dyn Write,
        watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<u64>> {
        let failed = |error: io::Error| storage_fault("writing history", &error).among(range);
        let mut writer = Writer::start(out).map_err(failed)?;
        let mut events = SegmentBuilder::new(sizes);
        let (mut begun, mut mark, mut counted) = (range.after, None, 0);
        let mut is_stopped = false;
        reader.scan(range, wanted, &mut |event| {
            if events.is_full() {
                let through = events.last_position().unwrap_or(begun);
                end_block(&mut events, &mut writer, Range { after: begun, through }, &mut mark).map_err(failed)?;
                begun = through;
            }
            events.push(&event);
            counted += 1;
            if counted == LOOK_EVENTS {
                counted = 0;
                is_stopped = watch(LOOK_EVENTS).is_break();
            }
            Ok(if is_stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if is_stopped || watch(counted).is_break() {
            return Ok(None);
        }
        let rest = Range { after: begun, through: range.through };
        end_block(&mut events, &mut writer, rest, &mut mark).map_err(failed)?;
        events.end_words();
        write_words(&mut events, &mut writer).map_err(failed)?;
        writer.finish(range, mark, events.type_names()).map(Some).map_err(failed)
    }

    /// The events of `range`, in memory. A fault when that takes more than `bytes_max`.
    pub fn in_memory(reader: &mut dyn Reader, range: Range, bytes_max: usize) -> Result<Segment> {
        Segment::in_memory_sized(reader, range, Sizes::default(), bytes_max)
    }

    /// The same in blocks of another size.
    pub fn in_memory_sized(reader: &mut dyn Reader, range: Range, sizes: Sizes, bytes_max: usize) -> Result<Segment> {
        Segment::wanted_in_memory(reader, range, &SegmentBuilder::wanted(), sizes, bytes_max)
    }

    /// Likewise those of `types` alone.
    pub fn of_types(reader: &mut dyn Reader, range: Range, types: &[String], bytes_max: usize) -> Result<Segment> {
        Segment::of_types_sized(reader, range, types, Sizes::default(), bytes_max)
    }

    /// The same in blocks of another size.
    pub fn of_types_sized(
        reader: &mut dyn Reader,
        range: Range,
        types: &[String],
        sizes: Sizes,
        bytes_max: usize,
    ) -> Result<Segment> {
        let wanted = Wanted { types: Some(types.to_vec()), ..SegmentBuilder::wanted() };
        Segment::wanted_in_memory(reader, range, &wanted, sizes, bytes_max)
    }

    fn wanted_in_memory(
        reader: &mut dyn Reader,
        range: Range,
        wanted: &Wanted,
        sizes: Sizes,
        bytes_max: usize,
    ) -> Result<Segment> {
        let mut bytes = Memory { bytes: MutableBuffer::new(0), bytes_max };
        Segment::shred_wanted(reader, range, wanted, sizes, &mut bytes, &mut |_| ControlFlow::Continue(()))?;
        Segment::from_bytes(bytes.bytes.into())
            .map_err(|damaged| Fault::storage("shredding events", damaged.what).among(range))
    }
}

fn end_block(
    events: &mut SegmentBuilder,
    writer: &mut Writer<'_>,
    range: Range,
    mark: &mut Option<Mark>,
) -> io::Result<()> {
    let block = events.finish(range);
    if let Some((position, id)) = block.last() {
        *mark = Some(Mark { position, id: id.to_owned() });
    }
    writer.block(&block)?;
    write_words(events, writer)
}

fn write_words(events: &mut SegmentBuilder, writer: &mut Writer<'_>) -> io::Result<()> {
    events.words().take_ended().iter().try_for_each(|ended| writer.words(ended))
}

/// A segment being written to memory.
struct Memory {
    bytes: MutableBuffer,
    bytes_max: usize,
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.bytes_max - self.bytes.len() {
            return Err(io::Error::other(format!("it takes more than {} MiB of memory", self.bytes_max >> 20)));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
