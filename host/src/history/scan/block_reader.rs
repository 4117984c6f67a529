//! A block **opened** for one projection: what it needs of it, read and verified, and nothing else.

use arrow_buffer::ScalarBuffer;

use super::dictionary_remap::SealedDictionary;
use crate::event::{Column, EventType, Position, Selection, Subscription, Text, TypeIndex, Values};
use crate::history::numbers::{DictionaryId, DictionaryNumber, SealedKeys, TypeInBlock, TypeInSegment};
use crate::history::segment::{Block, Damaged, FieldRows, Found, KeyColumn, SealedColumn, Segment};

/// A block's columns, as far as one projection needs them.
pub(super) struct OpenBlock {
    /// How many events the block holds.
    pub length: usize,
    positions: Positions,
    /// The names of the streams, when they are asked for.
    pub streams: Option<SealedDictionary>,
    /// The names of the block's event types, when they are asked for.
    pub type_names: Option<SealedDictionary>,
    pub metadata: Option<Column>,
    pub metadata_fields: Vec<BlockField>,
    /// The event types of the block that the projection takes.
    pub taken: Vec<TakenEvents>,
    /// Whether the block has no other event types.
    pub is_all_taken: bool,
    /// Whether the projection takes every type, into one group.
    pub takes_every: bool,
}

enum Positions {
    /// Without gaps, from this one.
    From(u64),
    Listed(ScalarBuffer<u64>),
}

/// One event type of a block: its columns have a row for each of its events.
pub(super) struct TakenEvents {
    /// Its place in the subscription.
    pub place: TypeIndex,
    pub number: TypeInSegment,
    /// The row in the block of each of its events.
    pub rows: ScalarBuffer<u16>,
    /// Keys into the names of the streams.
    pub streams: Option<SealedKeys>,
    pub stream_versions: Option<ScalarBuffer<u64>>,
    pub times: Option<ScalarBuffer<i64>>,
    pub ids: Option<Text>,
    /// The fields asked for; none when the projection takes every type, since fields of different types have columns of
    /// different kinds, which one group cannot hold.
    pub fields: Vec<BlockField>,
    /// The recorded payloads, when they are asked for or hold a field that has no column.
    pub documents: Option<Text>,
}

/// A field that is asked for, as the block holds it.
pub(super) enum BlockField {
    /// No event has it.
    Absent,
    Plain(Column),
    Keys(KeyColumn, SealedDictionary),
    /// It has no column: the recorded texts of these rows tell.
    InText(FieldRows),
}

type Read<T> = Result<T, Damaged>;

impl OpenBlock {
    /// `with_streams` asks for the streams even if the projection does not.
    pub fn read(segment: &Segment, number: usize, subscription: &Subscription, with_streams: bool) -> Read<OpenBlock> {
        let block = &segment.blocks()[number];
        let parts = subscription.envelope;
        let with_streams = parts.stream || with_streams;
        let mut metadata_fields = Vec::new();
        for name in &subscription.metadata_fields {
            metadata_fields.push(field(segment, block.metadata_field(name)?)?);
        }
        let mut taken = Vec::new();
        for (kind, place) in types_taken(block, subscription) {
            taken.push(TakenEvents::read(segment, block, kind, place, subscription, with_streams)?);
        }
        // Of a block that has nothing to be taken, nothing is read.
        let is_empty = taken.is_empty();
        let with_metadata = parts.metadata || metadata_fields.iter().any(BlockField::is_in_text);
        Ok(OpenBlock {
            length: block.len(),
            positions: match block.has_gaps() {
                true => Positions::Listed(block.positions()?),
                false => Positions::From(block.range().after.0 + 1),
            },
            streams: (with_streams && !is_empty).then(|| dictionary(segment, block.stream_words())).transpose()?,
            type_names: parts.type_name.then(|| type_names(segment)),
            metadata: (with_metadata && !is_empty).then(|| block.metadata()).transpose()?,
            metadata_fields,
            is_all_taken: taken.len() == block.types().len(),
            taken,
            takes_every: matches!(subscription.selection, Selection::Every(_)),
        })
    }

    /// The position of the event at `row`.
    pub fn position(&self, row: usize) -> Position {
        Position(match &self.positions {
            Positions::From(first) => first + row as u64,
            Positions::Listed(positions) => positions[row],
        })
    }

    /// The positions of all rows; none where they follow each other from the first on.
    pub fn listed_positions(&self) -> Option<&ScalarBuffer<u64>> {
        match &self.positions {
            Positions::From(_) => None,
            Positions::Listed(positions) => Some(positions),
        }
    }

    /// How many rows stand at or before `through`.
    pub fn rows_through(&self, through: Position) -> usize {
        match &self.positions {
            Positions::From(first) => (through.0 + 1).saturating_sub(*first).min(self.length as u64) as usize,
            Positions::Listed(positions) => positions.partition_point(|&position| position <= through.0),
        }
    }

    /// The metadata of the event at `row` as it was recorded; an empty object when there is none.
    pub fn metadata_text(&self, row: usize) -> &str {
        match self.metadata.as_ref().filter(|whole| whole.is_valid(row)).map(|whole| &whole.values) {
            Some(Values::Json(all)) => all.get(row),
            _ => "{}",
        }
    }
}

/// The types of the block that the projection takes, and their places in its subscription.
fn types_taken(block: &Block, subscription: &Subscription) -> Vec<(TypeInBlock, TypeIndex)> {
    match &subscription.selection {
        Selection::Every(_) => block.types().map(|(kind, _, _)| (kind, TypeIndex(0))).collect(),
        Selection::Types(types) => {
            // Batches tell types apart by 16 bits: there are no more.
            let place =
                |(place, one): (usize, &EventType)| Some((block.type_number(&one.name)?, TypeIndex(place as u16)));
            types.iter().enumerate().filter_map(place).collect()
        }
    }
}

impl TakenEvents {
    fn read(
        segment: &Segment,
        block: &Block,
        kind: TypeInBlock,
        place: TypeIndex,
        subscription: &Subscription,
        with_streams: bool,
    ) -> Read<TakenEvents> {
        let parts = subscription.envelope;
        let asked = &subscription.types()[place.index()];
        let takes_every = matches!(subscription.selection, Selection::Every(_));
        let mut fields = Vec::new();
        if !takes_every {
            for name in &asked.fields {
                fields.push(field(segment, block.field(kind, name)?)?);
            }
        }
        let is_shredded = fields.iter().any(BlockField::is_in_text) || (takes_every && !asked.fields.is_empty());
        Ok(TakenEvents {
            place,
            number: block.number_in_segment(kind).unwrap_or_default(),
            rows: block.rows(kind)?,
            streams: with_streams.then(|| block.streams(kind)).transpose()?,
            stream_versions: parts.stream_version.then(|| block.stream_versions(kind)).transpose()?,
            times: parts.time.then(|| block.times(kind)).transpose()?,
            ids: parts.id.then(|| block.ids(kind)).transpose()?,
            fields,
            documents: (asked.document || is_shredded).then(|| block.documents(kind)).transpose()?,
        })
    }

    /// The payload of its event `at`; empty unless they were read.
    pub fn document(&self, at: usize) -> &str {
        self.documents.as_ref().map_or("", |all| all.get(at))
    }
}

impl BlockField {
    fn is_in_text(&self) -> bool {
        matches!(self, BlockField::InText(_))
    }
}

fn field(segment: &Segment, found: Found) -> Read<BlockField> {
    Ok(match found {
        Found::Absent => BlockField::Absent,
        Found::InText(rows) => BlockField::InText(rows),
        Found::Column(SealedColumn::Plain(column)) => BlockField::Plain(column),
        Found::Column(SealedColumn::Keys(column)) => {
            let dictionary = dictionary(segment, column.dictionary)?;
            BlockField::Keys(column, dictionary)
        }
    })
}

fn dictionary(segment: &Segment, number: DictionaryNumber) -> Read<SealedDictionary> {
    Ok(SealedDictionary { id: DictionaryId::OfSegment(segment.id(), number), words: segment.dictionary(number)? })
}

fn type_names(segment: &Segment) -> SealedDictionary {
    SealedDictionary { id: DictionaryId::TypeNames(segment.id()), words: segment.type_names().clone() }
}
