//! The **load queue**: plugins that are read, checked and compiled by threads of their own, one at a time for each file
//! and no more at once than there are cores, however many files are dropped.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crossbeam_channel::Sender;

use crate::event::{Blame, Fault, FaultKind, Result};
use crate::plugin::Engine;
use crate::project::Project;
use crate::projection;

use super::backoff::Backoff;
use super::message::HostMessage;
use super::worker::millis;

/// Why a plugin is loaded.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Purpose {
    /// Its file is new or has changed.
    File(PathBuf),
    /// Its generation serves, and its file is another by now.
    Serve { name: String },
}

/// A plugin that is loaded, or waits for that.
pub(super) struct Load {
    pub purpose: Purpose,
    pub bytes: Arc<[u8]>,
    /// When the file changed.
    pub changed: Instant,
    is_started: bool,
    /// Newer bytes of the same file, to be loaded next; what is being loaded is out of date.
    newer: Option<(Arc<[u8]>, Instant)>,
    backoff: Option<Backoff>,
}

/// What came of a load.
pub(super) enum LoadResult {
    /// It is done, one way or the other.
    Load(Load),
    /// Newer bytes are loaded instead.
    Superseded,
    /// Nobody wants it any more.
    Unknown,
}

pub(super) struct LoadQueue {
    loads: BTreeMap<u64, Load>,
    next_ticket: u64,
    engine: Engine,
    project: Project,
    sender: Sender<HostMessage>,
}

impl LoadQueue {
    pub fn new(engine: Engine, project: Project, sender: Sender<HostMessage>) -> LoadQueue {
        LoadQueue { loads: BTreeMap::new(), next_ticket: 1, engine, project, sender }
    }

    /// Loads these bytes as soon as it is their turn.
    pub fn push(&mut self, purpose: Purpose, bytes: Arc<[u8]>, changed: Instant) {
        if let Some(load) = self.loads.values_mut().find(|load| load.purpose == purpose) {
            match load.is_started {
                true => load.newer = Some((bytes, changed)),
                false => (load.bytes, load.changed, load.backoff) = (bytes, changed, None),
            }
            return;
        }
        let load = Load { purpose, bytes, changed, is_started: false, newer: None, backoff: None };
        self.insert(load);
    }

    fn insert(&mut self, load: Load) {
        self.next_ticket += 1;
        self.loads.insert(self.next_ticket, load);
    }

    /// Starts what can be started. A thread that cannot be started now is tried again.
    pub fn start(&mut self, events: u64) {
        let now = Instant::now();
        while self.has_free_core() {
            let may_start =
                |load: &Load| !load.is_started && !load.backoff.as_ref().is_some_and(|backoff| backoff.is_resting(now));
            let Some((&ticket, load)) = self.loads.iter_mut().find(|(_, load)| may_start(load)) else { return };
            let (engine, project, sender) = (self.engine.clone(), self.project.clone(), self.sender.clone());
            let bytes = load.bytes.clone();
            let started = thread::Builder::new()
                .name("load".into())
                .spawn(move || run(ticket, &engine, &project, &bytes, events, &sender));
            match started {
                Ok(_) => load.is_started = true,
                Err(error) => {
                    let fault = Fault::storage("starting a thread", error);
                    load.backoff = Some(Backoff::after(load.backoff.as_ref(), fault));
                }
            }
        }
    }

    fn has_free_core(&self) -> bool {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        self.loads.values().filter(|load| load.is_started).count() < cores
    }

    /// Takes out what has ended.
    pub fn finish(&mut self, ticket: u64) -> LoadResult {
        let Some(load) = self.loads.remove(&ticket) else { return LoadResult::Unknown };
        match load.newer {
            Some((bytes, changed)) => {
                self.push(load.purpose, bytes, changed);
                LoadResult::Superseded
            }
            None => LoadResult::Load(load),
        }
    }

    /// Puts back what failed with a fault that may pass.
    pub fn put_back(&mut self, mut load: Load, fault: Fault) {
        load.backoff = Some(Backoff::after(load.backoff.as_ref(), fault));
        load.is_started = false;
        self.insert(load);
    }

    /// Tries at once what rests, as far as it is of this file.
    pub fn hasten(&mut self, path: &Path) {
        for load in self.loads.values_mut().filter(|load| load.purpose == Purpose::File(path.to_owned())) {
            load.backoff = None;
        }
    }

    /// Forgets what was to be loaded of a file that is gone. What is being loaded comes back and finds no file.
    pub fn forget(&mut self, path: &Path) {
        let purpose = Purpose::File(path.to_owned());
        self.loads.retain(|_, load| load.is_started || load.purpose != purpose);
        self.loads.values_mut().filter(|load| load.purpose == purpose).for_each(|load| load.newer = None);
    }

    pub fn is_loading(&self, purpose: &Purpose) -> bool {
        self.loads.values().any(|load| load.purpose == *purpose)
    }

    pub fn is_empty(&self) -> bool {
        self.loads.is_empty()
    }

    /// When the first of those that rest is to be tried again.
    pub fn again(&self) -> Option<Instant> {
        if !self.has_free_core() {
            return None; // the end of a load wakes the loop
        }
        self.loads.values().filter(|load| !load.is_started).filter_map(|load| load.backoff.as_ref()?.again()).min()
    }
}

fn run(ticket: u64, engine: &Engine, project: &Project, bytes: &[u8], events: u64, sender: &Sender<HostMessage>) {
    let started = Instant::now();
    let loaded =
        catch_unwind(AssertUnwindSafe(|| projection::load(engine, project, bytes, events))).unwrap_or_else(|_| {
            Err(Fault::new(FaultKind::Incompatible, "reading the plugin made the host panic")
                .blame(Blame::Host)
                .hint("this is a bug in projectionist: please report it with the plugin file"))
        });
    // The host only stops listening when it goes down.
    let _ = sender.send(HostMessage::Loaded { ticket, loaded: loaded as Result<_>, load_ms: millis(started) });
}
