//! The **bell**: rung in this process after each append, so that followers need not wait for their next look.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::event::Position;

/// The highest head that this process has heard of.
#[derive(Default)]
pub(super) struct Bell {
    head: Mutex<Position>,
    rung: Condvar,
}

impl Bell {
    /// Says that the log goes up to `head`.
    pub fn ring(&self, head: Position) {
        let mut known = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        if *known < head {
            *known = head;
            self.rung.notify_all();
        }
    }

    /// Waits until the head is beyond `known`, at most for `patience`; the head that was last heard of.
    pub fn listen(&self, known: Position, patience: Duration) -> Position {
        let head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.rung.wait_timeout_while(head, patience, |head| *head <= known);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
