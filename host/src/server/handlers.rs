//! How the supervisor **reacts**: a file changed, a plugin was loaded, a worker spoke.
//!
//! Each reaction notes what is new and then lets [`Host::steer`] bring the projection to what should be.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::event::{Blame, Fault, FaultKind, Result};
use crate::plugin::Plugin;
use crate::projection::{self, Signal, State};

use super::folder::Found;
use super::host::Host;
use super::message::{Message, ThreadNumber, Word};
use super::notice::Notice;
use super::projection_entry::{Building, PluginFile};
use super::requests::Answer;
use super::segment_sealer::SegmentSealer;
use super::status;
use super::worker::millis;

/// A plugin that is being read, checked and compiled by a thread of its own.
pub(super) struct Loading {
    pub purpose: Purpose,
    pub bytes: Arc<[u8]>,
    /// When the file changed.
    pub changed: Instant,
    /// Whether its thread was started; the others wait for their turn.
    pub is_started: bool,
    /// Newer bytes of the same file, to be loaded next; what is being loaded is out of date.
    pub newer: Option<(Arc<[u8]>, Instant)>,
}

/// Why a plugin is loaded.
#[derive(Clone, PartialEq)]
pub(super) enum Purpose {
    /// Its file is new or has changed.
    File(PathBuf),
    /// Its generation serves, and its file is another by now.
    Serve { name: String },
}

impl Host {
    /// Takes over what the last host left, as far as its plugin file is still there.
    pub(super) fn boot(&mut self) -> Result<()> {
        self.is_booted = true;
        if let Some(history) = &self.history {
            let (source, head, sender) = (self.source.clone(), self.head.clone(), self.sender.clone());
            self.keeper = Some(SegmentSealer::start(history.clone(), source, head, sender)?);
        }
        for record in self.catalogue.projections()? {
            let entry = self.projections.entry(record.name.clone()).or_default();
            entry.published = status::published(record.state.as_deref());
            entry.published.building = None;
            entry.published.refused = None;
            entry.unpark();
            entry.path =
                record.plugin_file.as_ref().map(|file| self.project.plugins.join(file)).filter(|file| file.exists());
            if let Some(path) = entry.path.clone() {
                self.claims.insert(path, record.name.clone());
            }
            self.steer(&record.name);
        }
        Ok(())
    }

    /// The folder changed.
    pub(super) fn find(&mut self, found: Found) -> Result<()> {
        match found {
            Found::Changed { file, bytes, changed } => self.load(Purpose::File(file), bytes.into(), changed),
            Found::Unreadable { file, fault } => {
                self.refuse(Some(&file), None, fault);
                Ok(())
            }
            Found::Vanished { file } => self.vanished(&file),
        }
    }

    /// A worker or a loader spoke.
    pub(super) fn react(&mut self, happening: Message) -> Result<()> {
        match happening {
            Message::Loaded { ticket, loaded, load_ms } => self.loaded(ticket, loaded, load_ms)?,
            Message::Projector { thread, name, word } => self.hear(thread, &name, word),
            Message::FolderStirred => {}
            Message::Trouble(fault) => self.trouble(fault),
        }
        Ok(())
    }

    /// Reads, checks and compiles a plugin on a thread of its own; one at a time for each file, and no more at once than
    /// there are cores, however many files are dropped.
    pub(super) fn load(&mut self, purpose: Purpose, bytes: Arc<[u8]>, changed: Instant) -> Result<()> {
        if let Some(loading) = self.loading.values_mut().find(|loading| loading.purpose == purpose) {
            loading.newer = Some((bytes, changed));
            return Ok(());
        }
        let ticket = self.next_number();
        self.loading.insert(ticket, Loading { purpose, bytes, changed, is_started: false, newer: None });
        self.start_loading()
    }

    fn start_loading(&mut self) -> Result<()> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        while self.loading.values().filter(|loading| loading.is_started).count() < cores {
            let Some((&ticket, loading)) = self.loading.iter_mut().find(|(_, loading)| !loading.is_started) else {
                break;
            };
            loading.is_started = true;
            let bytes = loading.bytes.clone();
            self.start_loader(ticket, bytes)?;
        }
        Ok(())
    }

    fn start_loader(&mut self, ticket: u64, bytes: Arc<[u8]>) -> Result<()> {
        let (engine, sender, project) = (self.engine.clone(), self.sender.clone(), self.project.clone());
        let events = self.head.head().0;
        let started = thread::Builder::new().name("load".into()).spawn(move || {
            let started = Instant::now();
            let loaded = catch_unwind(AssertUnwindSafe(|| projection::load(&engine, &project, &bytes, events)))
                .unwrap_or_else(|_| {
                    Err(Fault::new(FaultKind::Incompatible, "reading the plugin made the host panic")
                        .blame(Blame::Host)
                        .hint("this is a bug in projectionist: please report it with the plugin file"))
                });
            // The host only stops listening when it goes down.
            let _ = sender.send(Message::Loaded { ticket, loaded, load_ms: millis(started) });
        });
        if let Err(error) = started {
            self.loading.remove(&ticket);
            return Err(Fault::storage("starting a thread", error));
        }
        Ok(())
    }

    fn loaded(&mut self, ticket: u64, loaded: Result<Plugin, Fault>, load_ms: f64) -> Result<()> {
        let Some(loading) = self.loading.remove(&ticket) else { return Ok(()) };
        if let Err(fault) = self.start_loading() {
            self.trouble(fault);
        }
        if let Some((bytes, changed)) = loading.newer {
            return self.load(loading.purpose, bytes, changed);
        }
        if let Ok(plugin) = &loaded {
            plugin.optimise_soon();
        }
        match (loading.purpose, loaded) {
            (Purpose::File(path), _) if !path.exists() => {}
            (Purpose::File(path), Ok(plugin)) => {
                self.take_file(&path, PluginFile { plugin, bytes: loading.bytes, changed: loading.changed, load_ms })?;
            }
            (Purpose::File(path), Err(fault)) => {
                let name = self.claims.get(&path).cloned();
                self.refuse(Some(&path), name, fault);
            }
            (Purpose::Serve { name }, Ok(plugin)) => {
                if let Some(entry) = self.projections.get_mut(&name) {
                    entry.kept = Some(plugin);
                }
                self.steer(&name);
            }
            (Purpose::Serve { name }, Err(fault)) => {
                if self.projections.get(&name).is_some_and(|entry| entry.serving.is_none()) {
                    self.park(&name, fault);
                }
            }
        }
        Ok(())
    }

    /// A plugin file that loads: it is new, or another than what serves, or the same again.
    fn take_file(&mut self, path: &Path, file: PluginFile) -> Result<()> {
        let name = file.plugin.manifest().name.clone();
        let other =
            self.claims.iter().find(|(other, claim)| **claim == name && other.as_path() != path && other.exists());
        if let Some((other, _)) = other {
            let message = format!("{} is already projection `{name}`", other.display());
            let fault = Fault::new(FaultKind::Manifest, message)
                .hint("remove one of the two files, or give one plugin another name in `export!`");
            self.refuse(Some(path), None, fault);
            return Ok(());
        }
        if let Some(former) = self.claims.insert(path.to_owned(), name.clone())
            && former != name
        {
            self.remove(&former)?;
        }
        self.refused.remove(path);
        let key = self.key(&name, &file.plugin);
        self.catalogue.set_file(&name, Some(&file_name(path)), Some(&key))?;
        let entry = self.projections.entry(name.clone()).or_default();
        entry.path = Some(path.to_owned());
        entry.file = Some(file);
        if entry.failed.as_ref() != Some(&key) {
            entry.failed = None;
            entry.published.refused = None;
        }
        self.steer(&name);
        Ok(())
    }

    fn vanished(&mut self, path: &Path) -> Result<()> {
        self.refused.remove(path);
        for loading in self.loading.values_mut().filter(|loading| loading.purpose == Purpose::File(path.to_owned())) {
            loading.newer = None;
        }
        match self.claims.remove(path) {
            Some(name) => self.remove(&name),
            None => Ok(()),
        }
    }

    /// The plugin file is gone, or another projection by now: this one stops and keeps its read model.
    fn remove(&mut self, name: &str) -> Result<()> {
        if let Some(entry) = self.projections.get_mut(name) {
            entry.path = None;
            entry.file = None;
            entry.failed = None;
            entry.published.refused = None;
        }
        self.notices.push_back(Notice::Removed { projection: name.to_owned() });
        self.steer(name);
        // A file that was refused because this one had the name gets its chance now.
        self.refused.keys().for_each(|refused| self.folder.forget(refused));
        self.catalogue.set_file(name, None, None)
    }

    fn hear(&mut self, thread: ThreadNumber, name: &str, word: Word) {
        if let Word::Said(lines) = word {
            self.notices.extend(lines.into_iter().map(|line| Notice::Said {
                projection: name.to_owned(),
                level: line.level.as_str(),
                message: line.message,
            }));
            return;
        }
        let Some(entry) = self.projections.get_mut(name) else { return };
        let is_candidate = entry.is_candidate_thread(thread);
        if !is_candidate && !entry.is_serving_thread(thread) {
            return;
        }
        match word {
            Word::Opened if !is_candidate => entry.signal(Signal::Opened),
            Word::Opened | Word::Stopped | Word::Said(_) => {}
            Word::Progress { progress, events_per_s } => {
                if is_candidate && let Some(building) = &mut entry.published.building {
                    *building = Building {
                        covered: progress.covered,
                        through: progress.through,
                        events_per_s,
                        hash: std::mem::take(&mut building.hash),
                    };
                }
                self.notices.push_back(Notice::Progress {
                    projection: name.to_owned(),
                    stage: progress.stage,
                    covered: progress.covered,
                    head: progress.through,
                    events_per_s,
                });
            }
            Word::CaughtUp => {
                entry.caught_up = true;
                entry.signal(Signal::CaughtUp);
            }
            Word::Retrying(fault) => self.trouble(fault),
            Word::Complete(completed) => return self.swap(name, completed),
            Word::Faulted(fault) if is_candidate => return self.refuse_candidate(name, fault),
            Word::Faulted(fault) => return self.park(name, fault),
        }
        self.publish(name);
    }

    /// The candidate failed: what served goes on serving.
    pub(super) fn refuse_candidate(&mut self, name: &str, fault: Fault) {
        let Some(entry) = self.projections.get_mut(name) else { return };
        let path = entry.path.clone();
        let plugin = entry.candidate.as_ref().map(|candidate| candidate.worker.plugin.clone());
        let failed = plugin.map(|plugin| self.key(name, &plugin));
        self.drop_candidate(name);
        if let Some(entry) = self.projections.get_mut(name) {
            entry.failed = failed;
        }
        self.refuse(path.as_deref(), Some(name.to_owned()), fault);
    }

    /// A plugin file, or what was built from it, is not taken.
    pub(super) fn refuse(&mut self, path: Option<&Path>, name: Option<String>, fault: Fault) {
        let serving = name.as_deref().and_then(|name| self.catalogue.serving(name).ok().flatten());
        if let Some(path) = path {
            self.refused.insert(path.to_owned(), fault.clone());
        }
        self.notices.push_back(Notice::Refused {
            projection: name.clone(),
            file: path.map(file_name).unwrap_or_default(),
            fault: fault.clone(),
            serving: serving.as_ref().map(status::short_hash),
        });
        let Some(name) = name else { return };
        let Some(entry) = self.projections.get_mut(&name) else { return };
        entry.published.refused = Some(fault.clone());
        let asked = entry.rebuild_asked.take();
        self.answer(asked, Answer::Failed(fault));
        self.steer(&name);
    }

    /// The serving projector failed: its read model stays as it is at the checkpoint.
    pub(super) fn park(&mut self, name: &str, fault: Fault) {
        let checkpoint = status::checkpoint(&self.catalogue, name);
        let Some(entry) = self.projections.get_mut(name) else { return };
        if entry.published.state == State::Stopped {
            // It did not even start.
            entry.signal(Signal::Started);
        }
        entry.signal(Signal::Faulted);
        entry.published.fault = Some(fault.clone());
        if let Some(worker) = entry.serving.take() {
            self.retire(name, worker, None);
        }
        self.notices.push_back(Notice::Parked { projection: name.to_owned(), checkpoint, fault });
        self.publish(name);
    }
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
