//! A **source** is an adapter that reads an event store.
//!
//! `sqlite` is the embedded store, the default. Each replaying thread opens a [`Reader`] of its own.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use crate::event::{EventRef, Position, Range, Result};

pub mod sqlite;

/// An event store that exists already. Cheap to clone and to share between threads.
pub trait Source: Send + Sync {
    /// A reader with a connection of its own.
    fn reader(&self) -> Result<Box<dyn Reader>>;

    /// Something that notices, in any thread, that the log has grown.
    fn follower(&self) -> Result<Box<dyn Follower>>;

    /// Where the store is, for messages.
    fn path(&self) -> &Path;
}

/// One thread's view of the log.
pub trait Reader: Send {
    /// The highest position that is safe to read: nothing will ever appear at or below it again.
    fn head(&mut self) -> Result<Position>;

    /// What the event at `position` is known by for good: its id. None when no event stands there.
    fn mark(&mut self, position: Position) -> Result<Option<String>>;

    /// The highest position whose event was recorded at or before `time` with none later before it: where a
    /// replay "as of" `time` ends. [`Position::START`] when every event is later.
    fn position_at(&mut self, time: crate::event::Timestamp) -> Result<Position>;

    /// Visits the wanted events of `range` in log order until the visitor breaks.
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

/// Which events a scan visits, and which of their optional parts it reads.
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
