//! The **host**: the supervisor's loop, and everything it holds.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::Serialize;

use crate::event::{Fault, Position, Result};
use crate::event_store::Source;
use crate::history::History;
use crate::plugin::Engine;
use crate::project::Project;
use crate::projection::State;
use crate::read_model::{Catalogue, GenerationId, HostLock};

use super::folder::PluginFolder;
use super::handlers::Loading;
use super::head::{HeadWatch, Stop};
use super::message::Message;
use super::notice::{Notice, SwapReport};
use super::projection_entry::ProjectionEntry;
use super::requests::Answer;
use super::segment_sealer::SegmentSealer;
use super::worker::Worker;

/// The loop looks at the folder and at other processes' requests this often.
const TURN: Duration = Duration::from_millis(10);

/// Words of projector threads that wait for the loop; a full channel makes them wait, not grow.
const HAPPENINGS_WAITING_MAX: usize = 1024;

/// The same trouble is told again only after this long.
const TOLD_FOR: Duration = Duration::from_secs(10);

/// How long going down waits for plugins in the middle of a call.
const GOING_DOWN_PATIENCE: Duration = Duration::from_secs(15);

/// One project's supervisor. There is at most one for a project folder; it holds the folder's lock.
pub struct Host {
    pub(super) project: Project,
    pub(super) engine: Engine,
    pub(super) source: Arc<dyn Source>,
    pub(super) head: Arc<HeadWatch>,
    /// The log as columns; none when it is turned off, or cannot be opened.
    pub(super) history: Option<History>,
    /// Keeps history up, once projectors run.
    pub(super) keeper: Option<SegmentSealer>,
    pub(super) catalogue: Catalogue,
    pub(super) folder: PluginFolder,
    pub(super) projections: BTreeMap<String, ProjectionEntry>,
    /// The name that each plugin file gave itself.
    pub(super) claims: HashMap<PathBuf, String>,
    /// Plugins being loaded, by the ticket that comes back with them.
    pub(super) loading: BTreeMap<u64, Loading>,
    /// Plugin files that were refused since the host came up.
    pub(super) refused: BTreeMap<PathBuf, Fault>,
    /// Projections that were swapped, whose oldest generations may go.
    pub(super) worn: Vec<String>,
    /// Workers that were asked to stop and have not yet.
    pub(super) retiring: Vec<Retiring>,
    pub(super) notices: VecDeque<Notice>,
    pub(super) sender: Sender<Message>,
    happenings: Receiver<Message>,
    /// Whether projectors run; requests are also taken without.
    pub(super) is_booted: bool,
    /// The last trouble that was told, and when.
    told: Option<(String, Instant)>,
    /// The answer to a request of this process.
    pub(super) answered_here: Option<Answer>,
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

/// How a projection stands after [`Host::project_once`].
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The projection; the file's name where the plugin never said one.
    pub projection: String,
    /// What it does.
    pub state: State,
    /// The position whose effects are committed.
    pub checkpoint: Position,
    /// The swap, when a new generation came to serve.
    pub swapped: Option<SwapReport>,
    /// Why it is parked, or its plugin refused.
    pub fault: Option<Fault>,
}

impl Host {
    /// Takes the project's lock and mends what a crash left. Nothing runs yet.
    pub fn open(project: &Project) -> Result<Host> {
        let source: Arc<dyn Source> = project.event_store()?;
        let lock = HostLock::take(&project.data)?;
        let catalogue = Catalogue::open(&project.data)?;
        catalogue.repair()?;
        let (sender, happenings) = bounded(HAPPENINGS_WAITING_MAX);
        let troubles = sender.clone();
        let stirred = sender.clone();
        let wake = move || {
            // A full channel wakes the loop as well.
            let _ = stirred.try_send(Message::FolderStirred);
        };
        let head = HeadWatch::start(&*source, move |fault| {
            let _ = troubles.send(Message::Trouble(fault));
        })?;
        let mut notices = VecDeque::new();
        let history = match project.history.enabled {
            true => History::open(&project.history.folder, &*source)
                .map_err(|fault| notices.push_back(Notice::Trouble { fault }))
                .ok(),
            false => None,
        };
        Ok(Host {
            engine: Engine::new(Some(&project.data.join("compiled")))?,
            folder: PluginFolder::watch(&project.plugins, wake)?,
            project: project.clone(),
            source,
            head,
            history,
            keeper: None,
            catalogue,
            projections: BTreeMap::new(),
            claims: HashMap::new(),
            loading: BTreeMap::new(),
            refused: BTreeMap::new(),
            worn: Vec::new(),
            retiring: Vec::new(),
            notices,
            sender,
            happenings,
            is_booted: false,
            told: None,
            answered_here: None,
            has_checked_names: false,
            next_number: 1,
            _lock: lock,
        })
    }

    /// Watches, follows and swaps until `stop` is asked.
    pub fn serve(&mut self, stop: &Stop, tell: &mut dyn FnMut(Notice)) -> Result<()> {
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

    /// Brings every projection to the head once.
    pub fn project_once(&mut self, stop: &Stop, tell: &mut dyn FnMut(Notice)) -> Result<Vec<Outcome>> {
        self.boot()?;
        loop {
            self.turn(tell);
            if stop.asked() || self.is_settled() {
                break;
            }
        }
        self.go_down(tell);
        Ok(self.outcomes())
    }

    /// One turn of the loop: what happened, what lies in the folder, what others ask for. What fails concerns one
    /// projection, or passes: the loop goes on.
    pub(super) fn turn(&mut self, tell: &mut dyn FnMut(Notice)) {
        let first = self.happenings.recv_timeout(TURN);
        let happenings: Vec<Message> = first.into_iter().chain(self.happenings.try_iter()).collect();
        for happening in happenings {
            let reacted = self.react(happening);
            self.note(reacted);
        }
        self.bury();
        match self.folder.look() {
            Ok(found) => {
                for one in found {
                    let reacted = self.find(one);
                    self.note(reacted);
                }
            }
            Err(fault) => self.trouble(fault),
        }
        let answered = self.answer_requests();
        self.note(answered);
        let now = Instant::now();
        let due = |entry: &ProjectionEntry| entry.again.is_some_and(|again| again <= now);
        let due: Vec<String> =
            self.projections.iter().filter(|(_, entry)| due(entry)).map(|(name, _)| name.clone()).collect();
        due.iter().for_each(|name| self.steer(name));
        if !self.has_checked_names && !self.projections.is_empty() && self.is_settled() {
            self.has_checked_names = true;
            self.check_names();
        }
        self.notices.drain(..).for_each(&mut *tell);
        // Nobody waits for this, so it comes after what was told.
        for name in std::mem::take(&mut self.worn) {
            let pruned = self.catalogue.prune(&name, self.project.keep_generations).map(|_| ());
            self.note(pruned);
        }
        self.notices.drain(..).for_each(tell);
    }

    /// A name in the configuration that no plugin has is most likely misspelt.
    fn check_names(&mut self) {
        let known = self.projections.keys().cloned().collect::<Vec<_>>().join(", ");
        let strange = |name: &&String| !self.projections.contains_key(*name);
        for name in self.project.projections.keys().filter(strange) {
            let fault = Fault::input(format!("`[projections.{name}]` is configured, and no plugin is called so"))
                .hint(format!("there are: {known}"));
            self.notices.push_back(Notice::Trouble { fault });
        }
    }

    fn note(&mut self, reacted: Result<()>) {
        if let Err(fault) = reacted {
            self.trouble(fault);
        }
    }

    /// Tells of something that may pass; the same thing not again and again.
    pub(super) fn trouble(&mut self, fault: Fault) {
        let is_known =
            self.told.as_ref().is_some_and(|(message, at)| *message == fault.message && at.elapsed() < TOLD_FOR);
        if !is_known {
            self.told = Some((fault.message.clone(), Instant::now()));
            self.notices.push_back(Notice::Trouble { fault });
        }
    }

    /// Tells other processes how the projection stands.
    pub(super) fn publish(&mut self, name: &str) {
        let Some(entry) = self.projections.get(name) else { return };
        let published =
            serde_json::to_string(&entry.published).map_err(|error| Fault::storage("writing a state", error));
        let written = published.and_then(|published| self.catalogue.publish_state(name, &published));
        self.note(written);
    }

    /// Whether nothing is on its way any more.
    fn is_settled(&self) -> bool {
        !self.folder.is_restless()
            && self.loading.is_empty()
            && self.retiring.is_empty()
            && self.projections.values().all(ProjectionEntry::is_settled)
    }

    /// A number that nothing else has: for threads and tickets.
    pub(super) fn next_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Lets go of the workers that have ended, and of the unfinished generations that they leave.
    fn bury(&mut self) {
        let (ended, others): (Vec<_>, Vec<_>) =
            self.retiring.drain(..).partition(|retiring| retiring.worker.is_finished());
        self.retiring = others;
        for Retiring { projection, discard, .. } in ended {
            let discarded = discard.map_or(Ok(()), |id| self.catalogue.discard(id));
            self.note(discarded);
            self.steer(&projection);
        }
    }

    /// Stops every worker and waits until they have committed what they had.
    pub(super) fn go_down(&mut self, tell: &mut dyn FnMut(Notice)) {
        self.is_booted = false;
        self.keeper = None;
        let names: Vec<String> = self.projections.keys().cloned().collect();
        for name in &names {
            // Nothing should run any more: steering stops all of it.
            self.steer(name);
        }
        let started = Instant::now();
        while self.retiring.iter().any(|retiring| !retiring.worker.is_finished())
            && started.elapsed() < GOING_DOWN_PATIENCE
        {
            // Listened to only so that nobody waits at a full channel; what is said now changes nothing.
            let _ = self.happenings.recv_timeout(Duration::from_millis(1));
        }
        self.bury();
        self.notices.drain(..).for_each(tell);
    }

    fn outcomes(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for (name, entry) in &self.projections {
            let checkpoint = super::status::checkpoint(&self.catalogue, name);
            outcomes.push(Outcome {
                projection: name.clone(),
                state: entry.published.state,
                checkpoint,
                swapped: entry.swapped.clone(),
                fault: entry.published.refused.clone().or_else(|| entry.published.fault.clone()),
            });
        }
        for (file, fault) in &self.refused {
            if fault.projection.as_ref().is_none_or(|name| !self.projections.contains_key(name)) {
                outcomes.push(Outcome {
                    projection: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                    state: State::Stopped,
                    checkpoint: Position::START,
                    swapped: None,
                    fault: Some(fault.clone()),
                });
            }
        }
        outcomes
    }
}
