//! The store's **schema**: what the file holds, how it is recognised, and how connections to it are set up.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::storage;
use crate::event::{Fault, Result};

/// Marks the file as ours (`PJEV`).
const APPLICATION_ID: i32 = 0x504A_4556;
/// The format that this program writes and the only one it reads.
const FORMAT: i32 = 1;
/// How long a writer waits for another process's transaction.
const BUSY_MS_MAX: u64 = 10_000;

const SCHEMA: &str = "
CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE types (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE events (
    position INTEGER PRIMARY KEY,        -- the place in the log, from 1, no gaps
    stream INTEGER NOT NULL,             -- streams.id
    stream_version INTEGER NOT NULL,     -- the place in the stream, from 1, no gaps
    type INTEGER NOT NULL,               -- types.id
    time INTEGER NOT NULL,               -- microseconds since 1970-01-01T00:00:00Z
    id ANY NOT NULL UNIQUE,              -- 16 bytes for a UUID, text otherwise
    data TEXT NOT NULL,                  -- JSON as recorded
    metadata TEXT,                       -- JSON object as recorded
    UNIQUE (stream, stream_version)
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

/// What is set, on which connections, and why.
const PRAGMAS: [(Use, &str, &str); 9] = [
    (Use::BuildWriter, "synchronous", "FULL"), // in WAL mode, NORMAL may lose the last commits in a power cut
    (Use::BuildWriter, "cache_size", "-65536"), // KiB; it is allocated as it is needed
    (Use::BuildWriter, "wal_autocheckpoint", "4000"), // pages; fewer and longer checkpoints write less in all
    (Use::BuildWriter, "journal_size_limit", "67108864"), // bytes; the WAL of a large import shrinks again
    (Use::BuildWriter, "temp_store", "MEMORY"), // no files beside the store
    (Use::Importing, "cache_size", "-196608"), // KiB; a page of the index for each of 10,000 streams, and the rest
    (Use::Reading, "query_only", "ON"),        // a reader that writes would be a bug
    (Use::Reading, "cache_size", "-4096"),     // KiB; a scan reads each page once
    (Use::Reading, "mmap_size", "0"),          // a mapped log would count as resident memory, once for each reader
];

/// What a connection is for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Use {
    Reading,
    BuildWriter,
    /// BuildWriter much: as for writing, and more.
    Importing,
}

impl Use {
    /// Whether what is set for `other` is set for this too.
    fn includes(self, other: Use) -> bool {
        self == other || (self == Use::Importing && other == Use::BuildWriter)
    }
}

/// Creates the store when there is none at `path`; refuses what is no store of ours.
pub(super) fn prepare(path: &Path) -> Result<()> {
    if !path.try_exists().map_err(|error| Fault::storage(format!("looking for {}", path.display()), error))? {
        create(path)?;
    }
    let connection = connection(path, Use::Reading)?;
    if recognise(path, &connection)? == Found::Empty {
        drop(connection);
        create(path)?;
    }
    Ok(())
}

/// A connection to the store at `path`, which must be there.
pub(super) fn open(path: &Path, purpose: Use) -> Result<Connection> {
    let mut connection = connection(path, purpose)?;
    let mut found = recognise(path, &connection);
    if found.is_err() && purpose == Use::Reading && may_only_read(path) {
        connection = unchanging(path)?;
        found = recognise(path, &connection);
    }
    match found? {
        Found::Store => Ok(connection),
        Found::Empty => Err(Fault::storage(format!("opening {}", path.display()), "the file is empty")),
    }
}

fn connection(path: &Path, purpose: Use) -> Result<Connection> {
    let doing = || format!("opening {}", path.display());
    // Readers too open for writing: in WAL mode they keep the shared-memory file. SQLite falls back by itself when
    // the file may only be read.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|e| storage(&doing(), path, e))?;
    wait_when_busy(&mut connection).map_err(|e| storage(&doing(), path, e))?;
    for (_, name, value) in PRAGMAS.iter().filter(|(whose, ..)| purpose.includes(*whose)) {
        connection.pragma_update(None, name, value).map_err(|e| storage(&doing(), path, e))?;
    }
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Whether this user may read the store and not write beside it, and nobody else has it open: then SQLite cannot make
/// the files that reading a write-ahead log takes, and needs none of them.
fn may_only_read(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let is_writable = || std::fs::OpenOptions::new().write(true).open(path).is_ok();
    !Path::new(&log).exists() && std::fs::File::open(path).is_ok() && !is_writable()
}

/// A connection to a file that does not change while it is read.
fn unchanging(path: &Path) -> Result<Connection> {
    let escaped = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)
        .map_err(|e| storage(&format!("opening {}", path.display()), path, e))
}

/// Tries again each millisecond. SQLite's own handler backs off to 100 ms and would starve beside a long import,
/// which leaves the lock free for a few milliseconds at a time.
fn wait_when_busy(connection: &mut Connection) -> rusqlite::Result<()> {
    let mut since = Instant::now();
    connection.busy_handler(Some(move |tries: i32| {
        if tries == 0 {
            since = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(1));
        since.elapsed() < Duration::from_millis(BUSY_MS_MAX)
    }))
}

#[derive(PartialEq)]
enum Found {
    Store,
    Empty,
}

fn recognise(path: &Path, connection: &Connection) -> Result<Found> {
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i32>(0))
            .map_err(|e| storage(&format!("opening {}", path.display()), path, e))
    };
    let found = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    match found {
        (APPLICATION_ID, FORMAT) => Ok(Found::Store),
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
                    && start.elapsed() < Duration::from_millis(BUSY_MS_MAX) =>
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            done => return done,
        }
    }
}
