//! Files that are no event store, or cannot be used as one.

use std::fs;

use projectionist::event::{ExpectedVersion, FaultKind};
use projectionist::event_store::sqlite::SqliteStore;
use rusqlite::Connection;

use crate::{event, scan, store, whole};

fn refused(path: &std::path::Path, message: &str) {
    let before = fs::read(path).unwrap();
    let fault = SqliteStore::open(path).err().expect("it is refused");
    assert_eq!(fault.kind, FaultKind::Storage);
    assert!(fault.message.contains(message), "{fault}");
    assert!(fault.hint.is_some());
    assert_eq!(fs::read(path).unwrap(), before, "the file was left as it is");
}

#[test]
fn foreign_files_are_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other");
    fs::write(&path, "this is a text, and a long one, so that it is no database by its header").unwrap();
    refused(&path, "not a database");

    let path = folder.path().join("other.sqlite");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    refused(&path, "not an event store");
}

#[test]
fn a_newer_format_is_refused() {
    let (folder, store) = store();
    drop(store);
    let path = folder.path().join("events.sqlite");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA user_version = 2; PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
    drop(other);
    refused(&path, "format 2");
}

#[test]
fn folders_are_created_and_an_empty_file_becomes_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/events.sqlite");
    SqliteStore::create(&path).unwrap().append("s", ExpectedVersion::Any, &[event("A", "1")]).unwrap();
    assert_eq!(scan(&SqliteStore::open(&path).unwrap(), &whole()).len(), 1);
    let path = folder.path().join("empty");
    fs::write(&path, "").unwrap();
    SqliteStore::create(&path).unwrap().append("s", ExpectedVersion::Any, &[event("A", "1")]).unwrap();
}

#[test]
fn a_folder_in_its_place_is_a_clear_fault() {
    let folder = tempfile::tempdir().unwrap();
    let fault = SqliteStore::open(folder.path()).err().unwrap();
    assert!(fault.hint.as_ref().unwrap().contains("may be read and written"), "{fault}");
}

#[test]
fn the_view_shows_events_with_their_names() {
    let (folder, store) = store();
    let mut new = event("Deposited", "{\"amount\":5}");
    new.id = Some("0197a2b1-0000-7000-8000-00000000abcd".into());
    new.time = Some("2013-01-01T05:00:00.25Z".parse().unwrap());
    store.append("acct-1", ExpectedVersion::Any, &[new]).unwrap();
    let row = Connection::open(folder.path().join("events.sqlite"))
        .unwrap()
        .query_row("SELECT position, stream, stream_version, type, time, id, data FROM event_log", [], |row| {
            Ok((
                (row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get::<_, String>(3)?),
                (row.get::<_, String>(4)?, row.get::<_, String>(5)?, row.get::<_, String>(6)?),
            ))
        })
        .unwrap();
    assert_eq!(row.0, (1, "acct-1".into(), 1, "Deposited".into()));
    let (time, id, data) = row.1;
    assert_eq!(time, "2013-01-01T05:00:00.250Z");
    assert_eq!((id.as_str(), data.as_str()), ("0197a2b1-0000-7000-8000-00000000abcd", "{\"amount\":5}"));
}

#[test]
fn what_something_else_broke_is_a_fault_at_its_position() {
    let (folder, store) = store();
    store.append("s", ExpectedVersion::Any, &[event("A", "1"), event("A", "2")]).unwrap();
    let other = Connection::open(folder.path().join("events.sqlite")).unwrap();
    other.execute_batch("UPDATE events SET data = CAST(x'FF' AS TEXT) WHERE position = 2").unwrap();
    let mut reader = projectionist::event_store::EventStore::reader(&store).unwrap();
    let range =
        projectionist::event::Range { after: projectionist::event::Position(0), through: reader.head().unwrap() };
    let mut visited = 0;
    let fault = reader
        .scan(range, &whole(), &mut |_| {
            visited += 1;
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .unwrap_err();
    assert_eq!((visited, fault.position), (1, Some(projectionist::event::Position(2))));
}
