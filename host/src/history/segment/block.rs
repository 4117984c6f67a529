//! A **block**: up to 65,536 events of a segment, everything that was recorded of them, as columns.

use std::sync::Arc;

use arrow_buffer::{ArrowNativeType, Buffer, ScalarBuffer};
use hashbrown::HashMap;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::Damaged;
use super::index::{BlockIndex, ColumnIndex, FieldsIndex, Place, TypeIndex, ValuesIndex, text};
use crate::event::{Bitmap, Column, Range, Text, Values};
use crate::history::numbers::{DictionaryNumber, SealedKeys, TypeInBlock};

/// Up to 65,536 events of a segment, in log order.
pub struct Block {
    file: Buffer,
    index: Arc<super::Index>,
    number: usize,
    by_name: HashMap<Box<str>, TypeInBlock, foldhash::fast::RandomState>,
}

/// A column of a segment.
#[derive(Clone, Debug)]
pub enum SealedColumn {
    /// Values.
    Plain(Column),
    /// Keys of strings, which one of the segment's dictionaries holds.
    Keys(KeyColumn),
}

/// A column of keys into a dictionary.
#[derive(Clone, Debug)]
pub struct KeyColumn {
    /// Which rows have a value; all when absent.
    pub validity: Option<Bitmap>,
    /// Which rows were recorded as JSON `null`.
    pub nulls: Option<Bitmap>,
    /// One a row; what stands where a row has no value means nothing.
    pub keys: SealedKeys,
    /// The segment's dictionary that they point into.
    pub dictionary: DictionaryNumber,
}

impl KeyColumn {
    /// Whether `row` has a value.
    pub fn is_valid(&self, row: usize) -> bool {
        self.validity.as_ref().is_none_or(|bits| bits[row / 8] >> (row % 8) & 1 == 1)
    }
}

/// What a block knows of a field.
#[derive(Clone, Debug)]
pub enum Found {
    /// Its column.
    Column(SealedColumn),
    /// No event here has it.
    Absent,
    /// It is not known here whether events have it: the whole payloads tell.
    NotListed,
}

impl Block {
    pub(super) fn new(file: &Buffer, index: &Arc<super::Index>, number: usize) -> Block {
        let types = index.blocks[number].types.iter();
        Block {
            file: file.clone(),
            // Numbers of types are 16 bits: there are no more types than events.
            by_name: types
                .enumerate()
                .map(|(kind, one)| (one.name.as_str().into(), TypeInBlock(kind as u16)))
                .collect(),
            index: index.clone(),
            number,
        }
    }

    fn index(&self) -> &BlockIndex {
        &self.index.blocks[self.number]
    }

    /// The positions it covers.
    pub fn range(&self) -> Range {
        self.index().range
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.index().length
    }

    /// Whether its range holds no events.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The event types here: number, name, and how many events each has.
    pub fn types(&self) -> impl ExactSizeIterator<Item = (TypeInBlock, &str, usize)> {
        let numbered = self.index().types.iter().enumerate();
        numbered.map(|(number, kind)| (TypeInBlock(number as u16), kind.name.as_str(), kind.length))
    }

    /// The number of an event type among [`types`](Block::types).
    pub fn type_number(&self, name: &str) -> Option<TypeInBlock> {
        self.by_name.get(name).copied()
    }

    /// How many events of a type there are.
    pub fn events_of(&self, name: &str) -> usize {
        self.type_number(name).map_or(0, |kind| self.index().types[usize::from(kind.0)].length)
    }

    /// Each event's place in the log.
    pub fn positions(&self) -> Result<ScalarBuffer<u64>, Damaged> {
        match &self.index().positions {
            Some(place) => place.numbers(&self.file, self.len(), &|| self.what("positions")),
            None if self.has_gaps() => Err(Damaged::new(self.what("positions"))),
            None => Ok((self.range().after.0 + 1..=self.range().through.0).collect::<Vec<_>>().into()),
        }
    }

    /// Whether there are positions in its range at which no event stands.
    pub fn has_gaps(&self) -> bool {
        self.range().through.0 - self.range().after.0 != self.len() as u64
    }

    /// The number of the segment's dictionary that the keys of streams point into.
    pub fn stream_words(&self) -> DictionaryNumber {
        self.index().stream_words
    }

    /// The whole metadata as JSON.
    pub fn metadata(&self) -> Result<Column, Damaged> {
        let column = match self.column(&self.index().metadata, self.len(), &|| self.what("metadata"))? {
            SealedColumn::Plain(column) => column,
            SealedColumn::Keys(_) => return Err(Damaged::new(self.what("metadata"))),
        };
        if let Values::Nothing = column.values {
            let texts = Text { offsets: vec![0; self.len() + 1].into(), ..Text::default() };
            let validity = Bitmap::from(vec![0; self.len().div_ceil(8)]);
            return Ok(Column { validity: Some(validity), nulls: None, values: Values::Json(texts) });
        }
        Ok(column)
    }

    /// A top-level metadata field, one row for each event.
    pub fn metadata_field(&self, name: &str) -> Result<Found, Damaged> {
        self.find(&self.index().metadata_fields, name, self.len(), "the metadata")
    }

    /// Which of the block's events are of type `kind`, ascending: row `i` of the columns of the type is event
    /// `rows[i]` of the block.
    pub fn rows(&self, kind: TypeInBlock) -> Result<ScalarBuffer<u16>, Damaged> {
        self.numbers(kind, |own| &own.rows, "rows")
    }

    /// The stream of each event of type `kind`, as a key into the dictionary [`stream_words`](Block::stream_words).
    pub fn streams(&self, kind: TypeInBlock) -> Result<SealedKeys, Damaged> {
        self.numbers(kind, |own| &own.streams, "streams").map(SealedKeys)
    }

    /// The place in its stream of each event of type `kind`.
    pub fn stream_versions(&self, kind: TypeInBlock) -> Result<ScalarBuffer<u64>, Damaged> {
        self.numbers(kind, |own| &own.stream_versions, "stream versions")
    }

    /// When each event of type `kind` was recorded, in microseconds since 1970.
    pub fn times(&self, kind: TypeInBlock) -> Result<ScalarBuffer<i64>, Damaged> {
        self.numbers(kind, |own| &own.times, "times")
    }

    /// The ids of the events of type `kind` as text. Ids that are UUIDs are written out each time.
    pub fn ids(&self, kind: TypeInBlock) -> Result<Text, Damaged> {
        let own = self.kind(kind)?;
        let what = || self.what(&format!("ids of `{}`", own.name));
        match &own.ids.values {
            ValuesIndex::Texts(places) => text(places, &self.file, own.length, &what),
            ValuesIndex::Uuids(place) => {
                let bytes = place.numbers::<u8>(&self.file, own.length * 16, &what)?;
                Ok(uuids(&bytes))
            }
            _ => Err(Damaged::new(what())),
        }
    }

    /// A top-level payload field of type `kind`, one row for each of its events.
    pub fn field(&self, kind: TypeInBlock, name: &str) -> Result<Found, Damaged> {
        let own = self.kind(kind)?;
        self.find(&own.fields, name, own.length, &own.name)
    }

    /// The whole payloads of type `kind`.
    pub fn documents(&self, kind: TypeInBlock) -> Result<Text, Damaged> {
        let own = self.kind(kind)?;
        text(&own.documents, &self.file, own.length, &|| self.what(&format!("payloads of `{}`", own.name)))
    }

    fn numbers<T: ArrowNativeType>(
        &self,
        kind: TypeInBlock,
        place: impl Fn(&TypeIndex) -> &Place,
        part: &str,
    ) -> Result<ScalarBuffer<T>, Damaged> {
        let own = self.kind(kind)?;
        place(own).numbers(&self.file, own.length, &|| self.what(&format!("{part} of `{}`", own.name)))
    }

    fn kind(&self, kind: TypeInBlock) -> Result<&TypeIndex, Damaged> {
        self.index().types.get(usize::from(kind.0)).ok_or_else(|| Damaged::new(self.what("types")))
    }

    fn find(&self, fields: &FieldsIndex, name: &str, rows: usize, of: &str) -> Result<Found, Damaged> {
        match fields.columns.iter().find(|(known, _)| known == name) {
            Some((_, column)) => {
                let what = || self.what(&format!("field `{name}` of `{of}`"));
                self.column(column, rows, &what).map(Found::Column)
            }
            None if fields.is_partial => Ok(Found::NotListed),
            None => Ok(Found::Absent),
        }
    }

    fn column(&self, index: &ColumnIndex, rows: usize, what: &dyn Fn() -> String) -> Result<SealedColumn, Damaged> {
        let bits = |place: &Option<Place>| {
            place.as_ref().map(|place| place.numbers::<u8>(&self.file, rows.div_ceil(8), what)).transpose()
        };
        let values = match &index.values {
            ValuesIndex::Nothing => Values::Nothing,
            ValuesIndex::Booleans(place) => Values::Booleans(place.numbers(&self.file, rows, what)?),
            ValuesIndex::Integers(place) => Values::Integers(place.numbers(&self.file, rows, what)?),
            ValuesIndex::Reals(place) => Values::Reals(place.numbers(&self.file, rows, what)?),
            ValuesIndex::Texts(places) => Values::Texts(text(places, &self.file, rows, what)?),
            ValuesIndex::Json(places) => Values::Json(text(places, &self.file, rows, what)?),
            ValuesIndex::Symbols(place, number) => {
                let keys = SealedKeys(place.numbers(&self.file, rows, what)?);
                let (validity, nulls) = (bits(&index.validity)?, bits(&index.nulls)?);
                return Ok(SealedColumn::Keys(KeyColumn { validity, nulls, keys, dictionary: *number }));
            }
            ValuesIndex::Uuids(_) => return Err(Damaged::new(what())),
        };
        Ok(SealedColumn::Plain(Column { validity: bits(&index.validity)?, nulls: bits(&index.nulls)?, values }))
    }

    fn what(&self, part: &str) -> String {
        format!("{part} of the events {}", self.range())
    }
}

fn uuids(bytes: &[u8]) -> Text {
    let (ids, _) = bytes.as_chunks::<16>();
    let mut data = vec![0; ids.len() * Hyphenated::LENGTH];
    for (id, place) in ids.iter().zip(data.chunks_exact_mut(Hyphenated::LENGTH)) {
        Uuid::from_bytes(*id).hyphenated().encode_lower(place);
    }
    // Blocks are small: their ids are far below 4 GiB.
    let offsets: Vec<u32> = (0..=ids.len()).map(|id| (id * Hyphenated::LENGTH) as u32).collect();
    // SAFETY: hyphenated UUIDs are ASCII, and nothing else was written.
    let data = unsafe { crate::event::Str::from_checked(Buffer::from_vec(data)) };
    Text { offsets: offsets.into(), data }
}
