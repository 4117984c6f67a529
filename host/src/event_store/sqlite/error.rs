//! SQLite's errors as faults that say what to do.

use std::path::Path;

use rusqlite::{Error, ErrorCode};

use crate::event::{Cause, Fault, sqlite_code_may_pass};

impl Cause for Error {
    fn may_pass(&self) -> bool {
        self.sqlite_error().is_some_and(|error| sqlite_code_may_pass(error.extended_code))
    }
}

/// Whether what keeps a file from being opened may pass. SQLite has one code for all reasons, so the file itself is
/// tried: too many open files may pass, a file that is not there does not.
fn opening_may_pass(path: &Path) -> bool {
    std::fs::File::open(path).err().is_some_and(|error| error.may_pass())
}

/// The fault for an error met while `doing` something with the store at `path`.
pub(super) fn storage(doing: &str, path: &Path, error: Error) -> Fault {
    let fault = Fault::storage(doing, &error);
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            fault.hint("another process is writing to the store; try again")
        }
        Some(ErrorCode::DiskFull) => {
            fault.hint(format!("the disk of {} is full: nothing was written; free some space", path.display()))
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            fault.hint(format!("make {} and its folder writable", path.display()))
        }
        Some(ErrorCode::CannotOpen) if opening_may_pass(path) => {
            fault.retriable().hint("close some files, or raise the limit of open files (`ulimit -n`)")
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
        Some(ErrorCode::SystemIoFailure) => fault.hint("the disk failed; see the system's log"),
        _ => fault,
    }
}
