//! A **segment**: one immutable piece of history, everything that was recorded of the events of a range.
//!
//! ```text
//! magic │ buffers of each block, 64-byte aligned, and of the dictionaries │ index (JSON) │ its length │ its checksum │ magic
//! ```
//!
//! Lengths and checksums are 64 bits, little-endian; so are the numbers in the buffers, whose layout is Apache
//! Arrow's. A segment that was cut off, torn or is something else shows at opening, which reads the index alone; each
//! buffer has a checksum in the index (XXH3-64) that is compared when the buffer is first used.

use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

use arrow_buffer::{Buffer, MutableBuffer, ScalarBuffer};
use memmap2::Mmap;
use twox_hash::XxHash3_64;

mod damaged;
mod index;
mod write;
mod block;

pub use block::{Block, FieldRows, Found, KeyColumn, SealedColumn};
pub use damaged::Damaged;
pub(super) use index::Mark;

use super::distinct::{REGISTERS, Sketch};
use super::numbers::{DictionaryNumber, SegmentId};
use super::segment_builder::SegmentBuilder;
use super::sizes::Sizes;
use crate::event::{Fault, Range, Result, Text};
use crate::event_store::{Reader, Wanted};
use index::{Index, checksum, text};
use write::Writer;

/// Buffers begin at multiples of this: no load of a vector register straddles two cache lines.
const ALIGNMENT: usize = 64;
/// The first and the last bytes; the digits are the format's version.
const MAGIC: &[u8; 16] = b"PROJECTIONIST-03";
/// The index's length and checksum, and the magic.
const TAIL: usize = 2 * size_of::<u64>() + MAGIC.len();
/// Events between two looks at whether a shredding should go on.
const LOOK_EVENTS: u64 = 1024;

const _: () = assert!(cfg!(target_endian = "little"), "segments are little-endian and used as they are");

/// The strings that keys of a segment stand for.
#[derive(Clone, Debug)]
pub struct Words {
    /// The strings, each once.
    pub values: Text,
    /// XXH3-64 (seed 0) of each.
    pub hashes: ScalarBuffer<u64>,
    /// Of names of streams, the store's number of each.
    pub streams: Option<ScalarBuffer<i64>>,
}

/// One immutable piece of history.
pub struct Segment {
    id: SegmentId,
    file: Buffer,
    index: Arc<Index>,
    blocks: Vec<Block>,
    type_names: OnceLock<Words>,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "segment {:?} of {}", self.id, self.index.range)
    }
}

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
        let failed = |error: io::Error| trouble("writing history", &error).among(range);
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

    /// A segment's bytes, which must begin at a multiple of 8 in memory.
    pub fn from_bytes(file: Buffer) -> Result<Segment, Damaged> {
        let index = Arc::new(read_index(&file)?);
        let blocks = (0..index.blocks.len()).map(|number| Block::new(&file, &index, number)).collect();
        Ok(Segment { id: SegmentId::next(), file, index, blocks, type_names: OnceLock::new() })
    }

    /// Maps a segment's file. The file must never be written to again; removing it is harmless.
    pub fn map(path: &Path) -> io::Result<Result<Segment, Damaged>> {
        let file = File::open(path)?;
        if file.metadata()?.len() < (MAGIC.len() + TAIL) as u64 {
            return Ok(Err(Damaged::new("the file is too short")));
        }
        // SAFETY: segments are written under another name and never again once they have this one; the folder
        // belongs to the host.
        let map = unsafe { Mmap::map(&file)? };
        let start = NonNull::from(&map[..]).cast::<u8>();
        let length = map.len();
        // SAFETY: the pointer is the map's, which lives as long as the buffer that owns it.
        let buffer = unsafe { Buffer::from_custom_allocation(start, length, Arc::new(map)) };
        Ok(Segment::from_bytes(buffer))
    }

    /// What tells it apart from every other segment that this process opens.
    pub fn id(&self) -> SegmentId {
        self.id
    }

    /// The positions it covers.
    pub fn range(&self) -> Range {
        self.index.range
    }

    /// How many events.
    pub fn events(&self) -> u64 {
        self.index.events
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.file.len() as u64
    }

    /// Its blocks in log order: their ranges adjoin and cover the segment's.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The dictionary of this number.
    pub fn dictionary(&self, number: DictionaryNumber) -> Result<Words, Damaged> {
        let number = number.0;
        let what = || format!("dictionary {number} of the events {}", self.range());
        let words = self.index.words.get(number as usize).ok_or_else(|| Damaged::new(what()))?;
        Ok(Words {
            values: text(&words.values, &self.file, words.length, &what)?,
            hashes: words.hashes.numbers(&self.file, words.length, &what)?,
            streams: words.streams.as_ref().map(|place| place.numbers(&self.file, words.length, &what)).transpose()?,
        })
    }

    /// The names of its event types, in the order of their numbers.
    pub fn type_names(&self) -> &Words {
        self.type_names.get_or_init(|| {
            let values: Text = self.index.types.iter().collect();
            let hashes: Vec<u64> = values.iter().map(|name| XxHash3_64::oneshot(name.as_bytes())).collect();
            Words { values, hashes: hashes.into(), streams: None }
        })
    }

    /// Adds the words of dictionary `number` to a sketch; of a large one, nothing is read but its registers.
    pub(super) fn sketch(&self, number: DictionaryNumber, sketch: &mut Sketch) -> Result<(), Damaged> {
        let what = || format!("dictionary {} of the events {}", number.0, self.range());
        let words = self.index.words.get(number.0 as usize).ok_or_else(|| Damaged::new(what()))?;
        match &words.sketch {
            Some(place) => sketch.merge(&place.numbers::<u8>(&self.file, REGISTERS, &what)?),
            None => sketch.add(&words.hashes.numbers(&self.file, words.length, &what)?),
        }
        Ok(())
    }

    /// Compares every checksum, also of what was compared before.
    pub fn verify(&self) -> Result<(), Damaged> {
        for place in self.index.places() {
            let bytes = &self.file[place.offset as usize..][..place.length as usize];
            if !bytes.is_empty() && checksum(bytes) != place.checksum {
                let (offset, length) = (place.offset, place.length);
                return Err(Damaged::new(format!("{length} bytes at {offset} of the segment {}", self.range())));
            }
        }
        Ok(())
    }

    /// The last event, when there is one.
    pub(super) fn mark(&self) -> Option<&Mark> {
        self.index.mark.as_ref()
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

fn read_index(file: &Buffer) -> Result<Index, Damaged> {
    let cut_off = || Damaged::new("the file was cut off, torn, or is no segment of this format");
    if !(file.as_ptr() as usize).is_multiple_of(size_of::<u64>()) {
        return Err(Damaged::new("it is not aligned in memory"));
    }
    let tail_at = file.len().checked_sub(TAIL).ok_or_else(cut_off)?;
    let tail = &file[tail_at..];
    if !file.starts_with(MAGIC) || !tail.ends_with(MAGIC) {
        return Err(cut_off());
    }
    let number = |at: usize| u64::from_le_bytes(tail[at..at + 8].try_into().expect("eight bytes"));
    let length = usize::try_from(number(0)).map_err(|_| cut_off())?;
    let start = tail_at.checked_sub(length).filter(|&start| start >= MAGIC.len()).ok_or_else(cut_off)?;
    let json = &file[start..tail_at];
    if checksum(json) != number(8) {
        return Err(Damaged::new("its index"));
    }
    let mut index: Index = serde_json::from_slice(json).map_err(|error| Damaged::new(format!("its index: {error}")))?;
    index.number_types();
    if !index.made_by.upcasters.is_empty() {
        let upcasters = index.made_by.upcasters.join(", ");
        return Err(Damaged::new(format!("it was made by upcasters that this program does not have: {upcasters}")));
    }
    if !index.is_consistent() {
        return Err(Damaged::new("its index: ranges and lengths do not fit together"));
    }
    let is_inside = |place: &index::Place| {
        place.offset.is_multiple_of(ALIGNMENT as u64)
            && place.offset.checked_add(place.length).is_some_and(|end| end <= start as u64)
    };
    if !index.places().all(is_inside) {
        return Err(Damaged::new("its index: a buffer lies outside"));
    }
    Ok(index)
}

/// What reading or writing history failed with, `doing` what.
pub(super) fn trouble(doing: &str, error: &io::Error) -> Fault {
    let fault = Fault::storage(doing, error).retriable();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            fault.hint("the disk is full; free some space: until then projections read from the event store, slower")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => fault.hint(
            "make the history folder writable, or set `enabled = false` under `[history]`: projections then read \
             from the event store, slower",
        ),
        _ => fault.hint("until that is mended, projections read from the event store, slower"),
    }
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
