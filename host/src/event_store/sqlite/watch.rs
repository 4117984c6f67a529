//! **Watching** the store's write-ahead log: whoever commits, in whatever process, has first written to it.

use std::path::Path;
use std::sync::Arc;

use notify::event::ModifyKind;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::commit_notifier::CommitNotifier;

/// Tells `commits` when the log of the store at `path` is written to, for as long as the watcher lives. None where
/// folders cannot be watched.
pub(super) fn watch(path: &Path, commits: &Arc<CommitNotifier>) -> Option<RecommendedWatcher> {
    let mut log_name = path.file_name()?.to_owned();
    log_name.push("-wal");
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Weak, so that the watcher does not keep it alive.
    let commits = Arc::downgrade(commits);
    let tell = move |told: notify::Result<notify::Event>| {
        let is_written = told.is_ok_and(|event| {
            matches!(event.kind, EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any))
                && event.paths.iter().any(|path| path.file_name() == Some(&log_name))
        });
        if is_written && let Some(commits) = commits.upgrade() {
            commits.file_written();
        }
    };
    let watcher = notify::recommended_watcher(tell)
        .and_then(|mut watcher| watcher.watch(folder, RecursiveMode::NonRecursive).map(|()| watcher));
    watcher.inspect_err(|error| tracing::debug!(%error, "the event store's folder cannot be watched")).ok()
}
