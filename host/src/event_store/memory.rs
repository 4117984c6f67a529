//! The **in-memory event store**: the plain reference. It does what the traits say in the shortest way, and tests hold
//! the other adapters against it. Its positions can be made to start anywhere and to have gaps.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::append::{AppendableStore, BulkAppender, BulkEvent, BulkOutcome, Recorded, check_expected, conflict};
use super::check::check_name;
use super::read::{EventStore, Follower, Reader, Visit, Wanted};
use crate::event::{
    EventRef, ExpectedVersion, NewEvent, Position, Range, Result, StreamNumber, StreamVersion, Timestamp, TypeIndex,
    TypeNumber,
};

/// An event store that goes with its last clone.
#[derive(Clone)]
pub struct MemoryStore(Arc<Shared>);

struct Shared {
    log: Mutex<Log>,
    has_grown: Condvar,
}

#[derive(Clone, Default)]
struct Log {
    events: Vec<Stored>,
    by_id: HashMap<String, usize>,
    last_versions: HashMap<String, u64>,
    stream_numbers: HashMap<String, i64>,
    type_numbers: HashMap<String, i64>,
    next_position: u64,
    step: u64,
}

#[derive(Clone)]
struct Stored {
    position: Position,
    stream: String,
    stream_number: StreamNumber,
    stream_version: StreamVersion,
    kind: String,
    type_number: TypeNumber,
    time: Timestamp,
    id: String,
    data: String,
    metadata: Option<String>,
}

impl Default for MemoryStore {
    /// An empty store whose positions go from 1 on, without gaps.
    fn default() -> Self {
        MemoryStore::with_positions(1, 1)
    }
}

impl MemoryStore {
    /// An empty store whose first event stands at `first`, and each other `step` behind the one before; both from 1.
    pub fn with_positions(first: u64, step: u64) -> MemoryStore {
        let log = Log { next_position: first.max(1), step: step.max(1), ..Log::default() };
        MemoryStore(Arc::new(Shared { log: Mutex::new(log), has_grown: Condvar::new() }))
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a log in the place of the one there is.
    fn commit(&self, mut log: MutexGuard<'_, Log>, appended: Log) {
        *log = appended;
        drop(log);
        self.0.has_grown.notify_all();
    }
}

impl Log {
    fn head(&self) -> Position {
        self.events.last().map_or(Position::START, |last| last.position)
    }

    fn version(&self, stream: &str) -> StreamVersion {
        StreamVersion(self.last_versions.get(stream).copied().unwrap_or(0))
    }

    /// The event with this id, and whether it is the same as `event`.
    fn recorded(&self, event: &BulkEvent<'_>) -> Option<(&Stored, bool)> {
        let stored = &self.events[*self.by_id.get(&event.id.to_string())?];
        let is_same = stored.stream == event.stream
            && stored.kind == event.kind
            && stored.data == event.data
            && stored.metadata.as_deref() == event.metadata.as_deref()
            && event.time.is_none_or(|time| stored.time == time);
        Some((stored, is_same))
    }

    fn record(&mut self, event: &BulkEvent<'_>) -> &Stored {
        let last = self.last_versions.entry(event.stream.clone().into_owned()).or_default();
        *last += 1;
        let id = event.id.to_string();
        self.by_id.insert(id.clone(), self.events.len());
        self.events.push(Stored {
            position: Position(self.next_position),
            stream: event.stream.clone().into_owned(),
            stream_number: StreamNumber(number(&mut self.stream_numbers, &event.stream)),
            stream_version: StreamVersion(*last),
            kind: event.kind.clone().into_owned(),
            type_number: TypeNumber(number(&mut self.type_numbers, &event.kind)),
            time: event.time.unwrap_or_else(Timestamp::now),
            id,
            data: event.data.clone().into_owned(),
            metadata: event.metadata.clone().map(|metadata| metadata.into_owned()),
        });
        self.next_position += self.step;
        &self.events[self.events.len() - 1]
    }
}

impl EventStore for MemoryStore {
    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(self.clone()))
    }

    fn follower(&self) -> Result<Box<dyn Follower>> {
        Ok(Box::new(self.clone()))
    }
}

impl AppendableStore for MemoryStore {
    fn append(&self, stream: &str, expected: ExpectedVersion, events: &[NewEvent]) -> Result<Vec<Recorded>> {
        check_name("stream", stream)?;
        let checked = events.iter().map(|event| BulkEvent::checked(stream, event)).collect::<Result<Vec<_>>>()?;
        let log = self.log();
        let mut appended = log.clone();
        let is_as_expected = || check_expected(stream, expected, log.version(stream));
        let mut recorded = Vec::new();
        for event in &checked {
            recorded.push(match appended.recorded(event) {
                Some((stored, true)) => at(stored, true),
                Some((stored, false)) => return Err(conflict(&event.id, stored.position)),
                None => {
                    is_as_expected()?;
                    at(appended.record(event), false)
                }
            });
        }
        if checked.is_empty() {
            is_as_expected()?;
        }
        self.commit(log, appended);
        Ok(recorded)
    }

    fn bulk_appender(&self) -> Result<Box<dyn BulkAppender>> {
        Ok(Box::new(self.clone()))
    }
}

fn at(stored: &Stored, already_there: bool) -> Recorded {
    Recorded { position: stored.position, stream_version: stored.stream_version, already_there }
}

impl BulkAppender for MemoryStore {
    fn append(&mut self, events: &[BulkEvent<'_>]) -> Result<Vec<BulkOutcome>> {
        let log = self.log();
        let mut appended = log.clone();
        let mut outcomes = Vec::new();
        for event in events {
            outcomes.push(match appended.recorded(event) {
                Some((_, true)) => BulkOutcome::AlreadyThere,
                Some((stored, false)) => BulkOutcome::Conflict(stored.position),
                None => BulkOutcome::Added(appended.record(event).position),
            });
            if matches!(outcomes.last(), Some(BulkOutcome::Conflict(_))) {
                break;
            }
        }
        self.commit(log, appended);
        Ok(outcomes)
    }
}

/// The number of a name, given when it is first met.
fn number(numbers: &mut HashMap<String, i64>, name: &str) -> i64 {
    let next = numbers.len() as i64 + 1;
    *numbers.entry(name.to_owned()).or_insert(next)
}

impl Reader for MemoryStore {
    fn head(&mut self) -> Result<Position> {
        Ok(self.log().head())
    }

    fn event_id(&mut self, position: Position) -> Result<Option<String>> {
        Ok(self.log().events.iter().find(|event| event.position == position).map(|event| event.id.clone()))
    }

    fn position_at(&mut self, time: Timestamp) -> Result<Position> {
        let log = self.log();
        let last = log.events.iter().take_while(|event| event.time <= time).last();
        Ok(last.map_or(Position::START, |last| last.position))
    }

    fn scan(&mut self, range: Range, wanted: &Wanted, visit: &mut Visit<'_>) -> Result<Position> {
        let events: Vec<Stored> = self.log().events.clone();
        for event in events.iter().filter(|event| range.after < event.position && event.position <= range.through) {
            let kind = match &wanted.types {
                None => Some(0),
                Some(types) => types.iter().position(|name| *name == event.kind),
            };
            let is_in_stream = wanted.stream_prefix.as_ref().is_none_or(|prefix| event.stream.starts_with(prefix));
            let Some(kind) = kind.filter(|_| is_in_stream) else { continue };
            let visited = EventRef {
                position: event.position,
                stream: event.stream_number,
                stream_name: if wanted.streams { &event.stream } else { "" },
                stream_version: event.stream_version,
                kind: TypeIndex(kind as u16),
                type_number: event.type_number,
                type_name: &event.kind,
                time: event.time,
                id: if wanted.ids { &event.id } else { "" },
                data: if wanted.data { &event.data } else { "" },
                metadata: event.metadata.as_deref().filter(|_| wanted.metadata),
            };
            if let ControlFlow::Break(()) = visit(visited)? {
                return Ok(event.position);
            }
        }
        Ok(range.through)
    }
}

impl Follower for MemoryStore {
    fn wait(&mut self, known: Position, patience: Duration) -> Result<Position> {
        let start = Instant::now();
        let mut log = self.log();
        loop {
            let left = patience.saturating_sub(start.elapsed());
            if log.head() > known || left.is_zero() {
                return Ok(log.head());
            }
            log = self.0.has_grown.wait_timeout(log, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
