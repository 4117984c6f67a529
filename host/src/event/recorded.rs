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

/// A recorded event, borrowed from the store's reader while it is visited.
///
/// Parts that the scan did not ask for are left empty (it says which parts it wants).
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    /// Its place in the whole log.
    pub position: Position,
    /// The store's own number for the stream: the same number for the same stream in one reader.
    pub stream: i64,
    /// The stream's name, when asked for.
    pub stream_name: &'a str,
    /// Its place in its stream.
    pub stream_version: StreamVersion,
    /// The index of its type among the types that the scan asked for; 0 when the scan takes every type.
    pub kind: u16,
    /// The store's own number for the event type: the same number for the same name in one reader.
    pub type_number: i64,
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
