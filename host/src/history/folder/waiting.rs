//! How many **wait** for the history, so that who seals in the background makes room.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many wait.
#[derive(Default)]
pub(super) struct Waiting(AtomicUsize);

/// One who waits; no more once dropped.
pub(super) struct Waiter<'a>(&'a Waiting);

impl Waiting {
    /// Whether somebody waits.
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// One more waits.
    pub fn enter(&self) -> Waiter<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Waiter(self)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
