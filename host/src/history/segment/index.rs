//! The **index** of a segment: what stands where in it. Written as JSON behind the buffers.

use std::sync::atomic::{AtomicBool, Ordering};

use arrow_buffer::{ArrowNativeType, Buffer, ScalarBuffer};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize, Serializer};
use twox_hash::XxHash3_64;

use super::damaged::Damaged;
use crate::event::{Position, Range, Str, Text};
use crate::history::numbers::{DictionaryNumber, TypeInSegment};
use crate::history::sizes::BLOCK_EVENTS_MAX;

/// Buffers begin at multiples of this: no load of a vector register straddles two cache lines.
pub(super) const ALIGNMENT: usize = 64;
/// The first and the last bytes of a segment; the digits are the format's version.
pub(super) const MAGIC: &[u8; 16] = b"PROJECTIONIST-03";

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Index {
    pub range: Range,
    pub made_by: MadeBy,
    pub mark: Option<Mark>,
    pub events: u64,
    /// The names of the event types, in the order of their numbers.
    pub types: Vec<String>,
    #[serde(skip)]
    pub type_numbers: HashMap<Box<str>, TypeInSegment, foldhash::fast::RandomState>,
    pub blocks: Vec<BlockIndex>,
    pub words: Vec<WordsIndex>,
}

/// What a segment was made by, besides the store that its mark is of.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct MadeBy {
    /// What changed the recorded payloads on the way, in order. There is nothing yet that does.
    pub upcasters: Vec<String>,
}

/// The last event of a segment, by which it is known that the source is still the one that it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::history) struct Mark {
    pub position: Position,
    pub id: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BlockIndex {
    pub range: Range,
    pub length: usize,
    /// Of events whose positions do not simply follow each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positions: Option<Place>,
    pub stream_words: DictionaryNumber,
    pub metadata: ColumnIndex,
    pub metadata_fields: FieldsIndex,
    pub types: Vec<TypeIndex>,
    /// Types of few events, when there are many of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub small_types: Option<SmallTypesIndex>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TypeIndex {
    pub number: TypeInSegment,
    pub length: usize,
    pub events: EventsIndex,
    pub fields: FieldsIndex,
}

/// Several types, whose events stand one type after the other.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SmallTypesIndex {
    /// Each with how many events it has.
    pub types: Vec<(TypeInSegment, u32)>,
    pub events: EventsIndex,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EventsIndex {
    pub rows: Place,
    pub streams: Place,
    pub stream_versions: Place,
    pub times: Place,
    pub ids: ColumnIndex,
    pub documents: TextPlaces,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct FieldsIndex {
    pub columns: Vec<(String, ColumnIndex)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rare: Option<RareIndex>,
    /// Whether nothing is known of the fields: the recorded texts tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_in_text: bool,
}

/// Fields that are no columns: the hashes of their names, where the rows of each begin, and the rows that have them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RareIndex {
    pub names: usize,
    pub length: usize,
    pub hashes: Place,
    pub offsets: Place,
    pub rows: Place,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ColumnIndex {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<Place>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nulls: Option<Place>,
    pub values: ValuesIndex,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ValuesIndex {
    Nothing,
    Booleans(Place),
    Integers(Place),
    Reals(Place),
    Texts(TextPlaces),
    Json(TextPlaces),
    /// Keys, and the number of the segment's dictionary.
    Symbols(Place, DictionaryNumber),
    /// 16 bytes each: texts that are all UUIDs in the usual form.
    Uuids(Place),
}

/// Offsets and data.
pub(super) type TextPlaces = (Place, Place);

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WordsIndex {
    pub length: usize,
    pub values: TextPlaces,
    pub hashes: Place,
    /// Of names of streams, the store's number of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<Place>,
    /// Of a large one, the registers by which distinct words are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sketch: Option<Place>,
}

/// Where a buffer stands, and its checksum (XXH3-64).
#[derive(Debug, Default, Deserialize)]
#[serde(from = "(u64, u64, u64)")]
pub(super) struct Place {
    pub offset: u64,
    pub length: u64,
    pub checksum: u64,
    /// Whether this process has compared the checksum.
    is_checked: AtomicBool,
}

impl From<(u64, u64, u64)> for Place {
    fn from((offset, length, checksum): (u64, u64, u64)) -> Place {
        Place { offset, length, checksum, is_checked: AtomicBool::new(false) }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.offset, self.length, self.checksum).serialize(serializer)
    }
}

/// The checksum of a buffer.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

impl Place {
    /// The buffer, whose checksum is compared the first time.
    pub fn buffer(&self, file: &Buffer, what: &dyn Fn() -> String) -> Result<Buffer, Damaged> {
        self.buffer_if(file, what, |_| true)
    }

    /// Likewise; `is_right` looks at the bytes the first time too.
    fn buffer_if(
        &self,
        file: &Buffer,
        what: &dyn Fn() -> String,
        is_right: fn(&[u8]) -> bool,
    ) -> Result<Buffer, Damaged> {
        if self.length == 0 {
            return Ok(Buffer::default());
        }
        // It was made sure at opening that the place lies inside the file.
        let buffer = file.slice_with_length(self.offset as usize, self.length as usize);
        if !self.is_checked.load(Ordering::Acquire) {
            if checksum(&buffer) != self.checksum || !is_right(&buffer) {
                return Err(Damaged::new(what()));
            }
            self.is_checked.store(true, Ordering::Release);
        }
        Ok(buffer)
    }

    /// `length` numbers.
    pub fn numbers<T: ArrowNativeType>(
        &self,
        file: &Buffer,
        length: usize,
        what: &dyn Fn() -> String,
    ) -> Result<ScalarBuffer<T>, Damaged> {
        if length.checked_mul(size_of::<T>()) != usize::try_from(self.length).ok() {
            return Err(Damaged::new(what()));
        }
        Ok(ScalarBuffer::new(self.buffer(file, what)?, 0, length))
    }
}

/// `length` strings.
pub(super) fn text(
    (offsets, data): &TextPlaces,
    file: &Buffer,
    length: usize,
    what: &dyn Fn() -> String,
) -> Result<Text, Damaged> {
    let offsets = offsets.numbers::<u32>(file, length.saturating_add(1), what)?;
    if u64::from(offsets[length]) != data.length {
        return Err(Damaged::new(what()));
    }
    let data = data.buffer_if(file, what, |bytes| std::str::from_utf8(bytes).is_ok())?;
    // SAFETY: it was just looked at, or the first time that it was used; segments are never written to again.
    Ok(Text { offsets, data: unsafe { Str::from_checked(data) } })
}

/// What a name of a field is looked up by.
pub(in crate::history) fn hash_of_name(name: &str) -> u64 {
    XxHash3_64::oneshot(name.as_bytes())
}

impl Index {
    /// Makes ready to look types up by name.
    pub fn number_types(&mut self) {
        let names = self.types.iter().map(|name| name.as_str().into());
        self.type_numbers = names.zip((0..).map(TypeInSegment)).collect();
    }

    /// The name of an event type; empty when there is none of this number.
    pub fn type_name(&self, number: TypeInSegment) -> &str {
        self.types.get(number.0 as usize).map_or("", String::as_str)
    }

    /// Whether ranges and lengths fit together: what is read of blocks relies on it.
    pub fn is_consistent(&self) -> bool {
        let mut after = self.range.after;
        for block in &self.blocks {
            let positions = block.range.through.0.checked_sub(block.range.after.0);
            let small = block.small_types.iter().flat_map(|small| &small.types).map(|&(_, length)| length as usize);
            let lengths = block.types.iter().map(|kind| kind.length).chain(small);
            let events = lengths.fold(0usize, usize::saturating_add);
            let fits = block.range.after == after
                && positions.is_some_and(|positions| block.length as u64 <= positions)
                && block.length <= BLOCK_EVENTS_MAX
                && events == block.length;
            if !fits {
                return false;
            }
            after = block.range.through;
        }
        after == self.range.through || self.blocks.is_empty()
    }

    /// Every buffer of the segment.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        let words = self.words.iter().flat_map(|words| {
            let always = [&words.values.0, &words.values.1, &words.hashes];
            always.into_iter().chain(&words.streams).chain(&words.sketch)
        });
        self.blocks.iter().flat_map(BlockIndex::places).chain(words)
    }
}

impl BlockIndex {
    fn places(&self) -> impl Iterator<Item = &Place> {
        let small = self.small_types.iter().flat_map(|small| small.events.places());
        let types = self.types.iter().flat_map(|kind| kind.events.places().chain(kind.fields.places()));
        let metadata = self.metadata.places().chain(self.metadata_fields.places());
        self.positions.iter().chain(metadata).chain(types).chain(small)
    }
}

impl EventsIndex {
    fn places(&self) -> impl Iterator<Item = &Place> {
        let numbers = [&self.rows, &self.streams, &self.stream_versions, &self.times];
        let documents = [&self.documents.0, &self.documents.1];
        numbers.into_iter().chain(documents).chain(self.ids.places())
    }
}

impl FieldsIndex {
    fn places(&self) -> impl Iterator<Item = &Place> {
        let rare = self.rare.iter().flat_map(|rare| [&rare.hashes, &rare.offsets, &rare.rows]);
        self.columns.iter().flat_map(|(_, column)| column.places()).chain(rare)
    }
}

impl ColumnIndex {
    fn places(&self) -> impl Iterator<Item = &Place> {
        let values = match &self.values {
            ValuesIndex::Nothing => [None, None],
            ValuesIndex::Booleans(place)
            | ValuesIndex::Integers(place)
            | ValuesIndex::Reals(place)
            | ValuesIndex::Symbols(place, _)
            | ValuesIndex::Uuids(place) => [Some(place), None],
            ValuesIndex::Texts((offsets, data)) | ValuesIndex::Json((offsets, data)) => [Some(offsets), Some(data)],
        };
        values.into_iter().chain([self.validity.as_ref(), self.nulls.as_ref()]).flatten()
    }
}
