//! The **envelope**: what was recorded about an event besides its payload.

use std::cell::Cell as Slot;

use crate::arena::Arena;
use crate::bindings::events;
use crate::cells::Cells;
use crate::dictionary::{Dictionaries, Dictionary, Symbol, Text, text_at};
use crate::fault::Wrong;
use crate::field::Field;
use crate::{Fault, Timestamp};

/// Envelope parts as bits.
pub mod parts {
    #![allow(missing_docs, reason = "each is named after the part")]
    pub const POSITION: u8 = 1;
    pub const STREAM: u8 = 2;
    pub const STREAM_VERSION: u8 = 4;
    pub const TIME: u8 = 8;
    pub const ID: u8 = 16;
    pub const TYPE_NAME: u8 = 32;
    pub const METADATA: u8 = 64;
}

/// Where the dictionaries of the envelope are kept; metadata fields follow, then payload fields.
pub(crate) const STREAMS: usize = 0;
pub(crate) const TYPE_NAMES: usize = 1;
pub(crate) const METADATA: usize = 2;
pub(crate) const METADATA_FIELDS: usize = 3;

/// What was recorded about an event.
///
/// Only the parts that `export!` asks for cross into the plugin, by default the stream:
/// `export!(Flights, name = "flights", version = 1, envelope = [stream, time], metadata = ["user"])`.
/// Reading a part that was not asked for stops the projection with a fault that says so; the value returned is empty
/// and whatever was computed from it is dropped.
///
/// ```
/// use projectionist_sdk::prelude::*;
/// use projectionist_sdk::testing::{event, given};
/// use serde_json::json;
///
/// #[derive(Event)]
/// enum Visit { Entered }
///
/// #[derive(Row)]
/// struct Last { #[key] gate: String, time: Timestamp, user: Option<String> }
///
/// #[derive(Default, Tables)]
/// struct Lasts { lasts: Table<Last> }
///
/// impl Projection for Lasts {
///     type Event = Visit;
///     fn apply(&mut self, _: Visit, envelope: &Envelope) -> Result<(), Fault> {
///         let row = self.lasts.entry(envelope.stream());
///         row.time = envelope.time();
///         row.user = envelope.metadata_field("user")?;
///         Ok(())
///     }
/// }
/// export!(Lasts, name = "lasts", version = 1, envelope = [stream, time], metadata = ["user"]);
///
/// let time: Timestamp = "2024-05-01T09:00:00Z".parse().unwrap();
/// given::<Lasts>([event("gate-1", "Entered", json!({})).at(time).metadata(json!({"user": "ann"}))])
///     .then([Last { gate: "gate-1".into(), time, user: Some("ann".into()) }]);
/// ```
#[derive(Clone, Copy)]
pub struct Envelope<'a> {
    pub(crate) columns: &'a Columns<'a>,
    pub(crate) index: usize,
    /// Beside the columns, which the compiler then knows to stay as they are while events are folded.
    pub(crate) unasked: &'a Unasked,
}

/// The first part that was read without having been asked for, and at which event.
#[derive(Default)]
pub(crate) struct Unasked(Slot<Option<(&'static str, usize)>>);

impl Unasked {
    pub(crate) fn get(&self) -> Option<(&'static str, usize)> {
        self.0.get()
    }
}

/// Names out of a dictionary, one an event; no keys when they were not asked for.
#[derive(Clone, Copy)]
struct Names<'a> {
    dictionary: &'a Dictionary,
    keys: &'a [u32],
}

/// The envelope columns of a batch.
pub(crate) struct Columns<'a> {
    positions: Option<&'a [u64]>,
    streams: Names<'a>,
    stream_versions: Option<&'a [u64]>,
    times: Option<&'a [i64]>,
    ids: Option<&'a crate::bindings::columns::Text>,
    type_names: Names<'a>,
    metadata: Option<Cells<'a>>,
    metadata_fields: Vec<Cells<'a>>,
    metadata_names: &'static [&'static str],
}

impl<'a> Columns<'a> {
    pub(crate) fn new(
        envelope: &'a events::Envelope,
        dictionaries: &'a Dictionaries,
        metadata_names: &'static [&'static str],
        arena: &'a Arena,
    ) -> Columns<'a> {
        let names = |place, news: &'a Option<crate::bindings::columns::Dictionary>| Names {
            dictionary: dictionaries.get(place),
            keys: news.as_ref().map_or(&[], |news| &news.keys),
        };
        let field = |(index, column)| Cells::new(column, dictionaries, METADATA_FIELDS + index, arena);
        Columns {
            positions: envelope.positions.as_deref(),
            streams: names(STREAMS, &envelope.streams),
            stream_versions: envelope.stream_versions.as_deref(),
            times: envelope.times.as_deref(),
            ids: envelope.ids.as_ref(),
            type_names: names(TYPE_NAMES, &envelope.type_names),
            metadata: envelope.metadata.as_ref().map(|column| Cells::new(column, dictionaries, METADATA, arena)),
            metadata_fields: envelope.metadata_fields.iter().enumerate().map(field).collect(),
            metadata_names,
        }
    }
}

impl<'a> Envelope<'a> {
    /// The event's place in the whole log.
    #[inline]
    pub fn position(&self) -> u64 {
        self.columns.positions.map_or_else(|| self.unasked("position"), |positions| positions[self.index])
    }

    /// The name of its stream.
    #[inline]
    pub fn stream(&self) -> Text<'a> {
        self.name(self.columns.streams, "stream")
    }

    /// Its place in its stream, from 1.
    #[inline]
    pub fn stream_version(&self) -> u64 {
        self.columns.stream_versions.map_or_else(|| self.unasked("stream_version"), |versions| versions[self.index])
    }

    /// When it was recorded.
    #[inline]
    pub fn time(&self) -> Timestamp {
        self.columns.times.map_or_else(|| self.unasked("time"), |times| Timestamp(times[self.index]))
    }

    /// Its id as text.
    pub fn id(&self) -> &'a str {
        let string = |ids: &'a crate::bindings::columns::Text| text_at(&ids.data, &ids.offsets, self.index);
        self.columns.ids.map_or_else(|| self.unasked("id"), string)
    }

    /// The recorded name of its type.
    pub fn type_name(&self) -> Text<'a> {
        self.name(self.columns.type_names, "type_name")
    }

    #[inline]
    fn name(&self, names: Names<'a>, part: &'static str) -> Text<'a> {
        let key = match names.keys.get(self.index) {
            Some(&key) => key,
            // No dictionary has this key: it reads as an empty text.
            None => self.unasked::<Option<u32>>(part).unwrap_or(Symbol::NONE.key),
        };
        Text::symbol_of(names.dictionary, key)
    }

    /// The whole metadata, JSON text as recorded; none when the event has none.
    pub fn metadata(&self) -> Option<&'a str> {
        match &self.columns.metadata {
            Some(cells) => cells.verbatim(self.index),
            None => self.unasked("metadata"),
        }
    }

    /// A top-level field of the metadata, one of those that `export!` names in `metadata = [..]`; a fault when it
    /// does not fit the type or was not asked for.
    pub fn metadata_field<T: Field<'a>>(&self, name: &str) -> Result<T, Fault> {
        let Some(index) = self.columns.metadata_names.iter().position(|known| *known == name) else {
            return Err(Fault::new("the metadata field was not asked for")
                .field(name)
                .hint("name it in `export!`: metadata = [\"...\"]"));
        };
        let cells =
            self.columns.metadata_fields.get(index).ok_or_else(|| Fault::host("a metadata field is missing"))?;
        T::read(cells, self.index).map_err(|wrong: Wrong| wrong.in_event(name))
    }

    /// Notes that a part was read that nobody asked for; the runtime turns it into a fault.
    #[cold]
    fn unasked<T: Default>(&self, part: &'static str) -> T {
        if self.unasked.get().is_none() {
            self.unasked.0.set(Some((part, self.index)));
        }
        T::default()
    }
}
