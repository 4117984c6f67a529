//! **Connections** to the store: how they are opened and set up for what they are for.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::cache_sizes::CacheSizes;
use super::error::storage;
use super::schema::{Found, recognise, upgrade};
use crate::event::{Blame, Fault, FaultKind, Result};
use crate::sqlite_file::{ReadConnection, open_for_reading};

/// How long a writer waits for another process's transaction.
pub(super) const BUSY_MAX: Duration = Duration::from_secs(10);

/// What is set, on which connections, and why.
const PRAGMAS: [(Use, &str, &str); 8] = [
    (Use::Writing, "synchronous", "FULL"), // in WAL mode, NORMAL may lose the last commits in a power cut
    (Use::Writing, "wal_autocheckpoint", "4000"), // pages; fewer and longer checkpoints write less in all
    (Use::Writing, "journal_size_limit", "67108864"), // bytes; the WAL of a large import shrinks again
    (Use::Writing, "temp_store", "MEMORY"), // no files beside the store
    (Use::BulkWriting, "wal_autocheckpoint", "16000"), // pages of all streams change in each transaction
    (Use::Reading, "query_only", "ON"),    // a reader that writes would be a bug
    (Use::Reading, "cache_size", "-4096"), // KiB; a scan reads each page once
    (Use::Reading, "mmap_size", "0"),      // a mapped log would count as resident memory, once for each reader
];

/// What a connection is for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Use {
    Reading,
    Writing,
    /// Writing much: as for writing, and more.
    BulkWriting,
}

impl Use {
    /// Whether what is set for `other` is set for this too.
    fn includes(self, other: Use) -> bool {
        self == other || (self == Use::BulkWriting && other == Use::Writing)
    }

    /// What a writer may take. SQLite allocates pages as it needs them.
    pub fn cache_sizes(self) -> CacheSizes {
        match self {
            Use::Reading | Use::Writing => CacheSizes::SMALL,
            Use::BulkWriting => CacheSizes::for_many_events(),
        }
    }
}

/// Faults when there is no store at `path`, or one that cannot be read.
pub(super) fn check(path: &Path) -> Result<()> {
    connect_for_reading(path).map(|_| ())
}

/// A connection that writes to the store at `path`, which must be there.
pub(super) fn connect(path: &Path, purpose: Use) -> Result<Connection> {
    must_exist(path)?;
    let failed = |error| storage(&opening(path), path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let (mut connection, found) = set_up(Connection::open_with_flags(path, flags).map_err(failed)?, path, purpose)?;
    if found == Found::OlderStore {
        upgrade(path, &mut connection)?;
    }
    Ok(connection)
}

/// A connection that reads the store at `path`, which must be there, also for a user who may not write.
pub(super) fn connect_for_reading(path: &Path) -> Result<ReadConnection> {
    must_exist(path)?;
    let mut opened = open_for_reading(path).map_err(|error| storage(&opening(path), path, error))?;
    (opened.connection, _) = set_up(opened.connection, path, Use::Reading)?;
    Ok(opened)
}

fn set_up(mut connection: Connection, path: &Path, purpose: Use) -> Result<(Connection, Found)> {
    let failed = |error| storage(&opening(path), path, error);
    wait_when_busy(&mut connection).map_err(failed)?;
    for (_, name, value) in PRAGMAS.iter().filter(|(whose, ..)| purpose.includes(*whose)) {
        connection.pragma_update(None, name, value).map_err(failed)?;
    }
    if purpose != Use::Reading {
        let kib = purpose.cache_sizes().page_bytes >> 10;
        connection.pragma_update(None, "cache_size", format!("-{kib}")).map_err(failed)?;
    }
    connection.set_prepared_statement_cache_capacity(32);
    match recognise(path, &connection)? {
        Found::Empty => Err(missing(path, "the file is empty")),
        found => Ok((connection, found)),
    }
}

/// Opening a path that holds nothing would otherwise be told as a file that may not be read.
fn must_exist(path: &Path) -> Result<()> {
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(missing(path, "there is no such file")),
        Err(error) => Err(Fault::storage(opening(path), error)),
    }
}

fn missing(path: &Path, why: &str) -> Fault {
    Fault::new(FaultKind::Storage, format!("there is no event store at {}: {why}", path.display()))
        .blame(Blame::Operator)
        .hint("put it back from a backup; was it moved?")
}

fn opening(path: &Path) -> String {
    format!("opening {}", path.display())
}

/// Tries again each millisecond. SQLite's own handler backs off to 100 ms and would starve beside a long import,
/// which leaves the lock free for a few milliseconds at a time.
pub(super) fn wait_when_busy(connection: &mut Connection) -> rusqlite::Result<()> {
    let mut since = Instant::now();
    connection.busy_handler(Some(move |tries: i32| {
        if tries == 0 {
            since = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(1));
        since.elapsed() < BUSY_MAX
    }))
}
