//! A block **opened** for one projection: what it needs of it, read and verified, and nothing else.

use arrow_buffer::ScalarBuffer;
use twox_hash::XxHash3_64;

use super::segment::{Block, Damaged, Found, Held, Segment, Words};
use super::window::{self, Rows};
use crate::event::{Column, EventRef, Position, Range, Selection, StreamVersion, Subscription, Text, Timestamp};

/// A block's columns, as far as one projection needs them.
pub(super) struct Opened {
    /// How many events the block holds.
    pub length: usize,
    /// The type of each event; absent when only one type is taken.
    pub kinds: Option<ScalarBuffer<u16>>,
    positions: Positions,
    pub streams: Option<Named>,
    pub stream_versions: Option<ScalarBuffer<u64>>,
    pub times: Option<ScalarBuffer<i64>>,
    pub ids: Option<Text>,
    pub type_names: Option<Named>,
    pub metadata: Option<Column>,
    pub metadata_fields: Vec<Option<Valued>>,
    /// The event types of the block that the projection takes.
    pub taken: Vec<Taken>,
    /// For each type of the block, its index in `taken`.
    pub places: Vec<Option<u16>>,
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

/// One event type of a block.
pub(super) struct Taken {
    /// Its index in the subscription.
    pub place: usize,
    name: String,
    number: u16,
    /// The row in the block of each of its events.
    pub rows: ScalarBuffer<u32>,
    /// The fields asked for; none where no event of the block has one.
    pub fields: Vec<Option<Valued>>,
    pub document: Option<Text>,
}

/// Keys, and the words that they stand for.
pub(super) struct Named {
    pub keys: ScalarBuffer<u32>,
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
        let mut places = Vec::new();
        for (kind, (name, _)) in (0u16..).zip(block.types()) {
            let place = match &subscription.selection {
                Selection::Every(_) => Some(0),
                Selection::Types(types) => types.iter().position(|one| one.name == name),
            };
            places.push(place.map(|_| taken.len() as u16));
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
                fields,
                document: asked.document.then(|| block.document(kind)).transpose()?,
            });
        }
        if is_shredded {
            for taken in taken.iter_mut().filter(|taken| taken.document.is_none()) {
                taken.document = Some(block.document(taken.number)?);
            }
        }
        let streams = (parts.stream || with_streams || is_shredded).then(|| streams(segment, block)).transpose()?;
        let Range { after, through } = block.range();
        let has_gaps = through.0 - after.0 != block.len() as u64;
        let positions = if has_gaps { Positions::Listed(block.positions()?) } else { Positions::From(after.0 + 1) };
        let with_metadata = parts.metadata || (is_shredded && !subscription.metadata_fields.is_empty());
        Ok(Opened {
            length: block.len(),
            kinds: (taken.len() > 1).then(|| block.kinds()).transpose()?,
            positions,
            streams,
            stream_versions: parts.stream_version.then(|| block.stream_versions()).transpose()?,
            times: parts.time.then(|| block.times()).transpose()?,
            ids: parts.id.then(|| block.ids()).transpose()?,
            type_names: parts.type_name.then(|| type_names(segment, number)).transpose()?,
            metadata: with_metadata.then(|| block.metadata()).transpose()?,
            metadata_fields,
            taken,
            places,
            takes_every,
            is_shredded,
        })
    }

    /// Whether every event of the block is of a type that the projection takes.
    pub fn is_all_taken(&self) -> bool {
        self.places.iter().all(Option::is_some)
    }

    /// The position of the event at `row`.
    pub fn position(&self, row: usize) -> Position {
        Position(match &self.positions {
            Positions::From(first) => first + row as u64,
            Positions::Listed(positions) => positions[row],
        })
    }

    /// The positions of some rows.
    pub fn positions(&self, rows: Rows<'_>) -> ScalarBuffer<u64> {
        match (&self.positions, rows) {
            (Positions::Listed(positions), rows) => window::values(positions, rows),
            (Positions::From(first), Rows::Window(window)) => {
                (first + window.start as u64..first + window.end as u64).collect::<Vec<_>>().into()
            }
            (Positions::From(first), Rows::Chosen(rows)) => {
                rows.iter().map(|&row| first + u64::from(row)).collect::<Vec<_>>().into()
            }
        }
    }

    /// How many rows stand at or before `through`.
    pub fn rows_through(&self, through: Position) -> usize {
        match &self.positions {
            Positions::From(first) => (through.0 + 1).saturating_sub(*first).min(self.length as u64) as usize,
            Positions::Listed(positions) => positions.partition_point(|&position| position <= through.0),
        }
    }

    /// The event at `row`, the `at`-th of its type, as a reader of the source would have given it.
    pub fn event<'a>(&'a self, row: usize, taken: &'a Taken, at: usize) -> EventRef<'a> {
        let (stream, stream_name) = match &self.streams {
            Some(streams) => (streams.keys[row], streams.words.values.get(streams.keys[row] as usize)),
            None => (0, ""),
        };
        EventRef {
            position: self.position(row),
            stream: i64::from(stream),
            stream_name,
            stream_version: StreamVersion(self.stream_versions.as_ref().map_or(0, |all| all[row])),
            kind: taken.place as u16,
            type_number: i64::from(taken.number),
            type_name: &taken.name,
            time: Timestamp(self.times.as_ref().map_or(0, |all| all[row])),
            id: self.ids.as_ref().map_or("", |all| all.get(row)),
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
    let (keys, number) = block.streams()?;
    Ok(Named { keys, dictionary: (segment.id(), number), words: segment.dictionary(number)? })
}

fn type_names(segment: &Segment, number: usize) -> Read<Named> {
    let block = &segment.blocks()[number];
    let values: Text = block.types().map(|(name, _)| name).collect();
    let hashes: Vec<u64> = values.iter().map(|name| XxHash3_64::oneshot(name.as_bytes())).collect();
    Ok(Named {
        keys: block.kinds()?.iter().map(|&kind| u32::from(kind)).collect::<Vec<_>>().into(),
        dictionary: (segment.id(), TYPE_NAMES + number as u32),
        words: Words { values, hashes: hashes.into() },
    })
}
