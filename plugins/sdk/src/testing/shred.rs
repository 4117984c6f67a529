//! The **shredder** cuts JSON payloads into columns, in each of the ways that a host may choose.

use std::collections::{BTreeMap, HashMap};

use serde_json::value::RawValue;

use super::Recorded;
use super::store::{bitmap, text};
use crate::arena::Arena;
use crate::bindings::columns::{Column, Dictionary, Text, Values};
use crate::bindings::events::{Batch, Envelope, Group};
use crate::bindings::manifests::{EnvelopeParts, EventType, Selection, Subscription};
use crate::cells::Cell;
use crate::{Timestamp, json};

/// How columns are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The kind that fits; text as dictionaries that go on from batch to batch.
    Symbols,
    /// The same, but dictionaries begin anew with each batch.
    NewSymbols,
    /// The kind that fits, text plain.
    Texts,
    /// Everything as JSON.
    Json,
}

/// Shreds batches for one instance, whose dictionaries it knows.
pub(crate) struct Shredder<'a> {
    subscription: &'a Subscription,
    shape: Shape,
    dictionaries: HashMap<String, Vec<String>>,
}

/// An event with its place.
#[derive(Clone, Copy)]
pub(crate) struct Placed<'a> {
    pub(crate) position: u64,
    pub(crate) stream_version: u64,
    pub(crate) event: &'a Recorded,
}

impl<'a> Shredder<'a> {
    pub(crate) fn new(subscription: &'a Subscription, shape: Shape) -> Shredder<'a> {
        Shredder { subscription, shape, dictionaries: HashMap::new() }
    }

    /// The index of the event's type, when the projection takes it.
    pub(crate) fn kind(subscription: &Subscription, event: &Recorded) -> Option<u16> {
        if subscription.stream_prefix.as_ref().is_some_and(|prefix| !event.stream.starts_with(prefix)) {
            return None;
        }
        match &subscription.selection {
            Selection::Every(_) => Some(0),
            Selection::Types(types) => types.iter().position(|kind| kind.name == event.type_name).map(|at| at as u16),
        }
    }

    /// The batch of these events, all of which the projection takes.
    pub(crate) fn batch(&mut self, after: u64, through: u64, events: &[Placed<'_>]) -> Batch {
        let kinds: Vec<u16> = events.iter().filter_map(|placed| Self::kind(self.subscription, placed.event)).collect();
        let types: &[EventType] = match &self.subscription.selection {
            Selection::Types(types) => types,
            Selection::Every(every) => std::slice::from_ref(every),
        };
        let groups = types.iter().enumerate().map(|(number, kind)| {
            let mine = events.iter().zip(&kinds).filter(|(_, kind)| usize::from(**kind) == number);
            let payloads: Vec<&str> = mine.map(|(placed, _)| placed.event.data.as_str()).collect();
            let objects: Vec<_> = payloads.iter().map(|payload| object(payload)).collect();
            let fields = kind.fields.iter().map(|name| {
                let values: Vec<_> = objects.iter().map(|object| object.get(name).map(|raw| raw.get())).collect();
                self.column(&format!("{number}.{name}"), &values)
            });
            Group {
                length: payloads.len() as u32,
                fields: fields.collect(),
                document: kind.document.then(|| text(payloads.iter())),
            }
        });
        let groups = groups.collect();
        Batch { after, through, kinds, envelope: self.envelope(events), groups }
    }

    fn envelope(&mut self, events: &[Placed<'_>]) -> Envelope {
        let parts = self.subscription.envelope;
        let metadata: Vec<Option<&str>> = events.iter().map(|placed| placed.event.metadata.as_deref()).collect();
        let objects: Vec<_> = metadata.iter().map(|metadata| object(metadata.unwrap_or("{}"))).collect();
        let metadata_fields = self.subscription.metadata_fields.iter().map(|name| {
            let values: Vec<_> = objects.iter().map(|object| object.get(name).map(|raw| raw.get())).collect();
            self.column(&format!("metadata.{name}"), &values)
        });
        let metadata_fields = metadata_fields.collect();
        let streams = events.iter().map(|placed| placed.event.stream.clone()).collect();
        let type_names = events.iter().map(|placed| placed.event.type_name.clone()).collect();
        let time = |placed: &Placed<'_>| placed.event.time.unwrap_or(Timestamp(placed.position as i64 * 1_000_000)).0;
        let id = |placed: &Placed<'_>| {
            let made = format!("00000000-0000-0000-0000-{:012x}", placed.position);
            placed.event.id.clone().unwrap_or(made)
        };
        let has = |part| parts.contains(part);
        Envelope {
            positions: has(EnvelopeParts::POSITION).then(|| events.iter().map(|placed| placed.position).collect()),
            streams: has(EnvelopeParts::STREAM).then(|| self.dictionary("streams", streams)),
            stream_versions: has(EnvelopeParts::STREAM_VERSION)
                .then(|| events.iter().map(|placed| placed.stream_version).collect()),
            times: has(EnvelopeParts::TIME).then(|| events.iter().map(time).collect()),
            ids: has(EnvelopeParts::ID).then(|| text(events.iter().map(id))),
            type_names: has(EnvelopeParts::TYPE_NAME).then(|| self.dictionary("types", type_names)),
            metadata: has(EnvelopeParts::METADATA).then(|| json_column(&metadata)),
            metadata_fields,
        }
    }

    /// A field's column: the one kind that holds all its values, else JSON.
    fn column(&mut self, place: &str, values: &[Option<&str>]) -> Column {
        let arena = Arena::default();
        let cells: Vec<Cell<'_>> =
            values.iter().map(|value| value.map_or(Cell::Absent, |text| typed(json::cell(text, &arena)))).collect();
        let missing = |cell: &Cell<'_>| matches!(cell, Cell::Absent | Cell::Null);
        let all = |fits: fn(&Cell<'_>) -> bool| cells.iter().all(|cell| missing(cell) || fits(cell));
        let texts = |cell: &Cell<'_>| if let Cell::Text(text) = cell { (*text).into() } else { String::new() };
        let kept = if cells.iter().all(missing) {
            Values::Nothing
        } else if self.shape == Shape::Json {
            return json_column(values);
        } else if all(|cell| matches!(cell, Cell::Boolean(_))) {
            Values::Booleans(cells.iter().map(|cell| u8::from(matches!(cell, Cell::Boolean(true)))).collect())
        } else if all(|cell| matches!(cell, Cell::Integer(_))) {
            Values::Integers(
                cells.iter().map(|cell| if let Cell::Integer(value) = cell { *value } else { 0 }).collect(),
            )
        } else if all(|cell| matches!(cell, Cell::Real(_))) {
            Values::Reals(cells.iter().map(|cell| if let Cell::Real(value) = cell { *value } else { 0.0 }).collect())
        } else if !all(|cell| matches!(cell, Cell::Text(_))) {
            return json_column(values);
        } else if self.shape == Shape::Texts || cells.iter().any(missing) && cells[0].name() == "nothing" {
            Values::Texts(text(cells.iter().map(texts)))
        } else {
            let values = cells.iter().map(texts).collect();
            Values::Symbols(self.dictionary(place, values))
        };
        let has_missing = cells.iter().any(missing);
        Column {
            validity: has_missing.then(|| bitmap(cells.iter().map(|cell| !missing(cell)))),
            nulls: nulls(&cells),
            values: kept,
        }
    }

    fn dictionary(&mut self, place: &str, values: Vec<String>) -> Dictionary {
        let known = self.dictionaries.entry(place.into()).or_default();
        if self.shape == Shape::NewSymbols {
            known.clear();
        }
        let first = known.len();
        let mut keys = Vec::new();
        for value in values {
            let key = known.iter().position(|other| *other == value).unwrap_or_else(|| {
                known.push(value);
                known.len() - 1
            });
            keys.push(key as u32);
        }
        Dictionary { first: first as u32, added: text(known[first..].iter()), keys }
    }
}

/// As the host does: a number is a real where that loses nothing.
fn typed(cell: Cell<'_>) -> Cell<'_> {
    match cell {
        Cell::Number(text) => json::real(text).map_or(cell, Cell::Real),
        cell => cell,
    }
}

fn nulls(cells: &[Cell<'_>]) -> Option<Vec<u8>> {
    let null = |cell: &Cell<'_>| matches!(cell, Cell::Null);
    cells.iter().any(null).then(|| bitmap(cells.iter().map(null)))
}

/// Values as JSON texts; `null` has no value but its own bit.
fn json_column(values: &[Option<&str>]) -> Column {
    let null = |value: &Option<&str>| value.is_some_and(|text| text.trim() == "null");
    let valid = |value: &Option<&str>| value.is_some() && !null(value);
    let texts: Text = text(values.iter().map(|value| if valid(value) { value.unwrap_or("") } else { "" }));
    Column {
        validity: values.iter().any(|value| !valid(value)).then(|| bitmap(values.iter().map(valid))),
        nulls: values.iter().any(null).then(|| bitmap(values.iter().map(null))),
        values: Values::Json(texts),
    }
}

/// The top-level fields; a payload that is no object has none.
fn object(payload: &str) -> BTreeMap<String, Box<RawValue>> {
    serde_json::from_str(payload).unwrap_or_default()
}
