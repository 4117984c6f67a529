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
    other.execute_batch("PRAGMA user_version = 3; PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
    drop(other);
    refused(&path, "format 3");
}

/// A store as the first versions of this program made it, with two events of `s` and one of `t`.
fn of_the_first_format(path: &std::path::Path) {
    Connection::open(path)
        .unwrap()
        .execute_batch(
            "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; BEGIN;
             CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
             CREATE TABLE types (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
             CREATE TABLE events (
                 position INTEGER PRIMARY KEY, stream INTEGER NOT NULL, stream_version INTEGER NOT NULL,
                 type INTEGER NOT NULL, time INTEGER NOT NULL, id ANY NOT NULL UNIQUE, data TEXT NOT NULL,
                 metadata TEXT, UNIQUE (stream, stream_version)
             ) STRICT;
             PRAGMA application_id = 0x504A4556; PRAGMA user_version = 1;
             INSERT INTO streams VALUES (1, 's'), (2, 't'), (3, 'empty'); INSERT INTO types VALUES (1, 'A');
             INSERT INTO events VALUES (1, 1, 1, 1, 5, 'a', '1', NULL), (2, 2, 1, 1, 5, 'b', '2', NULL),
                                       (3, 1, 2, 1, 5, 'c', '3', NULL);
             COMMIT;",
        )
        .unwrap();
}

#[test]
fn a_store_of_the_first_format_is_read_as_it_is_and_goes_on_when_it_is_written_to() {
    use projectionist::event::StreamVersion;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.sqlite");
    of_the_first_format(&path);
    let format = || Connection::open(&path).unwrap().query_row("PRAGMA user_version", [], |row| row.get::<_, i32>(0));
    let store = SqliteStore::open(&path).unwrap();
    let before = scan(&store, &whole());
    assert_eq!((before.len(), before[2].stream.as_str(), before[2].stream_version), (3, "s", 2));
    assert_eq!(format(), Ok(1), "reading changes nothing");
    for (stream, last) in [("s", 2), ("t", 1), ("empty", 0), ("new", 0)] {
        let expected = ExpectedVersion::Exactly(StreamVersion(last));
        let recorded = store.append(stream, expected, &[event("A", "1"), event("A", "2")]).unwrap();
        assert_eq!(recorded[1].stream_version, StreamVersion(last + 2), "{stream}");
    }
    assert_eq!(format(), Ok(2));
    let after = scan(&SqliteStore::open(&path).unwrap(), &whole());
    assert_eq!((&after[..3], after.len()), (&before[..], 11));
}

#[test]
fn what_streams_end_with_is_what_their_events_say() {
    let (folder, store) = store();
    for n in 0..50 {
        let stream = format!("s{}", n % 7);
        // Half of them by another connection, which knows nothing of the first.
        let other = if n % 2 == 0 { store.clone() } else { SqliteStore::open(store.path()).unwrap() };
        other.append(&stream, ExpectedVersion::Any, &[event("A", "1"), event("A", "2")]).unwrap();
    }
    let wrong: i64 = Connection::open(folder.path().join("events.sqlite"))
        .unwrap()
        .query_row(
            "SELECT count(*) FROM streams
             WHERE last_version <> (SELECT max(stream_version) FROM events WHERE stream = streams.id)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(wrong, 0);
    assert_eq!(scan(&store, &whole()).len(), 100);
}

#[test]
fn a_stream_whose_only_event_is_refused_is_not_made() {
    let (folder, store) = store();
    let mut bulk = projectionist::event_store::AppendableStore::bulk_appender(&store).unwrap();
    let event_of = |stream: &'static str, id: &'static str| projectionist::event_store::BulkEvent {
        stream: stream.into(),
        kind: "A".into(),
        data: "1".into(),
        metadata: None,
        id: projectionist::event_store::EventId::from(std::borrow::Cow::from(id)),
        time: None,
    };
    bulk.append(&[event_of("s", "x")]).unwrap();
    assert_eq!(bulk.append(&[event_of("t", "x"), event_of("u", "y")]).unwrap().len(), 1, "it ends at the conflict");
    let streams = || -> Vec<String> {
        let other = Connection::open(folder.path().join("events.sqlite")).unwrap();
        let mut names = other.prepare("SELECT name FROM streams ORDER BY id").unwrap();
        names.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(streams(), ["s"]);
    // Another connection makes it meanwhile; both go on.
    store.append("t", ExpectedVersion::None, &[event("A", "1")]).unwrap();
    bulk.append(&[event_of("t", "z"), event_of("u", "y"), event_of("s", "w")]).unwrap();
    assert_eq!(streams(), ["s", "t", "u"]);
    let versions: Vec<(String, u64)> =
        scan(&store, &whole()).into_iter().map(|event| (event.stream, event.stream_version)).collect();
    let expected = [("s", 1), ("t", 1), ("t", 2), ("u", 1), ("s", 2)];
    assert_eq!(versions, expected.map(|(stream, version)| (stream.to_owned(), version)));
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
