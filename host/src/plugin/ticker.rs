//! The **ticker** is the one plain thread that moves the epochs on, so that calls into plugins end in time.

use std::sync::{Arc, Mutex, MutexGuard};
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

/// Starts the ticker; it ends by itself when all engines are gone.
pub(super) fn start(ticked: Ticked) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("epoch-ticker".into()).spawn(move || {
        while ticked.tick() {
            std::thread::sleep(TICK);
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
