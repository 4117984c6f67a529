//! The **ticker** is the one plain thread that moves the epochs on, so that calls into plugins end in time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

/// How long an epoch lasts.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// The engines whose epochs are moved on, for as long as anyone uses them.
#[derive(Clone, Default)]
pub(super) struct Ticked(Arc<Mutex<Vec<EngineWeak>>>);

impl Ticked {
    pub(super) fn add(&self, engine: &Engine) {
        self.engines().push(engine.weak());
    }

    fn engines(&self) -> MutexGuard<'_, Vec<EngineWeak>> {
        // Nothing under this lock can leave the list half changed.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Ticks; false when no engine is left.
    fn tick(&self) -> bool {
        let mut engines = self.engines();
        engines.retain(|engine| engine.upgrade().inspect(Engine::increment_epoch).is_some());
        !engines.is_empty()
    }
}

/// After so many ticks without a call into a plugin the ticker sleeps until there is one.
const IDLE_TICKS_MAX: u32 = 20;
/// A sleeping ticker looks this often whether any engine is left.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The calls into plugins of this process, and the tickers that sleep until there are some.
struct Calls {
    running: AtomicUsize,
    sleeping: AtomicUsize,
    lock: Mutex<()>,
    begun: Condvar,
}

static CALLS: Calls =
    Calls { running: AtomicUsize::new(0), sleeping: AtomicUsize::new(0), lock: Mutex::new(()), begun: Condvar::new() };

/// Held while a call into a plugin runs.
pub(super) struct RunningCall(());

/// Makes sure that epochs move on until the call has ended.
pub(super) fn call() -> RunningCall {
    let first = CALLS.running.fetch_add(1, Ordering::SeqCst) == 0;
    // Either this sees that a ticker is about to sleep, or the ticker sees the call.
    if first && CALLS.sleeping.load(Ordering::SeqCst) > 0 {
        let _lock = CALLS.lock.lock().unwrap_or_else(PoisonError::into_inner);
        CALLS.begun.notify_all();
    }
    RunningCall(())
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        CALLS.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Sleeps until a call runs or it is time to look for engines again.
fn sleep_until_called() {
    let lock = CALLS.lock.lock().unwrap_or_else(PoisonError::into_inner);
    CALLS.sleeping.fetch_add(1, Ordering::SeqCst);
    if CALLS.running.load(Ordering::SeqCst) == 0 {
        drop(CALLS.begun.wait_timeout(lock, LOOK_EVERY));
    }
    CALLS.sleeping.fetch_sub(1, Ordering::SeqCst);
}

/// Starts the ticker; it ends by itself when all engines are gone.
pub(super) fn start(ticked: Ticked) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("epoch-ticker".into()).spawn(move || {
        let mut idle_ticks = 0;
        while ticked.tick() {
            idle_ticks = if CALLS.running.load(Ordering::SeqCst) > 0 { 0 } else { idle_ticks + 1 };
            match idle_ticks < IDLE_TICKS_MAX {
                true => std::thread::sleep(TICK),
                false => sleep_until_called(),
            }
        }
    })
}

/// How many epochs end a call after `ms` milliseconds, and not before.
pub(super) fn epochs(ms: u64) -> u64 {
    const YEAR_MS: u64 = 1000 * 60 * 60 * 24 * 365; // wasmtime adds it to the epoch, which must not overflow
    let tick_ms = TICK.as_millis() as u64;
    ms.min(YEAR_MS).div_ceil(tick_ms) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_when_the_last_engine_is_gone() {
        let ticked = Ticked::default();
        let (first, second) = (Engine::default(), Engine::default());
        ticked.add(&first);
        ticked.add(&second);
        let ticker = start(ticked).unwrap();
        drop(first);
        std::thread::sleep(TICK * 4);
        assert!(!ticker.is_finished(), "an engine is left");
        drop(second);
        ticker.join().unwrap();
    }

    #[test]
    fn a_deadline_never_comes_early() {
        assert_eq!(epochs(1), 2);
        assert_eq!(epochs(10), 3);
        assert_eq!(epochs(11), 4);
        assert!(epochs(u64::MAX) < u64::MAX / 2);
    }
}
