//! **Storage**: how SQLite files are opened here, and what its errors mean to a person.

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::event::{Cause, Fault, Result};
use crate::sqlite_file::open_for_reading;

/// How long a connection waits for another one's lock.
pub(super) const BUSY_MS: u64 = 5_000;

/// Opens an existing file, or makes one when `create` is set.
pub(super) fn connect(path: &Path, create: bool) -> Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
    open(path, flags)
}

/// Opens an existing file for reading only, also for a user who may not write beside it. It may be written to by another
/// connection meanwhile.
pub(super) fn connect_read_only(path: &Path) -> Result<Connection> {
    let opened = open_for_reading(path).map_err(|error| failed("cannot open", path, &error))?;
    let conn = opened.connection;
    conn.busy_timeout(Duration::from_millis(BUSY_MS)).map_err(|error| failed("cannot open", path, &error))?;
    pragmas(&conn, path, &[("query_only", "ON")])?;
    Ok(conn)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let conn = Connection::open_with_flags(path, flags).map_err(|error| failed("cannot open", path, &error))?;
    conn.busy_timeout(Duration::from_millis(BUSY_MS)).map_err(|error| failed("cannot open", path, &error))?;
    Ok(conn)
}

/// Sets pragmas, in order.
pub(super) fn pragmas(conn: &Connection, path: &Path, settings: &[(&str, &str)]) -> Result<()> {
    for (name, value) in settings {
        conn.pragma_update(None, name, value).map_err(|error| failed("cannot set up", path, &error))?;
    }
    Ok(())
}

/// A fault for an error of SQLite: `cannot write /…/3.sqlite: the disk is full`.
pub(super) fn failed(doing: &str, path: &Path, error: &rusqlite::Error) -> Fault {
    let what = format!("{doing} {}", path.display());
    // SQLite has one code for all reasons why a file cannot be opened, so the file itself is tried.
    let cannot_open_now = || std::fs::File::open(path).err().is_some_and(|error| error.may_pass());
    let fault = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Fault::storage(what, "the disk is full")
            .hint("free some space and try again; nothing that was committed is lost"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Fault::storage(what, format!("another process has kept it locked for {} s", BUSY_MS / 1000))
                .hint("close other programs that write to this file; reading it is always fine")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Fault::storage(what, message(error))
            .hint("the file is damaged; nothing in it is lost: a read model is built again by `projectionist rebuild NAME`, all of \
                   them and the catalogue once `data/catalogue.sqlite*` is removed and `projectionist project` run"),
        Some(ErrorCode::CannotOpen) if cannot_open_now() => Fault::storage(what, message(error))
            .hint("close some files, or raise the limit of open files (`ulimit -n`)")
            .retriable(),
        _ => Fault::storage(what, message(error)),
    };
    if error.may_pass() { fault.retriable() } else { fault }
}

/// A fault for a file that could not be written: `cannot write /…/3.sqlite: No space left on device`.
pub(super) fn not_written(path: &Path, error: &io::Error) -> Fault {
    not_stored(format!("cannot write {}", path.display()), error)
}

/// A fault for an error of the file system; those that pass may be tried again.
pub(super) fn not_stored(doing: String, error: &io::Error) -> Fault {
    let fault = Fault::storage(doing, error);
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => fault.hint("free some space and try again"),
        _ if cfg!(unix) && TOO_MANY_FILES.contains(&error.raw_os_error().unwrap_or_default()) => {
            fault.hint("let the host have more open files (`ulimit -n`)")
        }
        _ => fault,
    }
}

/// ENFILE and EMFILE.
const TOO_MANY_FILES: [i32; 2] = [23, 24];

/// SQLite's own words for an error.
pub(super) fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

/// Makes a folder's entries durable: names made, renamed and removed in it. Does nothing where folders cannot be
/// opened as files.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        std::fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| Fault::storage(format!("cannot make {} durable", folder.display()), error))?;
    }
    Ok(())
}
