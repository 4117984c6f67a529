//! What was **saved** and is on its way to be served, so that the way can be timed.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::cli::render::time;
use crate::cli::shell::Shell;

/// How often another process's host is asked whether it serves what was dropped.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The newest build that was dropped in and does not serve yet.
#[derive(Default)]
pub(super) struct Saved(Mutex<Option<Waiting>>);

struct Waiting {
    hash: String,
    saved: SystemTime,
    build_ms: f64,
}

impl Saved {
    /// A build was dropped in.
    pub fn dropped(&self, hash: String, saved: SystemTime, build_ms: f64) {
        *self.lock() = Some(Waiting { hash, saved, build_ms });
    }

    /// Whether something was dropped in that does not serve yet.
    pub fn is_waiting(&self) -> bool {
        self.lock().is_some()
    }

    /// What was dropped in will not serve.
    pub fn forget(&self) {
        *self.lock() = None;
    }

    /// Something serves; when it is what was dropped in, says how long it took since the save.
    pub fn served(&self, shell: &Shell, hash: &str) {
        let mut waiting = self.lock();
        if let Some(what) = waiting.take_if(|waiting| waiting.hash.starts_with(hash)) {
            let all_ms = what.saved.elapsed().unwrap_or_default().as_secs_f64() * 1_000.0;
            shell.say(format!("save to served in {} (build {})", time(all_ms), time(what.build_ms)));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
