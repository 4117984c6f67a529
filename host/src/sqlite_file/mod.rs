//! **SQLite files** that are opened for reading, by users who may not write beside them too.
//!
//! A reader of a file in WAL mode keeps two files beside it, and SQLite refuses to read where it can neither find nor
//! make them. When nobody has the file open there is nothing in them, and the file can be read as one that does not
//! change ("immutable"), as long as nobody begins to write to it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// How long to wait for another's lock while opening.
const BUSY: Duration = Duration::from_secs(5);

/// A connection for reading.
pub(crate) struct ReadConnection {
    /// The connection.
    pub connection: Connection,
    /// The write-ahead log that must stay empty, when the file is read as one that does not change.
    empty_log: Option<PathBuf>,
}

impl ReadConnection {
    /// Whether what is read may be torn: somebody has begun to write to a file that is read as one that does not
    /// change. Opening it again helps.
    pub fn is_outdated(&self) -> bool {
        self.empty_log.as_deref().is_some_and(|log| !is_empty(log))
    }
}

/// Opens the file at `path`, which must be there, and reads its header. The caller sets the connection up.
pub(crate) fn open_for_reading(path: &Path) -> rusqlite::Result<ReadConnection> {
    // For writing too: SQLite falls back by itself when the file may only be read.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(read_header);
    let log = write_ahead_log(path);
    match opened {
        Err(error) if may_only_read(&error) && path.is_file() && is_empty(&log) => {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
            let connection = Connection::open_with_flags(immutable(path), flags).and_then(read_header)?;
            Ok(ReadConnection { connection, empty_log: Some(log) })
        }
        Err(error) => Err(error),
        Ok(connection) => Ok(ReadConnection { connection, empty_log: None }),
    }
}

fn read_header(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(BUSY)?;
    connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
    Ok(connection)
}

fn may_only_read(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied))
}

fn write_ahead_log(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

fn is_empty(log: &Path) -> bool {
    std::fs::metadata(log).map_or(true, |about| about.len() == 0)
}

/// The URI of a file that does not change.
fn immutable(path: &Path) -> String {
    let mut uri = String::from("file:");
    for character in path.to_string_lossy().chars() {
        match character {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            other => uri.push(other),
        }
    }
    uri + "?immutable=1"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_immutable_file_is_outdated_once_somebody_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a %#?.sqlite");
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
        drop(writer);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(immutable(&path), flags).unwrap();
        let reader = ReadConnection { connection, empty_log: Some(write_ahead_log(&path)) };
        assert_eq!(reader.connection.query_row("SELECT a FROM t", [], |row| row.get(0)), Ok(1));
        assert!(!reader.is_outdated());
        Connection::open(&path).unwrap().execute_batch("INSERT INTO t VALUES (2)").unwrap();
        assert!(!reader.is_outdated(), "the log is gone again with its last connection");
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("INSERT INTO t VALUES (3)").unwrap();
        assert!(reader.is_outdated());
    }
}
