//! A **block**: up to 65,536 events of a segment, everything that was recorded of them, as columns.

use std::ops::Range as Span;
use std::sync::Arc;

use arrow_buffer::{ArrowNativeType, Buffer, ScalarBuffer};
use hashbrown::HashMap;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::damaged::Damaged;
use super::index::{
    BlockIndex, ColumnIndex, EventsIndex, FieldsIndex, Index, Place, RareIndex, ValuesIndex, hash_of_name, text,
};
use crate::event::{Bitmap, Column, Range, Text, Values};
use crate::history::numbers::{DictionaryNumber, SealedKeys, TypeInBlock, TypeInSegment};

/// Up to 65,536 events of a segment, in log order.
pub struct Block {
    file: Buffer,
    index: Arc<Index>,
    number: usize,
    /// Those with columns of their own, then those that stand together.
    types: Vec<BlockType>,
    by_number: HashMap<TypeInSegment, TypeInBlock, foldhash::fast::RandomState>,
}

/// Where the events of a type stand among those of the columns that hold them.
struct BlockType {
    number: TypeInSegment,
    events: Span<usize>,
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
    /// It has no column: the recorded texts of these rows tell.
    InText(FieldRows),
}

/// Which rows may have a field.
#[derive(Clone, Debug)]
pub enum FieldRows {
    /// Any.
    Any,
    /// These, ascending.
    These(ScalarBuffer<u16>),
}

impl FieldRows {
    /// How many of `rows` rows.
    pub fn count(&self, rows: usize) -> usize {
        match self {
            FieldRows::Any => rows,
            FieldRows::These(these) => these.len(),
        }
    }
}

impl Block {
    pub(super) fn new(file: &Buffer, index: &Arc<Index>, number: usize) -> Block {
        let block = &index.blocks[number];
        let own = block.types.iter().map(|kind| BlockType { number: kind.number, events: 0..kind.length });
        let mut end = 0;
        let small = block.small_types.iter().flat_map(|small| &small.types).map(|&(number, length)| {
            let start = end;
            end += length as usize;
            BlockType { number, events: start..end }
        });
        let types: Vec<BlockType> = own.chain(small).collect();
        // Numbers of types are 16 bits: there are no more types than events.
        let numbered = types.iter().enumerate();
        let by_number = numbered.map(|(kind, one)| (one.number, TypeInBlock(kind as u16))).collect();
        Block { file: file.clone(), index: index.clone(), number, types, by_number }
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
        let one = |(number, kind): (usize, &BlockType)| {
            (TypeInBlock(number as u16), self.index.type_name(kind.number), kind.events.len())
        };
        self.types.iter().enumerate().map(one)
    }

    /// The number of an event type among [`types`](Block::types).
    pub fn type_number(&self, name: &str) -> Option<TypeInBlock> {
        self.by_number.get(self.index.type_numbers.get(name)?).copied()
    }

    /// The number that a type has in the whole segment.
    pub fn number_in_segment(&self, kind: TypeInBlock) -> Option<TypeInSegment> {
        self.types.get(usize::from(kind.0)).map(|kind| kind.number)
    }

    /// How many events of a type there are.
    pub fn events_of(&self, name: &str) -> usize {
        self.type_number(name).map_or(0, |kind| self.types[usize::from(kind.0)].events.len())
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
        self.numbers(kind, |events| &events.rows, "rows")
    }

    /// The stream of each event of type `kind`, as a key into the dictionary [`stream_words`](Block::stream_words).
    pub fn streams(&self, kind: TypeInBlock) -> Result<SealedKeys, Damaged> {
        self.numbers(kind, |events| &events.streams, "streams").map(SealedKeys)
    }

    /// The place in its stream of each event of type `kind`.
    pub fn stream_versions(&self, kind: TypeInBlock) -> Result<ScalarBuffer<u64>, Damaged> {
        self.numbers(kind, |events| &events.stream_versions, "stream versions")
    }

    /// When each event of type `kind` was recorded, in microseconds since 1970.
    pub fn times(&self, kind: TypeInBlock) -> Result<ScalarBuffer<i64>, Damaged> {
        self.numbers(kind, |events| &events.times, "times")
    }

    /// The ids of the events of type `kind` as text. Ids that are UUIDs are written out each time.
    pub fn ids(&self, kind: TypeInBlock) -> Result<Text, Damaged> {
        let (own, events, all) = self.kind(kind)?;
        let what = || self.what_of("ids", own);
        match &events.ids.values {
            ValuesIndex::Texts(places) => Ok(text(places, &self.file, all, &what)?.slice(own.events.clone())),
            ValuesIndex::Uuids(place) => {
                let bytes = place.numbers::<u8>(&self.file, all * 16, &what)?;
                Ok(uuids(&bytes[own.events.start * 16..own.events.end * 16]))
            }
            _ => Err(Damaged::new(what())),
        }
    }

    /// A top-level payload field of type `kind`, one row for each of its events.
    pub fn field(&self, kind: TypeInBlock, name: &str) -> Result<Found, Damaged> {
        let (own, ..) = self.kind(kind)?;
        match self.index().types.get(usize::from(kind.0)) {
            Some(index) => self.find(&index.fields, name, own.events.len(), self.index.type_name(own.number)),
            None => Ok(Found::InText(FieldRows::Any)),
        }
    }

    /// The whole payloads of type `kind`.
    pub fn documents(&self, kind: TypeInBlock) -> Result<Text, Damaged> {
        let (own, events, all) = self.kind(kind)?;
        let documents = text(&events.documents, &self.file, all, &|| self.what_of("payloads", own))?;
        Ok(if own.events.len() == all { documents } else { documents.slice(own.events.clone()) })
    }

    fn numbers<T: ArrowNativeType>(
        &self,
        kind: TypeInBlock,
        place: impl Fn(&EventsIndex) -> &Place,
        part: &str,
    ) -> Result<ScalarBuffer<T>, Damaged> {
        let (own, events, all) = self.kind(kind)?;
        let numbers = place(events).numbers(&self.file, all, &|| self.what_of(part, own))?;
        Ok(numbers.slice(own.events.start, own.events.len()))
    }

    /// A type, the columns that hold its events, and how many events those hold in all.
    fn kind(&self, kind: TypeInBlock) -> Result<(&BlockType, &EventsIndex, usize), Damaged> {
        let place = usize::from(kind.0);
        let own = self.types.get(place).ok_or_else(|| Damaged::new(self.what("types")))?;
        match (self.index().types.get(place), &self.index().small_types) {
            (Some(index), _) => Ok((own, &index.events, index.length)),
            (None, Some(small)) => Ok((own, &small.events, self.types.last().map_or(0, |last| last.events.end))),
            (None, None) => Err(Damaged::new(self.what("types"))),
        }
    }

    fn find(&self, fields: &FieldsIndex, name: &str, rows: usize, of: &str) -> Result<Found, Damaged> {
        if let Some((_, column)) = fields.columns.iter().find(|(known, _)| known == name) {
            let what = || self.what(&format!("field `{name}` of `{of}`"));
            return self.column(column, rows, &what).map(Found::Column);
        }
        match &fields.rare {
            _ if fields.is_in_text => Ok(Found::InText(FieldRows::Any)),
            Some(rare) => self.find_rare(rare, name, &|| self.what(&format!("rare fields of `{of}`"))),
            None => Ok(Found::Absent),
        }
    }

    fn find_rare(&self, rare: &RareIndex, name: &str, what: &dyn Fn() -> String) -> Result<Found, Damaged> {
        let hashes = rare.hashes.numbers::<u64>(&self.file, rare.names, what)?;
        let Ok(place) = hashes.binary_search(&hash_of_name(name)) else { return Ok(Found::Absent) };
        let offsets = rare.offsets.numbers::<u32>(&self.file, rare.names + 1, what)?;
        let rows = rare.rows.numbers::<u16>(&self.file, rare.length, what)?;
        let (start, end) = (offsets[place] as usize, offsets[place + 1] as usize);
        if start > end || end > rows.len() {
            return Err(Damaged::new(what()));
        }
        Ok(Found::InText(FieldRows::These(rows.slice(start, end - start))))
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

    fn what_of(&self, part: &str, kind: &BlockType) -> String {
        self.what(&format!("{part} of `{}`", self.index.type_name(kind.number)))
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
