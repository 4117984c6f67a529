//! The event store and what leads into and out of it, as a user of the library meets them.
//!
//! | module | what it shows |
//! | --- | --- |
//! | `append` | expected versions, retries, what is refused |
//! | `files` | foreign, newer, damaged, read-only files |
//! | `processes` | several processes, `kill -9` |
//! | `scan` | what a reader and a follower see |
//! | `import` | JSON Lines and CloudEvents, bad lines, compressed files, importing again |
//! | `shred` | any JSON comes back from columns, under any cut |
//! | `generate` | the JSON that it is tried with |
//! | `reference` | the slow reading of JSON that it is compared with |

mod append;
mod files;
mod processes;
mod scan;
mod import;
mod shred;
mod generate;
mod reference;

use std::ops::ControlFlow;

use projectionist::event::{EventRef, NewEvent, Position, Range};
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::event_store::{Source, Wanted};
use tempfile::TempDir;

/// A new store in a folder that goes away with the test.
fn store() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("events.sqlite")).unwrap();
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

/// SegmentBuilder about every event.
fn whole() -> Wanted {
    Wanted { types: None, stream_prefix: None, streams: true, ids: true, metadata: true, data: true }
}

fn scan(store: &SqliteStore, wanted: &Wanted) -> Vec<Seen> {
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
