//! How the supervisor **reacts**: a file changed, a plugin was loaded, a worker spoke.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::event::{Fault, FaultKind, Result, Timestamp};
use crate::plugin::Plugin;
use crate::projector::{self, BatchSize, Signal, State};
use crate::read_model::{Facts, GenerationRecord, Wanted};

use super::folder::Found;
use super::happening::{Completed, Happening, ThreadNumber, Word};
use super::host::{Host, Retiring};
use super::notice::{Notice, SwapReport};
use super::reel::{Building, Candidate};
use super::requests::Answer;
use super::status;
use super::worker::{Assignment, Task, Worker, millis};

/// A plugin that is being read, checked and compiled by a thread of its own.
pub(super) struct Loading {
    pub purpose: Purpose,
    pub bytes: Arc<[u8]>,
    /// When the file changed, or the command came.
    pub changed: Instant,
}

/// Why a plugin is loaded.
pub(super) enum Purpose {
    /// Its file is new or has changed.
    File(PathBuf),
    /// Its generation serves and is to go on.
    Serve { name: String },
    /// It is to be built anew though nothing changed.
    Rebuild { name: String },
}

impl Host {
    /// Starts what served when the last host went down, as far as its plugin file is still there.
    pub(super) fn boot(&mut self) -> Result<()> {
        self.is_booted = true;
        for record in self.catalogue.projections()? {
            let reel = self.reels.entry(record.name.clone()).or_default();
            reel.published = status::published(record.state.as_deref());
            reel.published.building = None;
            let file =
                record.plugin_file.as_ref().map(|file| self.project.plugins.join(file)).filter(|file| file.exists());
            let is_parked = reel.published.state == State::Parked;
            let is_paused = record.wanted == Wanted::Paused;
            if is_paused {
                reel.published.state = State::Paused;
            } else if !is_parked {
                reel.published.state = State::Stopped;
            }
            if let Some(file) = file {
                self.claims.insert(file.clone(), record.name.clone());
                reel.file = Some(file);
                if !is_paused {
                    self.load_serving(&record.name)?;
                }
            }
        }
        Ok(())
    }

    /// The folder changed.
    pub(super) fn find(&mut self, found: Found) -> Result<()> {
        match found {
            Found::Changed { file, bytes, changed } => self.load(Purpose::File(file), bytes.into(), changed),
            Found::Unreadable { file, fault } => self.refuse(Some(&file), None, fault),
            Found::Vanished { file } => {
                self.refused.remove(&file);
                match self.claims.remove(&file) {
                    Some(name) => self.remove(&name),
                    None => Ok(()),
                }
            }
        }
    }

    /// A worker or a loader spoke.
    pub(super) fn react(&mut self, happening: Happening) -> Result<()> {
        match happening {
            Happening::Loaded { ticket, loaded, load_ms } => self.loaded(ticket, loaded, load_ms),
            Happening::Projector { thread, name, word } => self.hear(thread, &name, word),
            Happening::Trouble(fault) => {
                self.notices.push_back(Notice::Trouble { fault });
                Ok(())
            }
        }
    }

    /// Reads, checks and compiles a plugin on a thread of its own.
    pub(super) fn load(&mut self, purpose: Purpose, bytes: Arc<[u8]>, changed: Instant) -> Result<()> {
        // Of a file that changes faster than it loads, only the newest bytes matter.
        if let Purpose::File(file) = &purpose {
            self.loading.retain(|_, loading| !matches!(&loading.purpose, Purpose::File(other) if other == file));
        }
        let ticket = self.next_number();
        let (engine, sender, project) = (self.engine.clone(), self.sender.clone(), self.project.clone());
        let loaded_bytes = bytes.clone();
        self.loading.insert(ticket, Loading { purpose, bytes, changed });
        thread::Builder::new()
            .name("load".into())
            .spawn(move || {
                let started = Instant::now();
                let loaded = projector::load(&engine, &project, &loaded_bytes);
                let _ = sender.send(Happening::Loaded { ticket, loaded, load_ms: millis(started) });
            })
            .map(drop)
            .map_err(|error| Fault::storage("starting a thread", error))
    }

    /// Loads the plugin of the serving generation from the bytes kept with it.
    pub(super) fn load_serving(&mut self, name: &str) -> Result<()> {
        let Some(serving) = self.catalogue.serving(name)? else { return Ok(()) };
        let bytes = self.catalogue.plugin(&serving.identity.plugin_hash)?;
        self.load(Purpose::Serve { name: name.to_owned() }, bytes.into(), Instant::now())
    }

    fn loaded(&mut self, ticket: u64, loaded: Result<Plugin, Fault>, load_ms: f64) -> Result<()> {
        let Some(loading) = self.loading.remove(&ticket) else { return Ok(()) };
        match (&loading.purpose, loaded) {
            (Purpose::File(file), Ok(plugin)) => {
                let file = file.clone();
                self.take_file(&file, plugin, loading, load_ms)
            }
            (Purpose::File(file), Err(fault)) => {
                let name = self.claims.get(file).cloned();
                self.refuse(Some(file), name, fault)
            }
            (Purpose::Serve { name }, Ok(plugin)) => self.follow(name, plugin),
            (Purpose::Serve { name }, Err(fault)) => self.park(name, fault),
            (Purpose::Rebuild { name }, Ok(plugin)) => {
                let name = name.clone();
                self.build(&name, plugin, loading, load_ms, true)
            }
            (Purpose::Rebuild { name }, Err(fault)) => self.refuse(None, Some(name.clone()), fault),
        }
    }

    /// A plugin file that loads: it is new, or another than what serves, or the same again.
    fn take_file(&mut self, file: &Path, plugin: Plugin, loading: Loading, load_ms: f64) -> Result<()> {
        let name = plugin.manifest().name.clone();
        if let Some((other, _)) = self.claims.iter().find(|(other, claim)| **claim == name && other.as_path() != file) {
            let message = format!("{} is already projection `{name}`", other.display());
            let fault = Fault::new(FaultKind::Manifest, message)
                .hint("remove one of the two files, or give one plugin another name in `export!`");
            return self.refuse(Some(file), None, fault);
        }
        if let Some(former) = self.claims.insert(file.to_owned(), name.clone())
            && former != name
        {
            self.remove(&former)?;
        }
        self.refused.remove(file);
        let settings = self.project.settings_of(&name);
        let hash = plugin.hash().to_string();
        self.catalogue.set_file(&name, Some(&file_name(file)), Some(&hash))?;
        let record = self.catalogue.expect_projection(&name)?;
        let reel = self.reels.entry(name.clone()).or_default();
        reel.file = Some(file.to_owned());
        reel.published.refused = None;
        if record.wanted == Wanted::Paused {
            reel.published.state = State::Paused;
            return self.publish(&name);
        }
        match self.catalogue.serving(&name)? {
            Some(serving) if is_of(&serving, &hash, &settings) => {
                // A rebuild that was asked for builds from these same bytes: it goes on.
                let candidate = self.reels[&name].candidate.as_ref();
                if candidate.is_some_and(|candidate| candidate.worker.plugin.hash() != plugin.hash()) {
                    self.give_up_candidate(&name, "the plugin file went back to what serves")?;
                }
                self.follow(&name, plugin)
            }
            Some(_) => {
                let is_on_its_way = self
                    .loading
                    .values()
                    .any(|other| matches!(&other.purpose, Purpose::Serve { name: served } if *served == name));
                if self.reels[&name].serving.is_none() && !is_on_its_way {
                    self.load_serving(&name)?;
                }
                if record.rolled_back_from.as_deref() == Some(&hash) {
                    tracing::info!(
                        projection = name,
                        hash,
                        "an operator rolled back from this plugin: not built again"
                    );
                    return self.publish(&name);
                }
                self.build(&name, plugin, loading, load_ms, false)
            }
            None => self.build(&name, plugin, loading, load_ms, false),
        }
    }

    /// Lets the serving generation follow, unless it does already.
    pub(super) fn follow(&mut self, name: &str, plugin: Plugin) -> Result<()> {
        if self.reels.get(name).is_none_or(|reel| reel.serving.is_some()) {
            return self.publish(name);
        }
        let Some(serving) = self.catalogue.serving(name)? else { return Ok(()) };
        self.wait_for_file(serving.id)?;
        let worker = self.start(&serving, plugin, Task::Follow)?;
        let Some(reel) = self.reels.get_mut(name) else { return Ok(()) };
        reel.serving = Some(worker);
        reel.caught_up = false;
        reel.signal(Signal::Started);
        self.notices.push_back(Notice::Resumed {
            projection: name.to_owned(),
            checkpoint: status::checkpoint(&self.catalogue, name)?.unwrap_or_default(),
        });
        self.publish(name)
    }

    /// Builds a candidate beside what serves; a generation that is kept and equal is brought back instead.
    fn build(&mut self, name: &str, plugin: Plugin, loading: Loading, load_ms: f64, anew: bool) -> Result<()> {
        self.drop_candidate(name)?;
        let settings = self.project.settings_of(name);
        let hash = plugin.hash().to_string();
        let kept = if anew { None } else { self.catalogue.find_ready(name, &hash, &settings)? };
        let (record, task) = match kept {
            Some(record) => (record, Task::Return),
            None => {
                let identity = projector::identity(&plugin, settings);
                (self.catalogue.begin(&identity, plugin.manifest(), &loading.bytes)?, Task::Build { identity })
            }
        };
        self.notices.push_back(Notice::Building {
            projection: name.to_owned(),
            version: plugin.manifest().version,
            hash: plugin.hash().short(),
        });
        let is_new = matches!(task, Task::Build { .. });
        let worker = match self.start(&record, plugin, task) {
            Ok(worker) => worker,
            Err(fault) => {
                if is_new {
                    self.catalogue.discard(record.id)?;
                }
                return self.refuse(None, Some(name.to_owned()), fault);
            }
        };
        let head = self.head.head();
        let reel = self.reels.entry(name.to_owned()).or_default();
        reel.published.building = Some(Building {
            hash: worker.plugin.hash().short(),
            covered: Default::default(),
            through: head,
            events_per_s: 0,
        });
        reel.candidate = Some(Candidate { worker, changed: loading.changed, load_ms, is_new });
        self.publish(name)
    }

    fn start(&mut self, record: &GenerationRecord, plugin: Plugin, task: Task) -> Result<Worker> {
        let name = &record.identity.projection;
        Worker::start(Assignment {
            thread: self.next_number(),
            task,
            generation: record.id,
            file: self.catalogue.generation_path(name, record.id),
            limits: self.project.limits_of(name).clone(),
            settings: record.identity.settings.clone(),
            size: BatchSize::events(self.project.batch_events),
            source: self.source.clone(),
            head: self.head.clone(),
            sender: self.sender.clone(),
            plugin,
        })
    }

    fn hear(&mut self, thread: ThreadNumber, name: &str, word: Word) -> Result<()> {
        if let Word::Said(lines) = word {
            self.notices.extend(lines.into_iter().map(|line| Notice::Said {
                projection: name.to_owned(),
                level: line.level.as_str(),
                message: line.message,
            }));
            return Ok(());
        }
        let Some(reel) = self.reels.get_mut(name) else { return Ok(()) };
        let is_candidate = reel.is_candidate_thread(thread);
        if !is_candidate && !reel.is_serving_thread(thread) {
            return Ok(());
        }
        match word {
            Word::Opened if !is_candidate => reel.signal(Signal::Opened),
            Word::Opened | Word::Stopped | Word::Said(_) => {}
            Word::Progress { progress, events_per_s } => {
                if is_candidate && let Some(building) = &mut reel.published.building {
                    *building = Building {
                        covered: progress.covered,
                        through: progress.through,
                        events_per_s,
                        hash: std::mem::take(&mut building.hash),
                    };
                }
                self.notices.push_back(Notice::Progress {
                    projection: name.to_owned(),
                    checkpoint: progress.covered,
                    head: progress.through,
                    events_per_s,
                });
            }
            Word::CaughtUp => {
                reel.caught_up = true;
                reel.signal(Signal::CaughtUp);
            }
            Word::Retrying(fault) => self.notices.push_back(Notice::Trouble { fault }),
            Word::Complete(completed) => return self.swap(name, completed),
            Word::Faulted(fault) if is_candidate => return self.refuse_candidate(name, fault),
            Word::Faulted(fault) => return self.park(name, fault),
        }
        self.publish(name)
    }

    /// A complete candidate takes over.
    fn swap(&mut self, name: &str, completed: Completed) -> Result<()> {
        let Some(candidate) = self.reels.get_mut(name).and_then(|reel| reel.candidate.take()) else { return Ok(()) };
        let swapping = Instant::now();
        if candidate.is_new {
            let Completed { checkpoint, events, rows, replay_ms, .. } = completed;
            let facts = Facts { checkpoint, events, rows, replay_ms };
            self.catalogue.ready(completed.generation, &facts, Timestamp::now())?;
        }
        let swapped = self.catalogue.swap(name, completed.generation)?;
        self.notices.extend(swapped.link_fault.map(|fault| Notice::Trouble { fault }));
        let replaced = swapped.previous.map(|id| self.catalogue.generation(id)).transpose()?;
        let report = SwapReport {
            projection: name.to_owned(),
            version: candidate.worker.plugin.manifest().version,
            hash: candidate.worker.plugin.hash().short(),
            replaced: replaced.as_ref().map(status::short_hash),
            events: completed.events,
            rows: completed.rows,
            checkpoint: completed.checkpoint,
            served_ms: millis(candidate.changed),
            load_ms: candidate.load_ms,
            replay_ms: completed.replay_ms,
            finish_ms: completed.finish_ms + millis(swapping),
        };
        let Some(reel) = self.reels.get_mut(name) else { return Ok(()) };
        if let Some(former) = reel.serving.replace(candidate.worker) {
            former.stop(&self.head);
            self.retiring.push(Retiring { worker: former, discard: None });
        }
        reel.caught_up = false;
        reel.published.building = None;
        reel.published.refused = None;
        reel.signal(Signal::Started);
        reel.signal(Signal::Opened);
        reel.swapped = Some(report.clone());
        let asked = reel.rebuild_asked.take();
        self.notices.push_back(Notice::Swapped(report.clone()));
        self.catalogue.prune(name, self.project.keep_generations)?;
        self.answer(asked, Answer::Swapped(report))?;
        self.publish(name)
    }

    /// The candidate failed: what served goes on serving.
    fn refuse_candidate(&mut self, name: &str, fault: Fault) -> Result<()> {
        let file = self.reels.get(name).and_then(|reel| reel.file.clone());
        self.drop_candidate(name)?;
        self.refuse(file.as_deref(), Some(name.to_owned()), fault)
    }

    pub(super) fn refuse(&mut self, file: Option<&Path>, name: Option<String>, fault: Fault) -> Result<()> {
        let serving = match &name {
            Some(name) => self.catalogue.serving(name)?.as_ref().map(status::short_hash),
            None => None,
        };
        if let Some(file) = file {
            self.refused.insert(file.to_owned(), fault.clone());
        }
        self.notices.push_back(Notice::Refused {
            projection: name.clone(),
            file: file.map(file_name).unwrap_or_default(),
            fault: fault.clone(),
            serving,
        });
        let Some(name) = name else { return Ok(()) };
        let Some(reel) = self.reels.get_mut(&name) else { return Ok(()) };
        reel.published.refused = Some(fault.clone());
        let asked = reel.rebuild_asked.take();
        self.answer(asked, Answer::Failed(fault))?;
        self.publish(&name)
    }

    /// The serving projector failed: its read model stays as it is at the checkpoint.
    fn park(&mut self, name: &str, fault: Fault) -> Result<()> {
        let checkpoint = status::checkpoint(&self.catalogue, name)?.unwrap_or_default();
        let Some(reel) = self.reels.get_mut(name) else { return Ok(()) };
        if let Some(worker) = reel.serving.take() {
            self.retiring.push(Retiring { worker, discard: None });
        }
        if reel.published.state == State::Stopped {
            // Its plugin did not even load: it was about to start.
            reel.signal(Signal::Started);
        }
        reel.signal(Signal::Faulted);
        reel.published.fault = Some(fault.clone());
        self.notices.push_back(Notice::Parked { projection: name.to_owned(), checkpoint, fault });
        self.publish(name)
    }

    /// The plugin file is gone: the projection stops and keeps its read model.
    fn remove(&mut self, name: &str) -> Result<()> {
        self.give_up_candidate(name, "the plugin file is gone")?;
        self.stop_serving(name, Signal::StopAsked);
        if let Some(reel) = self.reels.get_mut(name) {
            reel.file = None;
            reel.published.refused = None;
        }
        self.notices.push_back(Notice::Removed { projection: name.to_owned() });
        self.publish(name)
    }

    pub(super) fn stop_serving(&mut self, name: &str, signal: Signal) {
        let Some(reel) = self.reels.get_mut(name) else { return };
        if let Some(worker) = reel.serving.take() {
            worker.stop(&self.head);
            self.retiring.push(Retiring { worker, discard: None });
        }
        reel.signal(signal);
    }

    /// Stops the candidate, if any; an unfinished generation is thrown away once its worker is gone.
    pub(super) fn drop_candidate(&mut self, name: &str) -> Result<()> {
        let Some(reel) = self.reels.get_mut(name) else { return Ok(()) };
        reel.published.building = None;
        if let Some(candidate) = reel.candidate.take() {
            candidate.worker.stop(&self.head);
            let discard = candidate.is_new.then_some(candidate.worker.generation);
            self.retiring.push(Retiring { worker: candidate.worker, discard });
        }
        Ok(())
    }

    /// Stops the candidate, if any, and tells whoever asked for it.
    fn give_up_candidate(&mut self, name: &str, reason: &str) -> Result<()> {
        let Some(reel) = self.reels.get_mut(name).filter(|reel| reel.candidate.is_some()) else { return Ok(()) };
        let asked = reel.rebuild_asked.take();
        self.drop_candidate(name)?;
        self.answer(asked, Answer::Failed(Fault::input(format!("the rebuild ended: {reason}")).of(name)))
    }

    /// Tells other processes how the projection stands.
    pub(super) fn publish(&mut self, name: &str) -> Result<()> {
        let Some(reel) = self.reels.get(name) else { return Ok(()) };
        let published = serde_json::to_string(&reel.published)
            .map_err(|error| Fault::storage("writing a projection's state", error))?;
        self.catalogue.publish_state(name, &published)
    }
}

/// Whether this plugin with these settings built the generation.
fn is_of(generation: &GenerationRecord, hash: &str, settings: &str) -> bool {
    generation.identity.plugin_hash == hash && generation.identity.settings == settings
}

fn file_name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
