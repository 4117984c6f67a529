//! The **host**: the loop that runs a project, and everything it holds.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::event::{Fault, Result};
use crate::event_store::Source;
use crate::history::History;
use crate::plugin::MemoryBudget;
use crate::project::Project;
use crate::read_model::{Catalogue, GenerationId, HostLock, RequestId};

use super::folder::PluginFolder;
use super::handle::HostHandle;
use super::head::HeadWatch;
use super::load_queue::LoadQueue;
use super::message::{HostMessage, ThreadNumber};
use super::notice::Notice;
use super::outcome::{self, Outcome};
use super::projection_entry::ProjectionEntry;
use super::request_watch::RequestWatch;
use super::segment_sealer::SegmentSealer;
use super::snapshot::SnapshotCell;
use super::status;
use super::status_file::StatusFile;
use super::stop::Stop;
use super::worker::Worker;

/// The loop looks around this often when nothing wakes it: for requests and files that it was not told of.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Messages that wait for the loop; a full channel makes their senders wait, not grow.
const MESSAGES_WAITING_MAX: usize = 1024;

/// The same warning is given again only after this long.
const WARN_AGAIN: Duration = Duration::from_secs(10);

/// How long going down waits for plugins in the middle of a call.
const GOING_DOWN_PATIENCE: Duration = Duration::from_secs(15);

/// What could not be written to the catalogue is tried again after this long.
const WRITE_AGAIN: Duration = Duration::from_millis(500);

/// Runs one project. There is at most one for a project folder; it holds the folder's lock.
pub struct Host {
    pub(super) project: Project,
    /// What all projections of the process may take together.
    pub(super) memory: MemoryBudget,
    pub(super) source: Arc<dyn Source>,
    pub(super) head: Arc<HeadWatch>,
    /// The log as columns; none when it is turned off, or cannot be opened.
    pub(super) history: Option<History>,
    /// Seals history as the log grows, once projections run.
    pub(super) sealer: Option<SegmentSealer>,
    pub(super) catalogue: Catalogue,
    pub(super) folder: PluginFolder,
    pub(super) loads: LoadQueue,
    pub(super) projections: BTreeMap<String, ProjectionEntry>,
    /// The name that each plugin file gave itself.
    pub(super) names_by_file: HashMap<PathBuf, String>,
    /// Plugin files that were refused since the host came up.
    pub(super) refused: BTreeMap<PathBuf, Fault>,
    /// Plugin files that cannot be read or loaded at the moment.
    pub(super) waiting_files: BTreeMap<PathBuf, Fault>,
    /// Projections whose builds wait for room or a core, the first first.
    pub(super) build_queue: VecDeque<String>,
    /// Projections that were swapped, whose oldest generations may go.
    pub(super) prunable: Vec<String>,
    /// Workers that were asked to stop and have not yet.
    pub(super) retiring: Vec<Retiring>,
    /// Threads that have sent their last message.
    pub(super) ended: BTreeSet<ThreadNumber>,
    pub(super) notices: VecDeque<Notice>,
    pub(super) sender: Sender<HostMessage>,
    messages: Receiver<HostMessage>,
    /// Whether projections run; commands are also executed without.
    pub(super) is_booted: bool,
    last_warning: Option<(String, Instant)>,
    /// Replies that could not be written yet.
    pub(super) unsent_replies: Vec<(RequestId, String)>,
    /// Projections whose state could not be written yet.
    pub(super) unpublished: BTreeSet<String>,
    write_again: Option<Instant>,
    pub(super) snapshot: SnapshotCell,
    pub(super) status_file: StatusFile,
    _request_watch: Option<RequestWatch>,
    has_checked_names: bool,
    next_number: u64,
    _lock: HostLock,
}

/// A worker that was asked to stop, and the unfinished generation to throw away after it.
pub(super) struct Retiring {
    pub projection: String,
    pub worker: Worker,
    pub discard: Option<GenerationId>,
}

impl Host {
    /// Takes the project's lock and mends what a crash left. Nothing runs yet.
    pub fn open(project: &Project) -> Result<Host> {
        let source: Arc<dyn Source> = project.event_store()?;
        let lock = HostLock::take(&project.data)?;
        let catalogue = Catalogue::open(&project.data)?;
        catalogue.repair()?;
        let (sender, messages) = bounded(MESSAGES_WAITING_MAX);
        let warnings = sender.clone();
        let head = HeadWatch::start(source.clone(), move |fault| {
            let _ = warnings.send(HostMessage::Warning(fault));
        })?;
        let mut notices = VecDeque::new();
        let history = match project.history.enabled {
            true => History::open(&project.history.folder, &*source)
                .map_err(|fault| notices.push_back(Notice::Warning { fault }))
                .ok(),
            false => None,
        };
        let engine = project.engine()?;
        let memory = project.limits.memory_budget();
        memory.when_freed(waker(&sender));
        Ok(Host {
            memory,
            folder: PluginFolder::watch(&project.plugins, waker(&sender))?,
            loads: LoadQueue::new(engine, project.clone(), sender.clone()),
            _request_watch: RequestWatch::start(&catalogue.requests_folder(), waker(&sender)),
            project: project.clone(),
            source,
            head,
            history,
            sealer: None,
            catalogue,
            projections: BTreeMap::new(),
            names_by_file: HashMap::new(),
            refused: BTreeMap::new(),
            waiting_files: BTreeMap::new(),
            build_queue: VecDeque::new(),
            prunable: Vec::new(),
            retiring: Vec::new(),
            ended: BTreeSet::new(),
            notices,
            sender,
            messages,
            is_booted: false,
            last_warning: None,
            unsent_replies: Vec::new(),
            unpublished: BTreeSet::new(),
            write_again: None,
            snapshot: SnapshotCell::default(),
            status_file: StatusFile::open(&project.data)?,
            has_checked_names: false,
            next_number: 1,
            _lock: lock,
        })
    }

    /// A way to give commands to the host, and to see how it stands, from other threads.
    pub fn handle(&self) -> HostHandle {
        HostHandle { messages: self.sender.clone(), snapshot: self.snapshot.clone() }
    }

    /// Watches, follows and swaps until `stop` is asked.
    pub fn serve(&mut self, stop: &Stop, tell: &mut dyn FnMut(Notice)) -> Result<()> {
        stop.on_ask(waker(&self.sender));
        self.boot()?;
        tell(Notice::Serving {
            plugins: self.project.plugins.display().to_string(),
            head: self.head.head(),
            projections: self.projections.len(),
        });
        while !stop.asked() {
            self.turn(tell);
        }
        self.go_down(tell);
        Ok(())
    }

    /// Brings every projection to the head once, or as far as it comes until `stop` is asked.
    pub fn project_once(&mut self, stop: &Stop, tell: &mut dyn FnMut(Notice)) -> Result<Vec<Outcome>> {
        stop.on_ask(waker(&self.sender));
        self.boot()?;
        while !stop.asked() {
            self.turn(tell);
            if self.is_at_rest() {
                break;
            }
        }
        let left = outcome::what_is_left(&self.projections, &self.file_states());
        self.go_down(tell);
        Ok(self.outcomes(left))
    }

    fn outcomes(&self, mut left: BTreeMap<String, String>) -> Vec<Outcome> {
        let of_projection = |(name, entry): (&String, &ProjectionEntry)| {
            let checkpoint = status::checkpoint(&self.catalogue, name);
            outcome::of_projection(name, entry, checkpoint, left.remove(name))
        };
        let mut outcomes: Vec<Outcome> = self.projections.iter().map(of_projection).collect();
        for (file, fault) in &self.refused {
            if fault.projection.as_ref().is_none_or(|name| !self.projections.contains_key(name)) {
                outcomes.push(outcome::of_file(status::file_name(file), Some(fault.clone()), None));
            }
        }
        outcomes.extend(left.into_iter().map(|(file, left)| outcome::of_file(file, None, Some(left))));
        outcomes
    }

    /// One turn of the loop: messages, the folder, requests, and what is due. What fails concerns one projection, or
    /// passes: the loop goes on.
    pub(super) fn turn(&mut self, tell: &mut dyn FnMut(Notice)) {
        let first = self.messages.recv_deadline(self.next_turn());
        let messages: Vec<HostMessage> = first.into_iter().chain(self.messages.try_iter()).collect();
        for message in messages {
            self.handle_message(message);
        }
        self.release_ended_workers();
        for change in self.folder.look() {
            self.handle_file(change);
        }
        self.loads.start(self.head.head().0);
        self.take_requests();
        self.retry_what_is_due();
        self.start_queued_builds();
        if !self.has_checked_names && !self.projections.is_empty() && self.is_at_rest() {
            self.has_checked_names = true;
            self.check_names();
        }
        self.publish_snapshot();
        self.notices.drain(..).for_each(&mut *tell);
        // Nobody waits for this, so it comes after what was told.
        for name in std::mem::take(&mut self.prunable) {
            if let Err(fault) = self.catalogue.prune(&name, self.project.keep_generations) {
                self.warn(fault);
            }
        }
        self.notices.drain(..).for_each(tell);
    }

    /// When the next turn is due, if no message comes before.
    fn next_turn(&self) -> Instant {
        let look = Instant::now() + LOOK_EVERY;
        let projections = self.projections.values().filter_map(ProjectionEntry::again);
        let others = [Some(self.folder.next_look()), self.loads.again(), self.write_again];
        projections.chain(others.into_iter().flatten()).fold(look, Instant::min)
    }

    fn handle_message(&mut self, message: HostMessage) {
        match message {
            HostMessage::Loaded { ticket, loaded, load_ms } => self.handle_loaded(ticket, loaded, load_ms),
            HostMessage::Worker { thread, name, event } => self.handle_worker(thread, &name, event),
            HostMessage::Command { command, reply } => self.handle_command(command, reply),
            HostMessage::Warning(fault) => self.warn(fault),
            HostMessage::Wake => {}
        }
    }

    /// Tries again the steps that have rested, and what could not be written.
    fn retry_what_is_due(&mut self) {
        let now = Instant::now();
        let is_due = |entry: &ProjectionEntry| entry.again().is_some_and(|again| again <= now);
        let due = self.projections.iter().filter(|(_, entry)| is_due(entry)).map(|(name, _)| name.clone());
        for name in due.collect::<Vec<_>>() {
            self.reconcile(&name);
        }
        if self.write_again.is_some_and(|again| again <= now) {
            self.write_again = None;
            for name in std::mem::take(&mut self.unpublished) {
                self.publish(&name);
            }
            for (id, text) in std::mem::take(&mut self.unsent_replies) {
                self.send_reply(id, text);
            }
        }
    }

    /// What could not be written is tried again later.
    pub(super) fn write_later(&mut self, fault: Fault) {
        self.write_again = Some(Instant::now() + WRITE_AGAIN);
        self.warn(fault);
    }

    /// A name in the configuration that no plugin has is most likely misspelt.
    fn check_names(&mut self) {
        let known = self.projections.keys().cloned().collect::<Vec<_>>().join(", ");
        let is_unknown = |name: &&String| !self.projections.contains_key(*name);
        for name in self.project.projections.keys().filter(is_unknown) {
            let fault = Fault::input(format!("`[projections.{name}]` is configured, and no plugin is called so"))
                .hint(format!("there are: {known}"));
            self.notices.push_back(Notice::Warning { fault });
        }
    }

    /// Tells of something that goes wrong; the same thing not again and again.
    pub(super) fn warn(&mut self, fault: Fault) {
        let is_known = |(message, at): &(String, Instant)| *message == fault.message && at.elapsed() < WARN_AGAIN;
        if !self.last_warning.as_ref().is_some_and(is_known) {
            self.last_warning = Some((fault.message.clone(), Instant::now()));
            self.notices.push_back(Notice::Warning { fault });
        }
    }

    /// Whether everything has what it can have, and nothing is on its way.
    fn is_at_rest(&self) -> bool {
        !self.folder.has_changes()
            && self.loads.is_empty()
            && self.retiring.is_empty()
            && self.messages.is_empty()
            && self.projections.values().all(ProjectionEntry::is_at_rest)
    }

    /// A number that nothing else has, for threads.
    pub(super) fn next_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Lets go of the workers that have ended, and of the unfinished generations that they leave.
    pub(super) fn release_ended_workers(&mut self) {
        let ended = std::mem::take(&mut self.ended);
        let has_ended = |retiring: &Retiring| ended.contains(&retiring.worker.thread) || retiring.worker.is_finished();
        let (gone, others): (Vec<_>, Vec<_>) = self.retiring.drain(..).partition(has_ended);
        self.retiring = others;
        for Retiring { projection, mut worker, discard } in gone {
            worker.join();
            if let Some(Err(fault)) = discard.map(|id| self.catalogue.discard(id)) {
                // What is left of it is removed when the next host starts.
                self.warn(fault);
            }
            self.reconcile(&projection);
        }
    }

    /// Stops every worker and waits until they have committed what they had.
    pub(super) fn go_down(&mut self, tell: &mut dyn FnMut(Notice)) {
        self.is_booted = false;
        self.sealer = None;
        let names: Vec<String> = self.projections.keys().cloned().collect();
        for name in &names {
            // Nothing should run any more, so this stops all of it.
            self.reconcile(name);
        }
        let started = Instant::now();
        while self.retiring.iter().any(|retiring| !retiring.worker.is_finished())
            && started.elapsed() < GOING_DOWN_PATIENCE
        {
            // Received only so that nobody waits at a full channel; it changes nothing any more.
            let _ = self.messages.recv_timeout(Duration::from_millis(1));
        }
        self.release_ended_workers();
        self.notices.drain(..).for_each(tell);
    }
}

/// Wakes the loop. A full channel wakes it as well.
fn waker(sender: &Sender<HostMessage>) -> impl Fn() + Send + Sync + 'static + use<> {
    let sender = sender.clone();
    move || _ = sender.try_send(HostMessage::Wake)
}
