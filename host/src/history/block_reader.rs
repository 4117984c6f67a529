//! A block **opened** for one projection: what it needs of it, read and verified, and nothing else.

use arrow_buffer::ScalarBuffer;
use twox_hash::XxHash3_64;

use super::row_selection::RowSelection;
use super::segment::{Block, Damaged, Found, Held, Segment, Words};
use super::window;
use crate::event::{Column, EventRef, Position, Selection, StreamVersion, Subscription, Text, Timestamp};

/// A block's columns, as far as one projection needs them.
pub(super) struct Opened {
    /// How many events the block holds.
    pub length: usize,
    positions: Positions,
    /// The names of the streams, when they are asked for.
    pub stream_words: Option<Named>,
    /// The names of the block's event types, when they are asked for.
    pub type_names: Option<Named>,
    pub metadata: Option<Column>,
    pub metadata_fields: Vec<Option<Valued>>,
    /// The event types of the block that the projection takes.
    pub taken: Vec<Taken>,
    /// Whether the block has no other event types.
    pub is_all_taken: bool,
    /// Whether the projection takes every type, into one group.
    pub takes_every: bool,
    /// Whether a column is missing that only the payloads have.
    pub is_shredded: bool,
}

enum Positions {
    /// Without gaps, from this one.
    From(u64),
    Listed(ScalarBuffer<u64>),
}

/// One event type of a block: its columns have a row for each of its events.
pub(super) struct Taken {
    /// Its index in the subscription.
    pub place: usize,
    name: String,
    /// Its number in the block.
    pub number: u16,
    /// The row in the block of each of its events.
    pub rows: ScalarBuffer<u16>,
    /// Keys into the names of the streams.
    pub streams: Option<ScalarBuffer<u32>>,
    pub stream_versions: Option<ScalarBuffer<u64>>,
    pub times: Option<ScalarBuffer<i64>>,
    pub ids: Option<Text>,
    /// The fields asked for; none where no event of the block has one.
    pub fields: Vec<Option<Valued>>,
    pub document: Option<Text>,
}

/// Words that keys stand for, and which dictionary they are.
pub(super) struct Named {
    pub dictionary: (u64, u32),
    pub words: Words,
}

/// A column, with its words when it is one of symbols.
pub(super) struct Valued {
    pub column: Column,
    pub words: Option<((u64, u32), Words)>,
}

/// Dictionaries of type names are numbered from the end; a segment has far fewer.
const TYPE_NAMES: u32 = 1 << 31;

type Read<T> = Result<T, Damaged>;

impl Opened {
    /// `with_streams` asks for the streams even if the projection does not.
    pub fn read(segment: &Segment, number: usize, subscription: &Subscription, with_streams: bool) -> Read<Opened> {
        let block = &segment.blocks()[number];
        let parts = subscription.envelope;
        let takes_every = matches!(subscription.selection, Selection::Every(_));
        let mut is_shredded = false;
        let mut metadata_fields = Vec::new();
        for name in &subscription.metadata_fields {
            metadata_fields.push(valued(segment, block.metadata_field(name)?, &mut is_shredded)?);
        }
        let mut taken = Vec::new();
        for (kind, (name, _)) in (0u16..).zip(block.types()) {
            let place = match &subscription.selection {
                Selection::Every(_) => Some(0),
                Selection::Types(types) => types.iter().position(|one| one.name == name),
            };
            let Some(place) = place else { continue };
            let asked = &subscription.types()[place];
            // Fields of different types have columns of different kinds, which one group cannot hold.
            is_shredded |= takes_every && (asked.document || !asked.fields.is_empty());
            let mut fields = Vec::new();
            if !takes_every {
                for field in &asked.fields {
                    fields.push(valued(segment, block.field(kind, field)?, &mut is_shredded)?);
                }
            }
            taken.push(Taken {
                place,
                name: name.to_owned(),
                number: kind,
                rows: block.rows(kind)?,
                streams: None,
                stream_versions: parts.stream_version.then(|| block.stream_versions(kind)).transpose()?,
                times: parts.time.then(|| block.times(kind)).transpose()?,
                ids: parts.id.then(|| block.ids(kind)).transpose()?,
                fields,
                document: asked.document.then(|| block.document(kind)).transpose()?,
            });
        }
        let with_streams = parts.stream || with_streams || is_shredded;
        for taken in &mut taken {
            if with_streams {
                taken.streams = Some(block.streams(taken.number)?);
            }
            if is_shredded && taken.document.is_none() {
                taken.document = Some(block.document(taken.number)?);
            }
        }
        // Of a block that has nothing to be taken, nothing is read.
        let is_empty = taken.is_empty();
        let with_metadata = parts.metadata || (is_shredded && !subscription.metadata_fields.is_empty());
        Ok(Opened {
            length: block.len(),
            positions: match block.has_gaps() {
                true => Positions::Listed(block.positions()?),
                false => Positions::From(block.range().after.0 + 1),
            },
            stream_words: (with_streams && !is_empty).then(|| streams(segment, block)).transpose()?,
            type_names: parts.type_name.then(|| type_names(segment, number)),
            metadata: (with_metadata && !is_empty).then(|| block.metadata()).transpose()?,
            metadata_fields,
            is_all_taken: taken.len() == block.types().len(),
            taken,
            takes_every,
            is_shredded,
        })
    }

    /// The position of the event at `row`.
    pub fn position(&self, row: usize) -> Position {
        Position(match &self.positions {
            Positions::From(first) => first + row as u64,
            Positions::Listed(positions) => positions[row],
        })
    }

    /// The positions of the chosen events in log order.
    pub fn positions(&self, chosen: &RowSelection<'_>) -> ScalarBuffer<u64> {
        match &self.positions {
            Positions::Listed(positions) => chosen.with_rows(|rows| window::values(positions, rows)),
            Positions::From(first) => chosen.by_row(|row| first + u64::from(row)).into(),
        }
    }

    /// How many rows stand at or before `through`.
    pub fn rows_through(&self, through: Position) -> usize {
        match &self.positions {
            Positions::From(first) => (through.0 + 1).saturating_sub(*first).min(self.length as u64) as usize,
            Positions::Listed(positions) => positions.partition_point(|&position| position <= through.0),
        }
    }

    /// The `at`-th event of a type as a reader of the source would have given it.
    pub fn event<'a>(&'a self, taken: &'a Taken, at: usize) -> EventRef<'a> {
        let row = usize::from(taken.rows[at]);
        let (stream, stream_name) = match (&self.stream_words, &taken.streams) {
            (Some(named), Some(keys)) => (keys[at], named.words.values.get(keys[at] as usize)),
            _ => (0, ""),
        };
        EventRef {
            position: self.position(row),
            stream: i64::from(stream),
            stream_name,
            stream_version: StreamVersion(taken.stream_versions.as_ref().map_or(0, |all| all[at])),
            kind: taken.place as u16,
            type_number: i64::from(taken.number),
            type_name: &taken.name,
            time: Timestamp(taken.times.as_ref().map_or(0, |all| all[at])),
            id: taken.ids.as_ref().map_or("", |all| all.get(at)),
            data: taken.document.as_ref().map_or("", |all| all.get(at)),
            metadata: self.metadata.as_ref().filter(|whole| whole.is_valid(row)).map(|whole| match &whole.values {
                crate::event::Values::Json(all) => all.get(row),
                _ => "{}",
            }),
        }
    }
}

fn valued(segment: &Segment, found: Found, is_shredded: &mut bool) -> Read<Option<Valued>> {
    match found {
        Found::Absent => Ok(None),
        Found::NotListed => {
            *is_shredded = true;
            Ok(None)
        }
        Found::Column(Held { column, dictionary }) => {
            let words = dictionary.map(|number| Ok(((segment.id(), number), segment.dictionary(number)?)));
            Ok(Some(Valued { column, words: words.transpose()? }))
        }
    }
}

fn streams(segment: &Segment, block: &Block) -> Read<Named> {
    let number = block.stream_words();
    Ok(Named { dictionary: (segment.id(), number), words: segment.dictionary(number)? })
}

fn type_names(segment: &Segment, number: usize) -> Named {
    let values: Text = segment.blocks()[number].types().map(|(name, _)| name).collect();
    let hashes: Vec<u64> = values.iter().map(|name| XxHash3_64::oneshot(name.as_bytes())).collect();
    Named { dictionary: (segment.id(), TYPE_NAMES + number as u32), words: Words { values, hashes: hashes.into() } }
}
