//! The **head watch**: one thread follows the log, every projector waits on it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::stop::Stop;
use crate::event::{Blame, Fault, FaultKind, Position, Result};
use crate::event_store::{Follower, Source};

/// How long the follower waits before it looks whether anyone still listens.
const PATIENCE: Duration = Duration::from_secs(1);

/// After a fault of the store, the follower rests this long.
const REST: Duration = Duration::from_secs(1);

/// The newest known head of the log.
pub(super) struct HeadWatch {
    head: Mutex<Position>,
    moved: Condvar,
}

impl HeadWatch {
    /// Starts the thread, which ends when the watch is dropped. `warn` is called with what the store fails with.
    pub fn start(source: Arc<dyn Source>, warn: impl Fn(Fault) + Send + 'static) -> Result<Arc<HeadWatch>> {
        let head = source.reader()?.head()?;
        let watch = Arc::new(HeadWatch { head: Mutex::new(head), moved: Condvar::new() });
        let listener = Arc::downgrade(&watch);
        thread::Builder::new()
            .name("head".into())
            .spawn(move || keep_following(&*source, head, &listener, &warn))
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

/// Follows the log until nobody listens any more. A follower that panics is replaced by another; one that fails goes
/// on, since a new one would take a file that was put in the place of the log for the log.
fn keep_following(source: &dyn Source, mut known: Position, listener: &Weak<HeadWatch>, warn: &dyn Fn(Fault)) {
    loop {
        let followed = catch_unwind(AssertUnwindSafe(|| {
            follow(source.follower()?, &mut known, listener, warn);
            Ok(())
        }));
        let fault = match followed {
            Ok(Ok(())) => return,
            Ok(Err(fault)) => fault,
            Err(_) => Fault::new(FaultKind::Storage, "following the log panicked; it starts over")
                .blame(Blame::Host)
                .hint("this is a bug in projectionist: please report it with what was logged"),
        };
        warn(fault);
        thread::sleep(REST);
    }
}

/// Returns once nobody listens any more.
fn follow(mut follower: Box<dyn Follower>, known: &mut Position, listener: &Weak<HeadWatch>, warn: &dyn Fn(Fault)) {
    loop {
        let seen = follower.wait(*known, PATIENCE);
        let Some(watch) = listener.upgrade() else { return };
        match seen {
            Ok(head) if head > *known => {
                *known = head;
                watch.moved_to(head);
            }
            Ok(_) => {}
            Err(fault) => {
                drop(watch);
                warn(fault);
                thread::sleep(REST);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::event::{ExpectedVersion, NewEvent};
    use crate::event_store::Reader;
    use crate::event_store::sqlite::SqliteStore;

    /// A store whose first followers panic and fail.
    struct Fragile {
        store: SqliteStore,
        followers: AtomicUsize,
    }

    struct Panics;

    impl Follower for Panics {
        fn wait(&mut self, _: Position, _: Duration) -> Result<Position> {
            panic!("a follower that panics")
        }
    }

    impl Source for Fragile {
        fn reader(&self) -> Result<Box<dyn Reader>> {
            self.store.reader()
        }

        fn follower(&self) -> Result<Box<dyn Follower>> {
            match self.followers.fetch_add(1, Ordering::Relaxed) {
                0 => Ok(Box::new(Panics)),
                1 => Err(Fault::storage("opening the log", "not now")),
                _ => self.store.follower(),
            }
        }
    }

    #[test]
    fn a_follower_that_panics_or_fails_is_told_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::create(folder.path().join("events.sqlite")).unwrap();
        let (sender, warnings) = crossbeam_channel::bounded(10);
        let source = Arc::new(Fragile { store: store.clone(), followers: AtomicUsize::new(0) });
        let watch = HeadWatch::start(source, move |fault| sender.send(fault.message.clone()).unwrap()).unwrap();
        assert!(warnings.recv_timeout(Duration::from_secs(60)).unwrap().contains("panicked"));
        assert!(warnings.recv_timeout(Duration::from_secs(60)).unwrap().contains("not now"));
        let event = NewEvent { kind: "A".into(), data: "{}".into(), metadata: None, id: None, time: None };
        store.append("a", ExpectedVersion::Any, &[event]).unwrap();
        let head = watch.wait(Position::START, &Stop::default(), Duration::from_secs(60));
        assert_eq!(head, Position(1));
    }
}
