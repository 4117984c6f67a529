//! The **bell**: rung in this process after each append, so that followers need not wait for their next look; and
//! nudged when the store's files are written to, which is worth a closer look.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::event::Position;

/// The highest head that this process has heard of, and how often the files were written to.
#[derive(Default)]
pub(super) struct CommitNotifier {
    heard: Mutex<Heard>,
    rung: Condvar,
}

/// What the bell has told so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Heard {
    pub head: Position,
    pub nudges: u64,
}

impl CommitNotifier {
    /// Says that the log goes up to `head`.
    pub fn ring(&self, head: Position) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.head < head {
            heard.head = head;
            self.rung.notify_all();
        }
    }

    /// Says that something is being written to the store's files.
    pub fn nudge(&self) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).nudges += 1;
        self.rung.notify_all();
    }

    /// Waits until the head is beyond `known` or there are other nudges than `nudges`, at most for `patience`.
    pub fn listen(&self, known: Position, nudges: u64, patience: Duration) -> Heard {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |heard: &mut Heard| heard.head <= known && heard.nudges == nudges;
        let waited = self.rung.wait_timeout_while(heard, patience, is_old);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
