//! What the folder's files are **handled** with.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::event::{Fault, Result};
use crate::history::storage_fault::storage_fault;

pub(super) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(file_fault(format!("removing {}", path.display()), &error))
        }
        _ => Ok(()),
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a file of history failed with.
pub(super) fn file_fault(doing: String, error: &io::Error) -> Fault {
    storage_fault(&doing, error)
}
