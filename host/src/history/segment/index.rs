//! The **index** of a segment: what stands where in it. Written as JSON behind the buffers.

use std::sync::atomic::{AtomicBool, Ordering};

use arrow_buffer::{ArrowNativeType, Buffer, ScalarBuffer};
use serde::{Deserialize, Serialize, Serializer};
use twox_hash::XxHash3_64;

use super::Damaged;
use crate::event::{Position, Range, Str, Text};
use crate::history::numbers::DictionaryNumber;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Index {
    pub range: Range,
    pub mark: Option<Mark>,
    pub events: u64,
    pub blocks: Vec<BlockIndex>,
    pub words: Vec<WordsIndex>,
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
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TypeIndex {
    pub name: String,
    pub length: usize,
    pub rows: Place,
    pub streams: Place,
    pub stream_versions: Place,
    pub times: Place,
    pub ids: ColumnIndex,
    pub documents: TextPlaces,
    pub fields: FieldsIndex,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct FieldsIndex {
    pub columns: Vec<(String, ColumnIndex)>,
    pub is_partial: bool,
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

impl Index {
    /// Every buffer of the segment.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        let words = self.words.iter().flat_map(|words| [&words.values.0, &words.values.1, &words.hashes]);
        self.blocks.iter().flat_map(BlockIndex::places).chain(words)
    }
}

impl BlockIndex {
    fn places(&self) -> impl Iterator<Item = &Place> {
        let columns = [&self.metadata].into_iter().chain(self.metadata_fields.columns());
        let types = self.types.iter().flat_map(|kind| {
            let envelope = [&kind.rows, &kind.streams, &kind.stream_versions, &kind.times];
            let columns = [&kind.ids].into_iter().chain(kind.fields.columns());
            let documents = [&kind.documents.0, &kind.documents.1];
            envelope.into_iter().chain(documents).chain(columns.flat_map(ColumnIndex::places))
        });
        self.positions.iter().chain(columns.flat_map(ColumnIndex::places)).chain(types)
    }
}

impl FieldsIndex {
    fn columns(&self) -> impl Iterator<Item = &ColumnIndex> {
        self.columns.iter().map(|(_, column)| column)
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
