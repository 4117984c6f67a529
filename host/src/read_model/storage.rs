//! **Storage**: how SQLite files are opened here, and what its errors mean to a person.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::event::{Cause, Fault, Result};

/// How long a connection waits for another one's lock.
pub(super) const BUSY_MS: u64 = 5_000;

/// Opens an existing file, or makes one when `create` is set.
pub(super) fn connect(path: &Path, create: bool) -> Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
    open(path, flags)
}

/// Opens an existing file for reading only. It may be written to by another connection meanwhile.
pub(super) fn connect_read_only(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = open(path, flags)?;
    pragmas(&conn, path, &[("query_only", "ON")])?;
    let is_readable = conn.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(())).is_ok();
    if is_readable || !may_only_read(path) {
        return Ok(conn);
    }
    let escaped = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    open(Path::new(&format!("file:{escaped}?immutable=1")), flags | OpenFlags::SQLITE_OPEN_URI)
}

/// Whether this user may read the file and not write beside it, and nobody else has it open: then SQLite cannot make
/// the files that reading a write-ahead log takes, and needs none of them.
fn may_only_read(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let is_writable = || std::fs::OpenOptions::new().write(true).open(path).is_ok();
    !Path::new(&log).exists() && std::fs::File::open(path).is_ok() && !is_writable()
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
    let code = error.sqlite_error_code();
    // SQLite has one code for all reasons why a file cannot be opened, so the file itself is tried.
    let cannot_open_now = || std::fs::File::open(path).err().is_some_and(|error| error.may_pass());
    let fault = match code {
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
