//! The **sources** of a plugin crate, watched: its own folder, and those of the crates that it depends on by path.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use notify::RecursiveMode::{NonRecursive, Recursive};
use notify::{EventKind, RecommendedWatcher};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};

use super::cargo::Crate;
use super::is_passing;
use crate::event::{Fault, Result};
use crate::server::Stop;

/// An editor's save is several events; when none followed for so long, it is done.
const QUIET: Duration = Duration::from_millis(40);

/// How often a stop is looked for.
const PATIENCE: Duration = Duration::from_millis(100);

/// Watched folders, and a channel with room for one word: that something has changed.
pub(super) struct Sources {
    debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
    changed: Receiver<SystemTime>,
    roots: Vec<PathBuf>,
    watched: HashSet<PathBuf>,
}

impl Sources {
    /// Watches the sources of `plugin`.
    pub fn watch(plugin: &Crate) -> Result<Sources> {
        let roots: Vec<PathBuf> = plugin.beside.iter().chain([&plugin.folder]).cloned().collect();
        let (sender, changed) = bounded(1);
        let (of, target) = (roots.clone(), plugin.target.clone());
        let hear = move |result: DebounceEventResult| {
            let Ok(events) = result else {
                // Events were lost: anything may have changed.
                let _ = sender.try_send(SystemTime::now());
                return;
            };
            let relevant = |path: &PathBuf| is_source(path, &of, &target);
            let first = events.iter().find(|event| is_change(&event.kind) && event.paths.iter().any(relevant));
            if let Some(event) = first {
                let at = SystemTime::now() - event.time.elapsed();
                // A full channel says it already.
                let _ = sender.try_send(at);
            }
        };
        let debouncer = new_debouncer(QUIET, None, hear).map_err(watching)?;
        let mut sources = Sources { debouncer, changed, roots, watched: HashSet::new() };
        sources.watch_new_folders(&plugin.target)?;
        Ok(sources)
    }

    /// Waits for a change; when it was made, or none when a stop was asked for.
    pub fn wait(&mut self, stop: &Stop) -> Option<SystemTime> {
        loop {
            match self.changed.recv_timeout(PATIENCE) {
                Ok(at) => {
                    // A folder that cannot be watched was removed again.
                    let _ = self.watch_new_folders(Path::new(""));
                    return Some(at);
                }
                Err(RecvTimeoutError::Timeout) if !stop.asked() => {}
                Err(_) => return None,
            }
        }
    }

    /// Folders are watched one by one below each root, so that the build folder is not: cargo writes much there.
    fn watch_new_folders(&mut self, target: &Path) -> Result<()> {
        for root in self.roots.clone() {
            if self.watched.insert(root.clone()) {
                self.debouncer.watch(&root, NonRecursive).map_err(watching)?;
            }
            for entry in fs::read_dir(&root).map_err(|error| Fault::storage(root.display(), error))?.flatten() {
                let (path, name) = (entry.path(), PathBuf::from(entry.file_name()));
                let is_source = path.is_dir() && !is_passing(&name) && path != target && name != Path::new("target");
                if is_source && self.watched.insert(path.clone()) {
                    self.debouncer.watch(&path, Recursive).map_err(watching)?;
                }
            }
        }
        Ok(())
    }
}

/// Reading a file is an event too, and cargo reads them all.
fn is_change(kind: &EventKind) -> bool {
    !matches!(kind, EventKind::Access(_))
}

/// Whether `path` lies below a root, outside the build folder, and is neither hidden nor a passing file.
fn is_source(path: &Path, roots: &[PathBuf], target: &Path) -> bool {
    if path.starts_with(target) {
        return false;
    }
    let below = roots.iter().find_map(|root| path.strip_prefix(root).ok());
    below.is_some_and(|below| {
        below.components().next().is_some() // the folder's own times change with anything in it
            && !below.starts_with("target")
            && !below.components().any(|part| is_passing(Path::new(part.as_os_str())))
    })
}

fn watching(error: notify::Error) -> Fault {
    Fault::storage("watching the sources", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sources_count() {
        let roots = [PathBuf::from("/p"), PathBuf::from("/sdk")];
        let target = Path::new("/p/build");
        let counts = |path: &str| is_source(Path::new(path), &roots, target);
        for source in ["/p/src/lib.rs", "/p/Cargo.toml", "/p/data/table.csv", "/sdk/src/lib.rs"] {
            assert!(counts(source), "{source}");
        }
        for other in [
            "/p",
            "/p/build/release/p.wasm",
            "/p/target/p.d",
            "/p/Cargo.lock",
            "/p/.git/index",
            "/p/src/.lib.rs.swp",
            "/p/src/lib.rs~",
            "/p/src/4913",
            "/elsewhere/lib.rs",
        ] {
            assert!(!counts(other), "{other}");
        }
    }
}
