//! The **request watch** wakes the host when another process has asked for something.
//!
//! Whoever asks writes a file in a folder of its own, after the request is in the catalogue. Where files cannot be
//! watched the host finds the request when it next looks.

use std::fs;
use std::path::Path;

use notify::{EventKind, RecursiveMode, Watcher};

/// Watches until it is dropped.
pub(super) struct RequestWatch {
    _watcher: notify::RecommendedWatcher,
}

impl RequestWatch {
    /// Calls `wake`, on another thread, when a file in the folder was written. None where that is not possible.
    pub fn start(folder: &Path, wake: impl Fn() + Send + 'static) -> Option<RequestWatch> {
        let forward = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
                wake();
            }
        };
        let made = fs::create_dir_all(folder).map_err(notify::Error::from);
        let watcher = made.and_then(|()| notify::recommended_watcher(forward));
        let watching =
            watcher.and_then(|mut watcher| watcher.watch(folder, RecursiveMode::NonRecursive).map(|()| watcher));
        let watcher = watching.inspect_err(|error| tracing::debug!(%error, "requests are not watched for")).ok()?;
        Some(RequestWatch { _watcher: watcher })
    }
}
