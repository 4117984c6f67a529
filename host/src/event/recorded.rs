//! An **event** as it goes into a store and as it comes out.

use super::{Position, StreamVersion, Timestamp};

/// An event to be appended. The stream is named beside it, since events are appended to one stream at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened, in the past tense: `Deposited`.
    pub kind: String,
    /// The payload as JSON text, kept byte for byte.
    pub data: String,
    /// Metadata as JSON text, kept byte for byte.
    pub metadata: Option<String>,
    /// Makes a retried append harmless: an id is recorded once. Made up when absent.
    pub id: Option<String>,
    /// When it happened; now when absent.
    pub time: Option<Timestamp>,
}

/// What an append demands of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// Nothing.
    Any,
    /// That it has no events yet.
    None,
    /// That its last event has this version.
    Exactly(StreamVersion),
}

/// The store's own number for a stream: the same for the same stream in every reader, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamNumber(pub i64);

/// The store's own number for an event type: the same for the same name in every reader, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeNumber(pub i64);

/// An event type among those that a scan or a subscription asks for, counted from 0; 0 when it takes every type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeIndex(pub u16);

impl TypeIndex {
    /// Its place in a list with one entry for each type asked for.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A recorded event, borrowed from the store's reader while it is visited.
///
/// Parts that the scan did not ask for are left empty (it says which parts it wants).
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    /// Its place in the whole log.
    pub position: Position,
    /// The store's own number for the stream.
    pub stream: StreamNumber,
    /// The stream's name, when asked for.
    pub stream_name: &'a str,
    /// Its place in its stream.
    pub stream_version: StreamVersion,
    /// Its type among those that the scan asked for.
    pub kind: TypeIndex,
    /// The store's own number for the event type.
    pub type_number: TypeNumber,
    /// The event type's name.
    pub type_name: &'a str,
    /// When it was recorded.
    pub time: Timestamp,
    /// Its id as text, when asked for.
    pub id: &'a str,
    /// The payload as recorded.
    pub data: &'a str,
    /// The metadata as recorded, when asked for and there is any.
    pub metadata: Option<&'a str>,
}
