//! The **commit notifier** is told in this process of each append, so that followers need not wait for their next
//! look; and of writes to the store's files by anybody, which are worth a closer look.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::event::Position;

/// The highest head that this process knows of, and how often the files were written to.
#[derive(Default)]
pub(super) struct CommitNotifier {
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// What is known so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    pub head: Position,
    pub file_writes: u64,
}

impl CommitNotifier {
    /// Says that the log goes up to `head`.
    pub fn committed(&self, head: Position) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.head < head {
            seen.head = head;
            self.changed.notify_all();
        }
    }

    /// Says that something is being written to the store's files.
    pub fn file_written(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).file_writes += 1;
        self.changed.notify_all();
    }

    /// Waits until the head is beyond `known` or the files were written to more often than `file_writes`, at most for
    /// `patience`.
    pub fn wait(&self, known: Position, file_writes: u64, patience: Duration) -> Seen {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |seen: &mut Seen| seen.head <= known && seen.file_writes == file_writes;
        let waited = self.changed.wait_timeout_while(seen, patience, is_old);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
