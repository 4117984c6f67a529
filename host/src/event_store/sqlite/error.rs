//! SQLite's errors as faults that say what to do.

use std::path::Path;

use rusqlite::{Error, ErrorCode};

use crate::event::Fault;

/// The fault for an error met while `doing` something with the store at `path`.
pub(super) fn storage(doing: &str, path: &Path, error: Error) -> Fault {
    let fault = Fault::storage(doing, &error);
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            fault.retriable().hint("another process is writing to the store; try again")
        }
        Some(ErrorCode::DiskFull) => fault
            .retriable()
            .hint(format!("the disk of {} is full: nothing was written; free some space", path.display())),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            fault.hint(format!("make {} and its folder writable", path.display()))
        }
        Some(ErrorCode::CannotOpen) => fault.hint(format!(
            "check that {} is there, and that it and its folder may be read and written",
            path.display()
        )),
        Some(ErrorCode::NotADatabase) => {
            fault.hint("the file is not a SQLite database; name another file; this one was left as it is")
        }
        Some(ErrorCode::DatabaseCorrupt) => fault.hint(
            "the file is damaged; restore it from a backup, or save what can be read with `sqlite3 FILE .recover`",
        ),
        Some(ErrorCode::SystemIoFailure) => fault.retriable().hint("the disk failed; see the system's log"),
        _ => fault,
    }
}
