//! **Appending** to an event store: a few events to one stream, or many to any.

use std::borrow::Cow;

use super::check::check_event;
use super::id::EventId;
use super::read::EventStore;
use crate::event::{ExpectedVersion, Fault, NewEvent, Position, Result, StreamVersion, Timestamp};

/// An event store that takes events.
///
/// Each event is recorded once by its id. Both ways of appending are durable when they return, and followers hear of
/// what they recorded.
pub trait AppendableStore: EventStore {
    /// Appends `events` to `stream`, all or none, and returns where each stands, in their order.
    ///
    /// An event whose id is recorded already, with the same stream, type, payload and metadata (and time, when it
    /// names one), is not recorded again: the answer says where it stands and that it was there. `expected` is
    /// asked of the stream only when something new is to be recorded, so a retried append is harmless.
    ///
    /// Faults: input that breaks a rule (names that are not empty and have at most
    /// [`NAME_BYTES_MAX`](super::NAME_BYTES_MAX) bytes, payloads that are JSON of at most
    /// [`PAYLOAD_BYTES_MAX`](super::PAYLOAD_BYTES_MAX) and [`JSON_DEPTH_MAX`](super::JSON_DEPTH_MAX), metadata a JSON
    /// object), an id recorded with another event, a stream that is not as expected; storage that is busy
    /// (retriable), full, read-only or broken.
    fn append(&self, stream: &str, expected: ExpectedVersion, events: &[NewEvent]) -> Result<Vec<Recorded>>;

    /// A connection of its own for recording many events.
    fn bulk_appender(&self) -> Result<Box<dyn BulkAppender>>;
}

/// Records many events of any streams.
pub trait BulkAppender: Send {
    /// Records `events` in their order, each at the end of its stream, in one transaction, and says what became of
    /// each. After a [`Conflict`](BulkOutcome::Conflict) it goes no further: what came before is recorded, and the
    /// outcomes end with the conflict. A fault records none.
    ///
    /// The caller has checked the events as [`AppendableStore::append`] does.
    fn append(&mut self, events: &[BulkEvent<'_>]) -> Result<Vec<BulkOutcome>>;
}

/// An event to be recorded, with its stream.
#[derive(Clone, Debug)]
pub struct BulkEvent<'a> {
    /// The stream it is appended to.
    pub stream: Cow<'a, str>,
    /// The event type.
    pub kind: Cow<'a, str>,
    /// The payload as JSON text, kept byte for byte.
    pub data: Cow<'a, str>,
    /// The metadata as JSON text, kept byte for byte.
    pub metadata: Option<Cow<'a, str>>,
    /// Its id.
    pub id: EventId<'a>,
    /// When it happened; absent: now, and any time will do when the event is recorded already.
    pub time: Option<Timestamp>,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkOutcome {
    /// It is recorded there.
    Added(Position),
    /// The same event was recorded before.
    AlreadyThere,
    /// Its id is recorded there, with another event.
    Conflict(Position),
}

/// Where an appended event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place in the log.
    pub position: Position,
    /// Its place in its stream.
    pub stream_version: StreamVersion,
    /// Whether it stood there before this append.
    pub already_there: bool,
}

impl<'a> BulkEvent<'a> {
    /// A new event of `stream`, checked, with an id made up when it has none.
    pub(super) fn checked(stream: &'a str, event: &'a NewEvent) -> Result<BulkEvent<'a>> {
        check_event(event)?;
        Ok(BulkEvent {
            stream: stream.into(),
            kind: event.kind.as_str().into(),
            data: event.data.as_str().into(),
            metadata: event.metadata.as_deref().map(Into::into),
            id: match &event.id {
                Some(id) => EventId::from(Cow::from(id)),
                None => EventId::made_up(),
            },
            time: event.time,
        })
    }
}

/// Whether a stream whose last version is `last` is as expected.
pub(super) fn check_expected(stream: &str, expected: ExpectedVersion, last: StreamVersion) -> Result<()> {
    let wanted = match expected {
        ExpectedVersion::Any => return Ok(()),
        ExpectedVersion::None => StreamVersion(0),
        ExpectedVersion::Exactly(wanted) => wanted,
    };
    if last == wanted {
        return Ok(());
    }
    let message = match wanted {
        StreamVersion(0) => format!("stream `{stream}` was expected to have no events and is at version {last}"),
        wanted => format!("stream `{stream}` was expected at version {wanted} and is at version {last}"),
    };
    Err(Fault::input(message)
        .hint("somebody else appended: read the stream again, decide anew, and append to its last version"))
}

/// The fault of an id that is recorded at `position` with another event.
pub(super) fn conflict(id: &EventId<'_>, position: Position) -> Fault {
    super::check::refused(format!("event id `{id}` is recorded already, with another event"))
        .at(position)
        .hint("give each event an id of its own; only a retry of the same event may use it again")
}
