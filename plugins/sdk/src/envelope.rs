//! The **envelope**: what was recorded about an event besides its payload.

use std::cell::Cell as Slot;

use crate::arena::Arena;
use crate::bindings::events;
use crate::cells::Cells;
use crate::dictionary::{Dictionaries, Dictionary, Text};
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
pub struct Envelope<'a> {
    pub(crate) columns: &'a Columns<'a>,
    pub(crate) index: usize,
}

/// The envelope columns of a batch.
pub(crate) struct Columns<'a> {
    positions: Option<&'a [u64]>,
    streams: Option<(&'a Dictionary, &'a [u32])>,
    stream_versions: Option<&'a [u64]>,
    times: Option<&'a [i64]>,
    ids: Option<&'a crate::bindings::columns::Text>,
    type_names: Option<(&'a Dictionary, &'a [u32])>,
    metadata: Option<Cells<'a>>,
    metadata_fields: Vec<Cells<'a>>,
    metadata_names: &'static [&'static str],
    /// The first part that was read without having been asked for, and at which event.
    pub(crate) unasked: Slot<Option<(&'static str, usize)>>,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(
        envelope: &'a events::Envelope,
        dictionaries: &'a Dictionaries,
        metadata_names: &'static [&'static str],
        arena: &'a Arena,
    ) -> Columns<'a> {
        let symbols = |place, dictionary: &'a Option<crate::bindings::columns::Dictionary>| {
            dictionary.as_ref().map(|symbols| (dictionaries.get(place), symbols.keys.as_slice()))
        };
        let field = |(index, column)| Cells::new(column, dictionaries, METADATA_FIELDS + index, arena);
        Columns {
            positions: envelope.positions.as_deref(),
            streams: symbols(STREAMS, &envelope.streams),
            stream_versions: envelope.stream_versions.as_deref(),
            times: envelope.times.as_deref(),
            ids: envelope.ids.as_ref(),
            type_names: symbols(TYPE_NAMES, &envelope.type_names),
            metadata: envelope.metadata.as_ref().map(|column| Cells::new(column, dictionaries, METADATA, arena)),
            metadata_fields: envelope.metadata_fields.iter().enumerate().map(field).collect(),
            metadata_names,
            unasked: Slot::new(None),
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
        match self.columns.streams {
            Some((dictionary, keys)) => Text::symbol_of(dictionary, keys[self.index]),
            None => Text::from(self.unasked::<&str>("stream")),
        }
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
        let string = |ids: &'a crate::bindings::columns::Text| {
            &ids.data[ids.offsets[self.index] as usize..ids.offsets[self.index + 1] as usize]
        };
        self.columns.ids.map_or_else(|| self.unasked("id"), string)
    }

    /// The recorded name of its type.
    pub fn type_name(&self) -> Text<'a> {
        match self.columns.type_names {
            Some((dictionary, keys)) => Text::symbol_of(dictionary, keys[self.index]),
            None => Text::from(self.unasked::<&str>("type_name")),
        }
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
        if self.columns.unasked.get().is_none() {
            self.columns.unasked.set(Some((part, self.index)));
        }
        T::default()
    }
}
