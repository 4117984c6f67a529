//! A **stop** asks threads to end, as soon as it is safe.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A flag that asks to stop; cheap to clone, clones are the same flag.
#[derive(Clone, Default)]
pub struct Stop(Arc<Flag>);

#[derive(Default)]
struct Flag {
    asked: AtomicBool,
    wakers: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

impl Stop {
    /// Asks to stop.
    pub fn ask(&self) {
        self.0.asked.store(true, Ordering::Release);
        self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|wake| wake());
    }

    /// Whether a stop was asked for.
    pub fn asked(&self) -> bool {
        self.0.asked.load(Ordering::Acquire)
    }

    /// Calls this when a stop is asked for: for a thread that waits for something else.
    pub fn on_ask(&self, wake: impl Fn() + Send + 'static) {
        self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(wake));
    }

    /// For those who ask at each step whether to go on.
    pub(crate) fn flow(&self) -> ControlFlow<()> {
        match self.asked() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stop").field(&self.asked()).finish()
    }
}
