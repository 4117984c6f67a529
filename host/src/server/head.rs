//! The **head watch**: one thread follows the log, every projector waits on it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use crate::event::{Fault, Position, Result};
use crate::event_store::{Follower, Source};

/// How long the follower waits before it looks whether anyone still listens.
const PATIENCE: Duration = Duration::from_millis(200);

/// After a fault of the store, the follower rests this long.
const REST: Duration = Duration::from_secs(1);

/// A flag that asks a thread to stop; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks to stop, as soon as it is safe.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether a stop was asked for.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// The flag itself, for a signal's registration.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}

/// The newest known head of the log.
pub(super) struct HeadWatch {
    head: Mutex<Position>,
    moved: Condvar,
}

impl HeadWatch {
    /// Starts the thread, which ends when the watch is dropped. `trouble` hears what the store fails with.
    pub fn start(source: &dyn Source, trouble: impl Fn(Fault) + Send + 'static) -> Result<Arc<HeadWatch>> {
        let head = source.reader()?.head()?;
        let follower = source.follower()?;
        let watch = Arc::new(HeadWatch { head: Mutex::new(head), moved: Condvar::new() });
        let listener = Arc::downgrade(&watch);
        thread::Builder::new()
            .name("head".into())
            .spawn(move || follow(follower, head, listener, trouble))
            .map_err(|error| Fault::storage("starting a thread", error))?;
        Ok(watch)
    }

    /// The head as last seen.
    pub fn head(&self) -> Position {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the head is beyond `known`, `stop` is asked (see [`HeadWatch::nudge`]) or `patience` is over.
    pub fn wait(&self, known: Position, stop: &Stop, patience: Duration) -> Position {
        let head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let (head, _) = self
            .moved
            .wait_timeout_while(head, patience, |head| *head <= known && !stop.asked())
            .unwrap_or_else(PoisonError::into_inner);
        *head
    }

    /// Wakes all who wait, so that they look at their stop flags.
    pub fn nudge(&self) {
        let _head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        self.moved.notify_all();
    }

    fn moved_to(&self, head: Position) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = head;
        self.moved.notify_all();
    }
}

fn follow(mut follower: Box<dyn Follower>, mut known: Position, listener: Weak<HeadWatch>, trouble: impl Fn(Fault)) {
    loop {
        let seen = follower.wait(known, PATIENCE);
        let Some(watch) = listener.upgrade() else { return };
        match seen {
            Ok(head) if head > known => {
                known = head;
                watch.moved_to(head);
            }
            Ok(_) => {}
            Err(fault) => {
                trouble(fault);
                drop(watch);
                thread::sleep(REST);
            }
        }
    }
}
