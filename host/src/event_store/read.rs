//! **Reading** an event store: its head, its events in log order, and when it has grown.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::event::{EventRef, Position, Range, Result, Timestamp};

/// An event store that exists already. Cheap to share between threads.
///
/// Positions grow in the order in which events become readable. They may start anywhere from 1 on, and may have gaps.
/// Streams and event types are text; the numbers that the store gives them ([`EventRef::stream`],
/// [`EventRef::type_number`]) are its own affair: equal for equal names, in every reader and for good, and that is all.
pub trait EventStore: Send + Sync {
    /// A reader, for one thread.
    fn reader(&self) -> Result<Box<dyn Reader>>;

    /// Something that notices, in any thread, that the log has grown.
    fn follower(&self) -> Result<Box<dyn Follower>>;
}

/// One thread's view of the log.
pub trait Reader: Send {
    /// The highest position that is safe to read: nothing will ever appear at or below it again. [`Position::START`]
    /// for an empty log.
    fn head(&mut self) -> Result<Position>;

    /// The id of the event at `position`, which tells it from any other for good. None when no event stands there.
    fn event_id(&mut self, position: Position) -> Result<Option<String>>;

    /// The highest position whose event was recorded at or before `time` with none later before it: where a
    /// replay "as of" `time` ends. [`Position::START`] when every event is later, the head when none is.
    fn position_at(&mut self, time: Timestamp) -> Result<Position>;

    /// Visits the wanted events of `range` in log order until the visitor breaks or fails.
    /// Returns the position of the last event visited, or `range.through` when it came to the end.
    fn scan(&mut self, range: Range, wanted: &Wanted, visit: &mut Visit<'_>) -> Result<Position>;
}

/// Called with each event; breaking ends the scan after that event.
pub type Visit<'a> = dyn FnMut(EventRef<'_>) -> Result<ControlFlow<()>> + 'a;

/// Notices that the log has grown, no matter which process appended.
pub trait Follower: Send {
    /// Waits until the head is beyond `known` or `patience` is over; returns the head.
    fn wait(&mut self, known: Position, patience: Duration) -> Result<Position>;
}

/// Which events a scan visits, and which of their optional parts it reads. Parts that are not read are empty.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only these types, in this order ([`EventRef::kind`] is the index); every type when absent.
    pub types: Option<Vec<String>>,
    /// Only streams whose name starts with this.
    pub stream_prefix: Option<String>,
    /// Whether stream names are resolved.
    pub streams: bool,
    /// Whether ids are read.
    pub ids: bool,
    /// Whether metadata is read.
    pub metadata: bool,
    /// Whether payloads are read.
    pub data: bool,
}
