//! The **plugin folder**: which plugin files there are, and which of them are quiet and whole.
//!
//! The operating system tells of changes; a scan every few seconds finds what it did not tell. A file counts as
//! changed once it is quiet and whole: half-written files are waited for, and only whole ones are handed on. The
//! same bytes again are no change.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{RecursiveMode, Watcher};

use crate::event::{Fault, Result};
use crate::plugin;

use super::backoff::Backoff;

/// A file that was closed or renamed into place is complete; one that was only written to must be quiet this long.
const QUIET: Duration = Duration::from_millis(30);

/// A file that is still not a whole module after this long without a change is taken as it is, to be refused.
const HALF_WRITTEN_PATIENCE: Duration = Duration::from_secs(2);

/// How often the folder is scanned for what was not told.
const SCAN_EVERY: Duration = Duration::from_secs(2);

/// What a look at the folder found.
pub(super) enum FolderChange {
    /// A plugin file is new or has other bytes than before.
    Changed { file: PathBuf, bytes: Vec<u8>, changed: Instant },
    /// A plugin file was written once more, with the bytes that it had.
    Rewritten { file: PathBuf },
    /// A plugin file is gone.
    Vanished { file: PathBuf },
    /// The folder cannot be read; it is scanned again.
    NotScanned { fault: Fault },
    /// A plugin file cannot be read. When that may pass, it is tried again; this is told once.
    Unreadable { file: PathBuf, fault: Fault },
}

pub(super) struct PluginFolder {
    folder: PathBuf,
    files: HashMap<PathBuf, File>,
    events: mpsc::Receiver<notify::Result<notify::Event>>,
    scanned: Option<Instant>,
    /// Kept only to keep it alive: it stops watching when dropped. Absent where watching is not possible.
    _watcher: Option<notify::RecommendedWatcher>,
}

/// What is known of one plugin file.
#[derive(Default)]
struct File {
    /// The hash of the bytes last handed on.
    hash: Option<String>,
    /// Size and modification time as of the last look.
    stamp: Option<Stamp>,
    /// A change that was noticed and not dealt with.
    change: Option<Change>,
    /// Why it cannot be read at the moment, and when to try again.
    unreadable: Option<Backoff>,
}

type Stamp = (u64, Option<std::time::SystemTime>);

#[derive(Clone, Copy)]
struct Change {
    noticed: Instant,
    /// Whether the writer is known to be done.
    closed: bool,
    /// When it was last found to be unfinished.
    looked: Option<Instant>,
    /// Whether the operating system told of it: somebody wrote, even if the bytes are the same.
    is_told: bool,
}

impl Change {
    fn noticed(closed: bool) -> Change {
        Change { noticed: Instant::now(), closed, looked: None, is_told: false }
    }
}

impl PluginFolder {
    /// Starts watching; the folder is made when it is missing. `wake` is called, on another thread, when it is worth a look.
    pub fn watch(folder: &Path, wake: impl Fn() + Send + 'static) -> Result<PluginFolder> {
        fs::create_dir_all(folder)
            .map_err(|error| Fault::storage(format!("making the plugin folder {}", folder.display()), error))?;
        let (sender, events) = mpsc::channel();
        let forward = move |event| {
            // Nobody listens any more only when the host goes down.
            let _ = sender.send(event);
            wake();
        };
        let watcher = notify::recommended_watcher(forward)
            .and_then(|mut watcher| watcher.watch(folder, RecursiveMode::NonRecursive).map(|()| watcher));
        if let Err(error) = &watcher {
            tracing::warn!(%error, "cannot watch {}: looking every {SCAN_EVERY:?} instead", folder.display());
        }
        Ok(PluginFolder {
            folder: folder.to_owned(),
            files: HashMap::new(),
            events,
            scanned: None,
            _watcher: watcher.ok(),
        })
    }

    /// What has become quiet and whole since the last look. Cheap when nothing happened.
    pub fn look(&mut self) -> Vec<FolderChange> {
        self.take_events();
        let mut found = Vec::new();
        if self.scanned.is_none_or(|at| at.elapsed() >= SCAN_EVERY) {
            // What was heard of is dealt with all the same.
            if let Err(fault) = self.scan(&mut found) {
                found.push(FolderChange::NotScanned { fault });
            }
        }
        let due: Vec<PathBuf> =
            self.files.iter().filter(|(_, file)| file.is_due()).map(|(path, _)| path.clone()).collect();
        for path in due {
            found.extend(self.examine(path));
        }
        // A file that was renamed is gone before it is there again.
        found.sort_by_key(|found| !matches!(found, FolderChange::Vanished { .. }));
        found
    }

    /// Whether there are changes that were not dealt with yet, or files that cannot be read at the moment.
    pub fn has_changes(&self) -> bool {
        self.files.values().any(|file| file.change.is_some() || file.unreadable.is_some())
    }

    /// When the next look is due, if nothing is heard before.
    pub fn next_look(&self) -> Instant {
        let scan = self.scanned.map_or_else(Instant::now, |at| at + SCAN_EVERY);
        self.files.values().filter_map(File::due).fold(scan, Instant::min)
    }

    /// Makes the next look hand on this file even if its bytes are as before.
    pub fn look_again(&mut self, path: &Path) {
        if let Some(file) = self.files.get_mut(path) {
            file.hash = None;
            file.unreadable = None;
            file.change = Some(Change::noticed(true));
        }
    }

    fn take_events(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            let Ok(event) = event else {
                self.scanned = None;
                continue;
            };
            if event.need_rescan() {
                self.scanned = None;
            }
            let closed = match event.kind {
                EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
                EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => true,
                EventKind::Access(_) => continue,
                _ => false,
            };
            for path in event.paths.iter().filter(|path| is_plugin_file(path)) {
                let path = self.folder.join(path.file_name().unwrap_or_default());
                let change = Change { is_told: true, ..Change::noticed(closed) };
                self.files.entry(path).or_default().change = Some(change);
            }
        }
    }

    fn scan(&mut self, found: &mut Vec<FolderChange>) -> Result<()> {
        self.scanned = Some(Instant::now());
        let unreadable = |error| Fault::storage(format!("reading the plugin folder {}", self.folder.display()), error);
        for entry in fs::read_dir(&self.folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if !is_plugin_file(&path) || path.is_dir() {
                continue;
            }
            let stamp = stamp(&path);
            let file = self.files.entry(path).or_default();
            if stamp.is_some() && file.stamp != stamp && file.change.is_none() {
                // Before the first look, a file that lies there is as complete as it will get.
                file.change = Some(Change::noticed(file.stamp.is_none() && file.hash.is_none()));
            }
        }
        let gone: Vec<PathBuf> = self.files.keys().filter(|path| !path.exists()).cloned().collect();
        for path in gone {
            found.extend(self.examine(path));
        }
        Ok(())
    }

    /// Deals with a noticed change: the file is gone, the same, not whole yet, or really another.
    fn examine(&mut self, path: PathBuf) -> Option<FolderChange> {
        let file = self.files.get_mut(&path)?;
        let change = file.change.unwrap_or(Change::noticed(false));
        let before = stamp(&path);
        if before.is_none() {
            let known = self.files.remove(&path).is_some_and(|file| file.hash.is_some());
            return known.then_some(FolderChange::Vanished { file: path });
        }
        let bytes = match plugin::read_file(&path) {
            Ok(bytes) => bytes,
            Err(fault) => {
                file.change = None;
                file.stamp = before;
                let is_told = file.unreadable.as_ref().is_some_and(|former| former.fault.message == fault.message);
                let former = file.unreadable.take();
                if fault.retry {
                    file.unreadable = Some(Backoff::after(former.as_ref(), fault.clone()));
                }
                return (!is_told).then_some(FolderChange::Unreadable { file: path, fault });
            }
        };
        let was_unreadable = file.unreadable.take().is_some();
        let is_read_whole =
            before.is_some_and(|(size, _)| size.min(plugin::FILE_BYTES_MAX as u64 + 1) == bytes.len() as u64);
        let is_still = stamp(&path) == before && is_read_whole;
        let is_patient = change.noticed.elapsed() < HALF_WRITTEN_PATIENCE;
        if !is_still || (is_patient && !plugin::is_whole(&bytes)) {
            let noticed = if is_still { change.noticed } else { Instant::now() };
            file.change = Some(Change { noticed, closed: false, looked: Some(Instant::now()), ..change });
            return None;
        }
        file.change = None;
        file.stamp = before;
        let hash = plugin::PluginHash::of(&bytes).to_string();
        if file.hash.as_ref() == Some(&hash) {
            return (change.is_told || was_unreadable).then_some(FolderChange::Rewritten { file: path });
        }
        file.hash = Some(hash);
        Some(FolderChange::Changed { file: path, bytes, changed: change.noticed })
    }
}

impl File {
    fn is_due(&self) -> bool {
        self.due().is_some_and(|due| due <= Instant::now())
    }

    /// When it is to be looked at; none when nothing is known to have changed.
    fn due(&self) -> Option<Instant> {
        let Some(change) = &self.change else { return self.unreadable.as_ref().and_then(Backoff::again) };
        let quiet = if change.closed { change.noticed } else { change.noticed + QUIET };
        Some(change.looked.map_or(quiet, |looked| quiet.max(looked + QUIET)))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    fs::metadata(path).ok().map(|found| (found.len(), found.modified().ok()))
}

/// `*.wasm`, but not what editors and copying programs leave for a moment.
fn is_plugin_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.extension().is_some_and(|extension| extension == "wasm") && !name.starts_with(['.', '#', '~'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_are_no_plugins() {
        for name in ["a.wasm", "a-b.wasm"] {
            assert!(is_plugin_file(Path::new(name)), "{name}");
        }
        for name in [".a.wasm", "#a.wasm", "a.wasm~", "a.wasm.swp", ".a.wasm.swp", "a.wasm.part", "a.wat", "wasm"] {
            assert!(!is_plugin_file(Path::new(name)), "{name}");
        }
    }
}
