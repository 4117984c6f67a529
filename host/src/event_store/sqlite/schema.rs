//! The store's **schema**: what the file holds, and how it is recognised.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::connect::{BUSY_MAX, wait_when_busy};
use super::error::storage;
use crate::event::{Fault, Result};

/// Marks the file as ours (`PJEV`).
const APPLICATION_ID: i32 = 0x504A_4556;
/// The format that this program writes. It reads those before it, and brings a store up to it when it begins to write.
const FORMAT: i32 = 2;
/// The first format. It has no last versions of streams, and an index over streams and their versions instead.
const FIRST_FORMAT: i32 = 1;

const SCHEMA: &str = "
CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    last_version INTEGER NOT NULL DEFAULT 0  -- the stream_version of its last event
) STRICT;
CREATE TABLE types (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE events (
    position INTEGER PRIMARY KEY,        -- the place in the log, from 1, no gaps
    stream INTEGER NOT NULL,             -- streams.id
    stream_version INTEGER NOT NULL,     -- the place in the stream, from 1, no gaps
    type INTEGER NOT NULL,               -- types.id
    time INTEGER NOT NULL,               -- microseconds since 1970-01-01T00:00:00Z
    id ANY NOT NULL UNIQUE,              -- 16 bytes for a UUID, text otherwise
    data TEXT NOT NULL,                  -- JSON as recorded
    metadata TEXT                        -- JSON object as recorded
) STRICT;
CREATE VIEW event_log AS
    SELECT position, streams.name AS stream, stream_version, types.name AS type,
           strftime('%Y-%m-%dT%H:%M:%f', time / 1000000.0, 'unixepoch') || 'Z' AS time,
           CASE typeof(events.id) WHEN 'blob' THEN
               lower(substr(hex(events.id), 1, 8) || '-' || substr(hex(events.id), 9, 4) || '-' ||
                     substr(hex(events.id), 13, 4) || '-' || substr(hex(events.id), 17, 4) || '-' ||
                     substr(hex(events.id), 21))
           ELSE events.id END AS id,
           data, metadata
    FROM events JOIN streams ON streams.id = events.stream JOIN types ON types.id = events.type;
";

/// Makes the store when there is no file at `path`, or an empty one.
pub(super) fn create_if_missing(path: &Path) -> Result<()> {
    let about = std::fs::metadata(path);
    match about {
        Ok(about) if about.len() > 0 || about.is_dir() => Ok(()),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Fault::storage(format!("looking for {}", path.display()), error))
        }
        _ => create(path),
    }
}

/// What a file turns out to be.
#[derive(PartialEq)]
pub(super) enum Found {
    Store,
    /// Of an older format that can be read as it is.
    OlderStore,
    Empty,
}

pub(super) fn recognise(path: &Path, connection: &Connection) -> Result<Found> {
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i32>(0))
            .map_err(|e| storage(&format!("opening {}", path.display()), path, e))
    };
    let found = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    match found {
        (APPLICATION_ID, FORMAT) => Ok(Found::Store),
        (APPLICATION_ID, FIRST_FORMAT) => Ok(Found::OlderStore),
        (APPLICATION_ID, newer) => Err(Fault::storage(
            format!("opening {}", path.display()),
            format!("it is an event store of format {newer}, and this program knows format {FORMAT}"),
        )
        .hint("use the version of this program that wrote it, or a newer one")),
        (0, 0) if number("SELECT count(*) FROM sqlite_schema")? == 0 => Ok(Found::Empty),
        _ => Err(Fault::storage(
            format!("opening {}", path.display()),
            "it is a SQLite database, but not an event store",
        )
        .hint("name another file; this one was left as it is")),
    }
}

/// Brings a store of the first format up to this one: streams get their last versions. Its index over streams and
/// versions stays, since it cannot be taken off a table; it costs time at each append and nothing else.
pub(super) fn upgrade(path: &Path, connection: &mut Connection) -> Result<()> {
    let failed = |error| storage(&format!("bringing {} up to format {FORMAT}", path.display()), path, error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Another process may have been faster.
    if recognise(path, &transaction)? == Found::OlderStore {
        transaction
            .execute_batch(
                "ALTER TABLE streams ADD COLUMN last_version INTEGER NOT NULL DEFAULT 0;
                 UPDATE streams SET last_version =
                     coalesce((SELECT max(stream_version) FROM events WHERE stream = streams.id), 0);",
            )
            .map_err(failed)?;
        transaction.pragma_update(None, "user_version", FORMAT).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

fn create(path: &Path) -> Result<()> {
    let doing = format!("creating {}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Fault::storage(&doing, error))?;
    }
    let failed = |error| storage(&doing, path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    wait_when_busy(&mut connection).map_err(failed)?;
    // Before the first table: pages of 8 KiB scan and insert faster than those of 4.
    connection.pragma_update(None, "page_size", 8192).map_err(failed)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Another process may have been faster.
    if recognise(path, &transaction)? == Found::Empty {
        transaction.execute_batch(SCHEMA).map_err(failed)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        transaction.pragma_update(None, "user_version", FORMAT).map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    write_ahead(&connection).map_err(failed)
}

/// Changing the journal mode wants the file for itself for a moment and does not ask the busy handler.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let start = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
                    && start.elapsed() < BUSY_MAX =>
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            done => return done,
        }
    }
}
