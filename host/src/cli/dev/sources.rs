//! The **sources** of a plugin crate, watched: its own folder, and those of the crates that it depends on by path.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::SystemTime;

use crossbeam_channel::{Receiver, bounded};
use notify::RecursiveMode::{NonRecursive, Recursive};
use notify::{EventKind, RecommendedWatcher, Watcher};

use crate::cli::cargo::Package;
use crate::event::{Fault, Result};

/// Which files are sources.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SourceTree {
    /// The folders of the crates.
    pub roots: Vec<PathBuf>,
    /// Folders and files below them that others write to: what cargo builds, what the host keeps.
    pub others: Vec<PathBuf>,
}

/// Watched folders, and a channel with room for one word: that something has changed.
pub(super) struct Sources {
    watcher: RecommendedWatcher,
    /// When the first change was made since the last one was taken.
    pub changed: Receiver<SystemTime>,
    tree: Arc<RwLock<SourceTree>>,
    watched: HashSet<PathBuf>,
}

impl SourceTree {
    /// The sources of `package`, without what lies in `others`.
    pub fn of(package: &Package, others: &[PathBuf]) -> SourceTree {
        let beside = package.path_dependencies.iter().map(|(_, folder)| folder.clone());
        SourceTree {
            roots: beside.chain([package.folder.clone()]).collect(),
            others: others.iter().chain([&package.cargo_target]).cloned().collect(),
        }
    }

    /// Whether `path` is, or may hold, sources: below a root, none of the others', neither hidden nor a passing file.
    pub fn holds(&self, path: &Path) -> bool {
        let Some((root, below)) = self.roots.iter().find_map(|root| Some((root, path.strip_prefix(root).ok()?))) else {
            return false;
        };
        // A crate may lie in a folder of the others itself.
        let is_others = |other: &PathBuf| path.starts_with(other) && !root.starts_with(other);
        below.components().next().is_some() // the folder's own times change with anything in it
            && !below.starts_with("target")
            && !self.others.iter().any(is_others)
            && !below.components().any(|part| is_passing(&part.as_os_str().to_string_lossy()))
    }
}

impl Sources {
    /// Watches these sources.
    pub fn watch(tree: SourceTree) -> Result<Sources> {
        let (sender, changed) = bounded(1);
        let tree = Arc::new(RwLock::new(tree));
        let of = tree.clone();
        let hear = move |event: notify::Result<notify::Event>| {
            let is_source = |path: &PathBuf| of.read().is_ok_and(|tree| tree.holds(path));
            let matters = match &event {
                Ok(event) => event.need_rescan() || (is_change(&event.kind) && event.paths.iter().any(is_source)),
                // Events were lost: anything may have changed.
                Err(_) => true,
            };
            if matters {
                // A full channel says it already.
                let _ = sender.try_send(SystemTime::now());
            }
        };
        let watcher = notify::recommended_watcher(hear).map_err(watching)?;
        let mut sources = Sources { watcher, changed, tree, watched: HashSet::new() };
        sources.watch_new_folders()?;
        Ok(sources)
    }

    /// Watches other sources from now on: a crate was renamed, or depends on others.
    pub fn replace(&mut self, tree: SourceTree) -> Result<()> {
        *self.tree.write().unwrap_or_else(std::sync::PoisonError::into_inner) = tree;
        self.watch_new_folders()
    }

    /// Which files are sources.
    pub fn tree(&self) -> SourceTree {
        self.tree.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Folders are watched one by one below each root, so that the build folder is not: cargo writes much there.
    pub fn watch_new_folders(&mut self) -> Result<()> {
        let tree = self.tree();
        for root in &tree.roots {
            if self.watched.insert(root.clone()) {
                self.watcher.watch(root, NonRecursive).map_err(watching)?;
            }
            let entries = fs::read_dir(root).map_err(|error| Fault::storage(root.display(), error))?;
            for path in entries.flatten().map(|entry| entry.path()) {
                if path.is_dir() && tree.holds(&path) && self.watched.insert(path.clone()) {
                    self.watcher.watch(&path, Recursive).map_err(watching)?;
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

/// Whether a file's or folder's name is one that tools come and go with: hidden, a backup, a lock, half-written.
pub(super) fn is_passing(name: &str) -> bool {
    name.starts_with(['.', '#'])
        || name.ends_with('~')
        || [".swp", ".swx", ".tmp", ".bak", ".orig"].iter().any(|end| name.ends_with(end))
        || name == "Cargo.lock"
        || name == "4913" // vim tries out with this name whether it may write
}

fn watching(error: notify::Error) -> Fault {
    Fault::storage("watching the sources", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sources_count() {
        let tree = SourceTree {
            roots: ["/p", "/sdk", "/built/demo"].map(PathBuf::from).to_vec(),
            others: ["/p/build", "/p/data", "/p/plugins", "/built"].map(PathBuf::from).to_vec(),
        };
        for source in
            ["/p/src/lib.rs", "/p/Cargo.toml", "/p/tables/table.csv", "/sdk/src/lib.rs", "/built/demo/src/lib.rs"]
        {
            assert!(tree.holds(Path::new(source)), "{source}");
        }
        for other in [
            "/p",
            "/p/build/release/p.wasm",
            "/p/data/events.sqlite",
            "/p/plugins/p.wasm",
            "/p/target/p.d",
            "/p/Cargo.lock",
            "/p/.git/index",
            "/p/src/.lib.rs.swp",
            "/p/src/lib.rs~",
            "/p/src/4913",
            "/elsewhere/lib.rs",
        ] {
            assert!(!tree.holds(Path::new(other)), "{other}");
        }
    }
}
