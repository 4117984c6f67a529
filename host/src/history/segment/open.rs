//! **Opens** a segment: its index is read and compared, everything else stays where it lies until it is used.

use std::fs::File;
use std::io;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

use arrow_buffer::{Buffer, ScalarBuffer};
use memmap2::Mmap;
use twox_hash::XxHash3_64;

use super::block::Block;
use super::damaged::Damaged;
use super::distinct::{REGISTERS, Sketch};
use super::index::{ALIGNMENT, Index, MAGIC, Mark, Place, checksum, text};
use crate::event::{Range, Text};
use crate::history::numbers::{DictionaryNumber, SegmentId};

/// The index's length and checksum, and the magic.
const TAIL: usize = 2 * size_of::<u64>() + MAGIC.len();

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
    pub(in crate::history) fn sketch(&self, number: DictionaryNumber, sketch: &mut Sketch) -> Result<(), Damaged> {
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
    pub(in crate::history) fn mark(&self) -> Option<&Mark> {
        self.index.mark.as_ref()
    }
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
    let is_inside = |place: &Place| {
        place.offset.is_multiple_of(ALIGNMENT as u64)
            && place.offset.checked_add(place.length).is_some_and(|end| end <= start as u64)
    };
    if !index.places().all(is_inside) {
        return Err(Damaged::new("its index: a buffer lies outside"));
    }
    Ok(index)
}
