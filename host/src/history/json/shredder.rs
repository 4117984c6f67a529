//! The **shredder**: events in, a batch of columns out.

use arrow_buffer::ScalarBuffer;
use uuid::fmt::Hyphenated;

use super::field::Field;
use super::names::NameColumn;
use super::object::{Fields, NotJson};
use super::strings::{Bits, Strings};
use crate::event::{
    Batch, Column, Envelope, EventRef, Fault, FaultKind, Group, Position, Range, Result, StreamNumber, Subscription,
    TypeNumber, Values,
};
use crate::event_store::Wanted;

/// A batch takes no more events than this,
pub const BATCH_EVENTS_MAX: usize = 1_000_000;
/// nor more bytes. Both keep every buffer below 4 GiB, also when a column has to be widened to JSON.
pub const BATCH_BYTES_MAX: usize = 256 << 20;

/// Shreds the events of one subscription into batches.
///
/// Its dictionaries go on from batch to batch and belong to one plugin instance, which must be given each batch, in
/// order: call [`restart`](Shredder::restart) before the first batch of another instance. Its events come from one
/// reader at a time, or from readers that number streams alike.
pub struct Shredder {
    subscription: Subscription,
    kinds: Vec<u16>,
    positions: Vec<u64>,
    stream_versions: Vec<u64>,
    times: Vec<i64>,
    ids: Strings,
    streams: NameColumn<StreamNumber>,
    type_names: NameColumn<TypeNumber>,
    metadata: Metadata,
    groups: Vec<Kind>,
    bytes: usize,
}

/// One event type.
struct Kind {
    rows: u32,
    finder: Fields,
    fields: Vec<Field>,
    document: Option<Strings>,
}

struct Metadata {
    whole: Strings,
    validity: Bits,
    finder: Fields,
    fields: Vec<Field>,
}

impl Shredder {
    /// A shredder for what a projection asks for.
    pub fn new(subscription: &Subscription) -> Shredder {
        let kind = |kind: &crate::event::EventType| Kind {
            rows: 0,
            finder: Fields::new(&kind.fields),
            fields: kind.fields.iter().map(|_| Field::default()).collect(),
            document: kind.document.then(Strings::default),
        };
        Shredder {
            groups: subscription.types().iter().map(kind).collect(),
            metadata: Metadata {
                whole: Strings::default(),
                validity: Bits::default(),
                finder: Fields::new(&subscription.metadata_fields),
                fields: subscription.metadata_fields.iter().map(|_| Field::default()).collect(),
            },
            kinds: Vec::new(),
            positions: Vec::new(),
            stream_versions: Vec::new(),
            times: Vec::new(),
            ids: Strings::default(),
            streams: NameColumn::default(),
            type_names: NameColumn::default(),
            bytes: 0,
            subscription: subscription.clone(),
        }
    }

    /// What a scan must read for it.
    pub fn wanted(&self) -> Wanted {
        let parts = self.subscription.envelope;
        let types = self.subscription.types();
        Wanted {
            types: match &self.subscription.selection {
                crate::event::Selection::Types(types) => Some(types.iter().map(|kind| kind.name.clone()).collect()),
                crate::event::Selection::Every(_) => None,
            },
            stream_prefix: self.subscription.stream_prefix.clone(),
            streams: parts.stream,
            ids: parts.id,
            metadata: parts.metadata || !self.subscription.metadata_fields.is_empty(),
            data: types.iter().any(|kind| kind.document || !kind.fields.is_empty()),
        }
    }

    /// Adds an event, which must be one of [`wanted`](Shredder::wanted).
    ///
    /// Faults: a payload that is not JSON (which the embedded store refuses to record), and a batch past
    /// [`BATCH_EVENTS_MAX`] or [`BATCH_BYTES_MAX`]. After a fault only [`restart`](Shredder::restart) is of use.
    pub fn push(&mut self, event: EventRef<'_>) -> Result<()> {
        if self.kinds.len() >= BATCH_EVENTS_MAX || self.bytes > BATCH_BYTES_MAX {
            return Err(Fault::new(FaultKind::Storage, "a batch was filled past its bounds").at(event.position));
        }
        let kind = self.groups.get_mut(event.kind.index()).ok_or_else(|| {
            Fault::new(FaultKind::Storage, "the source gave an event of a type that was not asked for")
                .at(event.position)
        })?;
        let mut bytes = size_of::<u64>() + size_of::<u16>();
        bytes += kind.push(&event)?;
        self.kinds.push(event.kind.0);
        self.positions.push(event.position.0);
        let parts = self.subscription.envelope;
        if parts.stream {
            bytes += self.streams.push(event.stream, event.stream_name);
        }
        if parts.type_name {
            bytes += self.type_names.push(event.type_number, event.type_name);
        }
        if parts.stream_version {
            self.stream_versions.push(event.stream_version.0);
            bytes += size_of::<u64>();
        }
        if parts.time {
            self.times.push(event.time.0);
            bytes += size_of::<i64>();
        }
        if parts.id {
            self.ids.push(event.id);
            bytes += Hyphenated::LENGTH;
        }
        if parts.metadata {
            self.metadata.validity.push(self.kinds.len() - 1, event.metadata.is_some(), true);
            self.metadata.whole.push(event.metadata.unwrap_or_default());
            bytes += event.metadata.map_or(0, str::len) + size_of::<u32>();
        }
        if !self.metadata.fields.is_empty() {
            bytes += self.metadata.push(&event)?;
        }
        self.bytes += bytes;
        Ok(())
    }

    /// How many events the batch has so far.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether the batch has no events so far.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// About how many bytes of memory the batch holds so far.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Ends the batch; it covers `range`.
    pub fn finish(&mut self, range: Range) -> Batch {
        let parts = self.subscription.envelope;
        self.bytes = 0;
        Batch {
            range,
            kinds: taken(&mut self.kinds),
            positions: taken(&mut self.positions),
            envelope: Envelope {
                with_positions: parts.position,
                streams: parts.stream.then(|| self.streams.finish()),
                stream_versions: parts.stream_version.then(|| taken(&mut self.stream_versions)),
                times: parts.time.then(|| taken(&mut self.times)),
                ids: parts.id.then(|| std::mem::take(&mut self.ids).finish()),
                type_names: parts.type_name.then(|| self.type_names.finish()),
                metadata: parts.metadata.then(|| self.metadata.finish()),
                metadata_fields: self.metadata.fields.iter_mut().map(Field::finish).collect(),
            },
            groups: self.groups.iter_mut().map(Kind::finish).collect(),
        }
    }

    /// Drops the events of the batch so far and forgets what the plugin instance was given, so that the next batch
    /// stands for itself.
    pub fn restart(&mut self) {
        *self = Shredder::new(&self.subscription);
    }
}

impl Kind {
    fn push(&mut self, event: &EventRef<'_>) -> Result<usize> {
        self.rows += 1;
        let mut bytes = 0;
        if let Some(document) = &mut self.document {
            document.push(event.data);
            bytes += event.data.len() + size_of::<u32>();
        }
        if !self.fields.is_empty() {
            bytes += shred(&mut self.finder, &mut self.fields, event.data)
                .map_err(|_| not_json("payload", event.position))?;
        }
        Ok(bytes)
    }

    fn finish(&mut self) -> Group {
        Group {
            length: std::mem::take(&mut self.rows),
            fields: self.fields.iter_mut().map(Field::finish).collect(),
            document: self.document.as_mut().map(|document| std::mem::take(document).finish()),
        }
    }
}

impl Metadata {
    fn push(&mut self, event: &EventRef<'_>) -> Result<usize> {
        shred(&mut self.finder, &mut self.fields, event.metadata.unwrap_or("{}"))
            .map_err(|_| not_json("metadata", event.position))
    }

    fn finish(&mut self) -> Column {
        let (whole, validity) = (std::mem::take(&mut self.whole), std::mem::take(&mut self.validity));
        Column { validity: validity.finish(), nulls: None, values: Values::Json(whole.finish()) }
    }
}

/// One row for each field; the bytes they take.
fn shred(finder: &mut Fields, fields: &mut [Field], json: &str) -> Result<usize, NotJson> {
    finder.find(json)?;
    let mut bytes = 0;
    for (field, found) in fields.iter_mut().zip(&finder.found) {
        let raw = match found {
            Some(place) => Some(json.get(place.clone()).ok_or(NotJson)?),
            None => None,
        };
        bytes += field.push(raw)?;
    }
    Ok(bytes)
}

/// The fault of a recorded text that is not JSON although it was checked when it was recorded.
pub(in crate::history) fn not_json(what: &str, position: Position) -> Fault {
    Fault::new(FaultKind::Event, format!("the recorded {what} is not JSON"))
        .at(position)
        .hint("the store was changed by something else, or is damaged; restore it from a backup")
}

/// The values as a buffer; the next batch is likely to be as long.
fn taken<T: arrow_buffer::ArrowNativeType>(values: &mut Vec<T>) -> ScalarBuffer<T> {
    let next = Vec::with_capacity(values.len());
    std::mem::replace(values, next).into()
}
