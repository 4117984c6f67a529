//! What a **failed read or write** of history means, and what to do about it.

use std::io;

use crate::event::Fault;

/// What reading or writing history failed with, `doing` what.
pub(super) fn storage_fault(doing: &str, error: &io::Error) -> Fault {
    let fault = Fault::storage(doing, error).retriable();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            fault.hint("the disk is full; free some space: until then projections read from the event store, slower")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => fault.hint(
            "make the history folder writable, or set `enabled = false` under `[history]`: projections then read \
             from the event store, slower",
        ),
        _ => fault.hint("until that is mended, projections read from the event store, slower"),
    }
}
