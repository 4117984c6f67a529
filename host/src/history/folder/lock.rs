//! The **sealing lock**: one seals at a time, among all processes. The kernel lets go of it when the process dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use super::files::file_fault;
use crate::event::{Fault, Result};

const FILE: &str = "lock";
/// How long who repairs or removes segments waits for another who seals.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
const TRY_AGAIN: Duration = Duration::from_millis(2);

/// Held while segments are sealed or removed, until dropped.
pub(super) struct SealingLock {
    _file: File,
}

impl SealingLock {
    /// The lock of the folder, making the folder when it is missing; none when another has it and keeps it for
    /// longer than `patience`.
    pub fn take(folder: &Path, patience: Duration) -> Result<Option<SealingLock>> {
        let failed = |error| file_fault(format!("locking {}", folder.display()), &error);
        std::fs::create_dir_all(folder).map_err(failed)?;
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(FILE)).map_err(failed)?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(SealingLock { _file: file })),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if start.elapsed() >= patience => return Ok(None),
                Err(TryLockError::WouldBlock) => std::thread::sleep(TRY_AGAIN),
            }
        }
    }
}

/// What is said when somebody else keeps the lock.
pub(super) fn is_taken(folder: &Path) -> Fault {
    Fault::storage("sealing history", format!("somebody else works on {}", folder.display()))
        .retriable()
        .hint("wait until it is done")
}
