//! Shreds **everything**: events in, blocks out that hold all that was recorded of them, as columns.
//!
//! The counterpart of the [`Shredder`](crate::history::Shredder), which takes what one subscription asks for. The columns of
//! fields follow the same rules, so a projection gets the same values from both.

use hashbrown::HashMap;

use super::dictionaries::SegmentDictionaries;
use super::inferred_columns::{BlockFields, COLUMN_BYTES, ColumnRoom, InferredColumns};
use crate::event::{Column, EventRef, Position, Range, StreamNumber, Text, TypeNumber, Values};
use crate::event_store::Wanted;
use crate::history::json::strings::{Bits, Strings};
use crate::history::numbers::{DictionaryNumber, TypeInSegment};
use crate::history::sizes::{BLOCK_EVENTS_MAX, Sizes};

/// A block takes no more bytes, before the event that exceeds it.
pub const BLOCK_BYTES_MAX: usize = 64 << 20;
/// Fields of all event types together that become columns of one block.
pub const BLOCK_FIELDS_MAX: usize = 16_384;
/// Types of fewer events in a block stand together, without columns of their fields, when there are many such types.
pub const SMALL_TYPE_EVENTS: usize = 32;
/// The numbers of rows and of types are 16 bits, which is as many as a block has events.
const _: () = assert!(BLOCK_EVENTS_MAX - 1 <= u16::MAX as usize);

/// Shreds the events of one segment.
pub(in crate::history) struct SegmentBuilder {
    sizes: Sizes,
    positions: Vec<u64>,
    streams: Streams,
    metadata: Strings,
    has_metadata: Bits,
    metadata_fields: InferredColumns,
    type_names: TypeNames,
    types: Vec<EventType>,
    by_number: HashMap<TypeNumber, u32, foldhash::fast::RandomState>,
    /// The type of the last event.
    last: Option<(TypeNumber, u32)>,
    /// The types of this block, in order of first appearance.
    here: Vec<u32>,
    bytes: usize,
    words: SegmentDictionaries,
}

/// The event types of a segment.
#[derive(Default)]
struct TypeNames {
    names: Vec<String>,
    by_number: HashMap<TypeNumber, TypeInSegment, foldhash::fast::RandomState>,
}

/// One event type, from block to block.
struct EventType {
    number: TypeInSegment,
    /// Whether it has events in this block.
    is_here: bool,
    rows: Vec<u16>,
    streams: Vec<u32>,
    stream_versions: Vec<u64>,
    times: Vec<i64>,
    ids: Strings,
    documents: Strings,
    fields: InferredColumns,
}

/// The streams of a segment, keyed by the store's own numbers.
#[derive(Default)]
struct Streams {
    keys: HashMap<StreamNumber, u32, foldhash::fast::RandomState>,
    added: Strings,
    first: u32,
    words: Option<DictionaryNumber>,
    /// The store's number of each, in the order of their keys.
    numbers: Vec<StreamNumber>,
}

/// All that was recorded of the events of a range.
pub(in crate::history) struct WholeBlock {
    pub range: Range,
    pub positions: Vec<u64>,
    /// The segment's dictionary of the streams' names.
    pub stream_words: DictionaryNumber,
    pub metadata: Column,
    pub metadata_fields: BlockFields,
    pub types: Vec<WholeType>,
}

/// The events of one type in a block.
pub(in crate::history) struct WholeType {
    pub number: TypeInSegment,
    /// Which of the block's events are of this type.
    pub rows: Vec<u16>,
    /// Of each, the key of its stream.
    pub streams: Vec<u32>,
    pub stream_versions: Vec<u64>,
    pub times: Vec<i64>,
    pub ids: Text,
    pub documents: Text,
    /// Of a type of few events among many such types nobody looks at the fields.
    pub fields: BlockFields,
}

impl SegmentBuilder {
    pub fn new(sizes: Sizes) -> SegmentBuilder {
        SegmentBuilder {
            sizes,
            positions: Vec::new(),
            streams: Streams::default(),
            metadata: Strings::default(),
            has_metadata: Bits::default(),
            metadata_fields: InferredColumns::default(),
            type_names: TypeNames::default(),
            types: Vec::new(),
            by_number: HashMap::default(),
            last: None,
            here: Vec::new(),
            bytes: 0,
            words: SegmentDictionaries::default(),
        }
    }

    /// What a scan must read for it.
    pub fn wanted() -> Wanted {
        Wanted { types: None, stream_prefix: None, streams: true, ids: true, metadata: true, data: true }
    }

    /// Adds an event; the block must not be full.
    pub fn push(&mut self, event: &EventRef<'_>) {
        let row = self.positions.len();
        self.positions.push(event.position.0);
        let (stream, name_bytes) = self.streams.key(event.stream, event.stream_name);
        let mut bytes = 32 + event.id.len() + name_bytes;

        self.has_metadata.push(row, event.metadata.is_some(), true);
        if let Some(metadata) = event.metadata {
            bytes += metadata.len() + self.metadata_fields.push(row, metadata, self.metadata.bytes());
        }
        self.metadata.push(event.metadata.unwrap_or_default());

        let index = match self.last {
            Some((number, index)) if number == event.type_number => index,
            _ => self.type_index(event),
        };
        let kind = &mut self.types[index as usize];
        if !kind.is_here {
            kind.is_here = true;
            bytes += COLUMN_BYTES;
            self.here.push(index);
        }
        bytes += event.data.len() + kind.fields.push(kind.rows.len(), event.data, kind.documents.bytes());
        kind.rows.push(row as u16); // below BLOCK_EVENTS_MAX
        kind.streams.push(stream);
        kind.stream_versions.push(event.stream_version.0);
        kind.times.push(event.time.0);
        kind.ids.push(event.id);
        kind.documents.push(event.data);
        self.bytes += bytes;
    }

    fn type_index(&mut self, event: &EventRef<'_>) -> u32 {
        let types = &mut self.types;
        let index = *self.by_number.entry(event.type_number).or_insert_with(|| {
            types.push(EventType {
                number: self.type_names.number(event),
                is_here: false,
                rows: Vec::new(),
                streams: Vec::new(),
                stream_versions: Vec::new(),
                times: Vec::new(),
                ids: Strings::default(),
                documents: Strings::default(),
                fields: InferredColumns::default(),
            });
            (types.len() - 1) as u32 // fewer than the segment's events
        });
        self.last = Some((event.type_number, index));
        index
    }

    /// Whether the block takes no more.
    pub fn is_full(&self) -> bool {
        self.positions.len() >= self.sizes.block_events || self.bytes >= BLOCK_BYTES_MAX
    }

    /// The last event of the block so far.
    pub fn last_position(&self) -> Option<Position> {
        self.positions.last().copied().map(Position)
    }

    /// Ends the block; it covers `range`.
    pub fn finish(&mut self, range: Range) -> WholeBlock {
        let rows = self.positions.len();
        let stream_words = self.streams.finish(&mut self.words);
        let mut room = ColumnRoom::new(BLOCK_FIELDS_MAX, self.sizes.rare_field);
        let metadata_fields = self.metadata_fields.finish(rows, &self.metadata, &mut room, &mut self.words);
        let types = std::mem::take(&mut self.here);
        let is_small = |index: &&u32| self.types[**index as usize].rows.len() < SMALL_TYPE_EVENTS;
        let are_small = types.iter().filter(is_small).count() > self.sizes.small_types;
        let mut finish = |&index: &u32| self.types[index as usize].finish(are_small, &mut room, &mut self.words);
        let types = types.iter().map(&mut finish).collect();
        let metadata = Column {
            validity: std::mem::take(&mut self.has_metadata).finish(),
            nulls: None,
            values: Values::Json(self.metadata.take().finish()),
        };
        let block =
            WholeBlock { range, positions: taken(&mut self.positions), stream_words, metadata, metadata_fields, types };
        self.bytes = 0;
        self.bound_memory();
        block
    }

    /// Forgets everything when that has become too much.
    fn bound_memory(&mut self) {
        let columns: usize = self.types.iter().map(|kind| kind.fields.len() + 1).sum();
        let held = (columns + self.metadata_fields.len()) * COLUMN_BYTES + self.words.bytes();
        if held > self.sizes.dictionary_bytes {
            self.end_words();
            (self.types, self.by_number, self.last) = (Vec::new(), HashMap::default(), None);
        }
    }

    /// Ends every dictionary.
    pub fn end_words(&mut self) {
        self.types.iter_mut().for_each(|kind| kind.fields.forget(&mut self.words));
        self.metadata_fields.forget(&mut self.words);
        self.streams.forget(&mut self.words);
    }

    /// The names of the event types of the segment so far.
    pub fn type_names(&self) -> &[String] {
        &self.type_names.names
    }

    /// The dictionaries of the segment.
    pub fn words(&mut self) -> &mut SegmentDictionaries {
        &mut self.words
    }
}

impl WholeBlock {
    /// Whether its range holds positions without events.
    pub fn has_gaps(&self) -> bool {
        self.range.through.0 - self.range.after.0 != self.positions.len() as u64
    }

    /// The position and the id of its last event.
    pub fn last(&self) -> Option<(Position, &str)> {
        let position = self.positions.last()?;
        let last = |kind: &&WholeType| kind.rows.last().map(|&row| usize::from(row)) == Some(self.positions.len() - 1);
        let kind = self.types.iter().find(last)?;
        Some((Position(*position), kind.ids.get(kind.ids.len() - 1)))
    }
}

impl TypeNames {
    fn number(&mut self, event: &EventRef<'_>) -> TypeInSegment {
        *self.by_number.entry(event.type_number).or_insert_with(|| {
            self.names.push(event.type_name.to_owned());
            TypeInSegment((self.names.len() - 1) as u32) // fewer than the segment's events
        })
    }
}

impl WholeType {
    /// Whether it stands together with others of few events.
    pub fn is_small(&self) -> bool {
        self.rows.len() < SMALL_TYPE_EVENTS && self.fields.is_in_text
    }
}

impl EventType {
    /// `are_small` says that there are so many types of few events that they stand together.
    fn finish(&mut self, are_small: bool, room: &mut ColumnRoom, words: &mut SegmentDictionaries) -> WholeType {
        self.is_here = false;
        let fields = if are_small && self.rows.len() < SMALL_TYPE_EVENTS {
            self.fields.forget(words);
            BlockFields::in_text()
        } else {
            self.fields.finish(self.rows.len(), &self.documents, room, words)
        };
        WholeType {
            number: self.number,
            fields,
            rows: taken(&mut self.rows),
            streams: taken(&mut self.streams),
            stream_versions: taken(&mut self.stream_versions),
            times: taken(&mut self.times),
            ids: self.ids.take().finish(),
            documents: self.documents.take().finish(),
        }
    }
}

impl Streams {
    /// The key of a stream, and the bytes that the block grew by besides it.
    #[inline]
    fn key(&mut self, number: StreamNumber, name: &str) -> (u32, usize) {
        let next = self.keys.len() as u32; // fewer than the segment's events
        let key = *self.keys.entry(number).or_insert(next);
        if key < next {
            return (key, 0);
        }
        self.numbers.push(number);
        self.added.push(name);
        (key, name.len())
    }

    fn finish(&mut self, words: &mut SegmentDictionaries) -> DictionaryNumber {
        let number = words.learn(&mut self.words, self.first, &std::mem::take(&mut self.added).finish());
        self.first = self.keys.len() as u32;
        number
    }

    fn forget(&mut self, words: &mut SegmentDictionaries) {
        words.end(&mut self.words, Some(std::mem::take(&mut self.numbers)));
        *self = Streams::default();
    }
}

/// The values; the next block is likely to be as long.
fn taken<T>(values: &mut Vec<T>) -> Vec<T> {
    let next = Vec::with_capacity(values.len());
    std::mem::replace(values, next)
}
