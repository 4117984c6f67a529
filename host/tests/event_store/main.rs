//! The event store and what leads into and out of it, as a user of the library meets them.
//!
//! | module | what it shows |
//! | --- | --- |
//! | `contract` | what every event store does: written once, run on each adapter |
//! | `equal` | adapters against the in-memory store, under anything that is done to them |
//! | `files` | foreign, newer, damaged, read-only, missing files |
//! | `processes` | several processes, `kill -9` |
//! | `import` | JSON Lines and CloudEvents, arrays, bad lines, compressed files, importing again |

mod contract;
mod equal;
mod files;
mod processes;
mod import;

use std::ops::ControlFlow;
use std::sync::Arc;

use projectionist::event::{EventRef, NewEvent, Position, Range};
use projectionist::event_store::memory::MemoryStore;
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::event_store::{AppendableStore, EventStore, Wanted};
use tempfile::TempDir;

/// An empty store, and what it lies in, which goes away with the test.
struct Made {
    store: Arc<dyn AppendableStore>,
    _folder: Option<TempDir>,
}

fn sqlite() -> Made {
    let (folder, store) = store();
    Made { store: Arc::new(store), _folder: Some(folder) }
}

fn memory() -> Made {
    Made { store: Arc::new(MemoryStore::default()), _folder: None }
}

/// Positions that start late and have gaps, as other event stores have them.
fn sparse_memory() -> Made {
    Made { store: Arc::new(MemoryStore::with_positions(1_000_000_007, 991)), _folder: None }
}

/// A new SQLite store in a folder that goes away with the test.
fn store() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::create(folder.path().join("events.sqlite")).unwrap();
    (folder, store)
}

fn event(kind: &str, data: &str) -> NewEvent {
    NewEvent { kind: kind.into(), data: data.into(), metadata: None, id: None, time: None }
}

fn with_id(id: &str, kind: &str, data: &str) -> NewEvent {
    NewEvent { id: Some(id.into()), ..event(kind, data) }
}

/// An event with its text owned.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    position: u64,
    stream: String,
    stream_version: u64,
    kind: u16,
    type_name: String,
    time: i64,
    id: String,
    data: String,
    metadata: Option<String>,
}

impl From<EventRef<'_>> for Seen {
    fn from(event: EventRef<'_>) -> Self {
        Seen {
            position: event.position.0,
            stream: event.stream_name.into(),
            stream_version: event.stream_version.0,
            kind: event.kind.0,
            type_name: event.type_name.into(),
            time: event.time.0,
            id: event.id.into(),
            data: event.data.into(),
            metadata: event.metadata.map(str::to_owned),
        }
    }
}

/// Everything about every event.
fn whole() -> Wanted {
    Wanted { types: None, stream_prefix: None, streams: true, ids: true, metadata: true, data: true }
}

fn scan(store: &dyn EventStore, wanted: &Wanted) -> Vec<Seen> {
    let mut reader = store.reader().unwrap();
    let through = reader.head().unwrap();
    let mut seen = Vec::new();
    let range = Range { after: Position::START, through };
    let end = reader.scan(range, wanted, &mut |event| {
        seen.push(event.into());
        Ok(ControlFlow::Continue(()))
    });
    assert_eq!(end.unwrap(), through);
    seen
}
