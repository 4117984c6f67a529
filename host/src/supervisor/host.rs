//! The **host**: the supervisor's loop, and everything it holds.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::Serialize;

use crate::event::{Fault, Position, Result};
use crate::plugin::Engine;
use crate::project::Project;
use crate::projector::{Signal, State};
use crate::read_model::{Catalogue, GenerationId, HostLock};
use crate::source::Source;
use crate::source::sqlite::SqliteStore;

use super::folder::PluginFolder;
use super::happening::Happening;
use super::head::{HeadWatch, Stop};
use super::notice::{Notice, SwapReport};
use super::react::Loading;
use super::reel::Reel;
use super::requests::Answer;
use super::worker::Worker;

/// The loop looks at the folder and at other processes' requests this often.
const TURN: Duration = Duration::from_millis(10);

/// Words of projector threads that wait for the loop; a full channel makes them wait, not grow.
const HAPPENINGS_WAITING_MAX: usize = 1024;

/// How long going down waits for plugins in the middle of a call.
const GOING_DOWN_PATIENCE: Duration = Duration::from_secs(15);

/// One project's supervisor. There is at most one for a project folder; it holds the folder's lock.
pub struct Host {
    pub(super) project: Project,
    pub(super) engine: Engine,
    pub(super) source: Arc<dyn Source>,
    pub(super) head: Arc<HeadWatch>,
    pub(super) catalogue: Catalogue,
    pub(super) folder: PluginFolder,
    pub(super) reels: BTreeMap<String, Reel>,
    /// The name that each plugin file gave itself.
    pub(super) claims: HashMap<PathBuf, String>,
    /// Plugins being loaded, by the ticket that comes back with them.
    pub(super) loading: HashMap<u64, Loading>,
    /// Plugin files that were refused since the host came up.
    pub(super) refused: BTreeMap<PathBuf, Fault>,
    /// Workers that were asked to stop and have not yet.
    pub(super) retiring: Vec<Retiring>,
    pub(super) notices: VecDeque<Notice>,
    pub(super) sender: Sender<Happening>,
    happenings: Receiver<Happening>,
    /// Whether projectors run; requests are also taken without.
    pub(super) is_booted: bool,
    /// The answer to a request of this process.
    pub(super) answered_here: Option<Answer>,
    next_number: u64,
    _lock: HostLock,
}

/// A worker that was asked to stop, and the unfinished generation to throw away after it.
pub(super) struct Retiring {
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
    /// Takes the project's lock, mends what a crash left, and starts what served before.
    pub fn open(project: &Project) -> Result<Host> {
        let lock = HostLock::take(&project.data)?;
        let catalogue = Catalogue::open(&project.data)?;
        catalogue.repair()?;
        let store = SqliteStore::open(&project.store)?;
        let source: Arc<dyn Source> = Arc::new(store);
        let (sender, happenings) = bounded(HAPPENINGS_WAITING_MAX);
        let troubles = sender.clone();
        let head = HeadWatch::start(&*source, move |fault| {
            let _ = troubles.send(Happening::Trouble(fault));
        })?;
        Ok(Host {
            engine: Engine::new(Some(&project.data.join("compiled")))?,
            folder: PluginFolder::watch(&project.plugins)?,
            project: project.clone(),
            source,
            head,
            catalogue,
            reels: BTreeMap::new(),
            claims: HashMap::new(),
            loading: HashMap::new(),
            refused: BTreeMap::new(),
            retiring: Vec::new(),
            notices: VecDeque::new(),
            sender,
            happenings,
            is_booted: false,
            answered_here: None,
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
            projections: self.reels.len(),
        });
        while !stop.asked() {
            self.turn(tell)?;
        }
        self.go_down(tell)
    }

    /// Brings every projection to the head once.
    pub fn project_once(&mut self, stop: &Stop, tell: &mut dyn FnMut(Notice)) -> Result<Vec<Outcome>> {
        self.boot()?;
        loop {
            self.turn(tell)?;
            if stop.asked() || self.is_settled() {
                break;
            }
        }
        self.go_down(tell)?;
        self.outcomes()
    }

    /// One turn of the loop: what happened, what lies in the folder, what others ask for.
    pub(super) fn turn(&mut self, tell: &mut dyn FnMut(Notice)) -> Result<()> {
        if let Ok(happening) = self.happenings.recv_timeout(TURN) {
            self.react(happening)?;
            while let Ok(happening) = self.happenings.try_recv() {
                self.react(happening)?;
            }
        }
        self.bury()?;
        for found in self.folder.look()? {
            self.find(found)?;
        }
        self.answer_requests()?;
        self.notices.drain(..).for_each(tell);
        Ok(())
    }

    /// Whether nothing is on its way any more.
    fn is_settled(&self) -> bool {
        !self.folder.is_restless()
            && self.loading.is_empty()
            && self.reels.values().all(|reel| reel.candidate.is_none() && (reel.serving.is_none() || reel.caught_up))
    }

    /// A number that nothing else has: for threads and tickets.
    pub(super) fn next_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Lets go of the workers that have ended, and of the unfinished generations that they leave.
    fn bury(&mut self) -> Result<()> {
        let (ended, others) = self.retiring.drain(..).partition(|retiring| retiring.worker.is_finished());
        self.retiring = others;
        let ended: Vec<Retiring> = ended;
        ended.into_iter().filter_map(|retiring| retiring.discard).try_for_each(|id| self.catalogue.discard(id))
    }

    /// Waits until no retiring worker holds this generation's file, listening meanwhile.
    pub(super) fn wait_for_file(&mut self, generation: GenerationId) -> Result<()> {
        let started = Instant::now();
        let mut heard = Vec::new();
        while self
            .retiring
            .iter()
            .any(|retiring| retiring.worker.generation == generation && !retiring.worker.is_finished())
        {
            if started.elapsed() > GOING_DOWN_PATIENCE {
                return Err(Fault::storage("starting the projection again", "its plugin is still in a call")
                    .hint("wait for the call's deadline (`call-ms-max`) and try again"));
            }
            heard.extend(self.happenings.recv_timeout(Duration::from_millis(1)));
        }
        heard.into_iter().try_for_each(|happening| self.react(happening))
    }

    /// Stops every worker and waits until they have committed what they had.
    pub(super) fn go_down(&mut self, tell: &mut dyn FnMut(Notice)) -> Result<()> {
        for reel in self.reels.values_mut() {
            let candidate = reel.candidate.take().map(|candidate| candidate.worker);
            for worker in reel.serving.take().into_iter().chain(candidate) {
                worker.stop(&self.head);
                // What is unfinished is thrown away when the next host repairs the catalogue.
                self.retiring.push(Retiring { worker, discard: None });
            }
            reel.signal(Signal::StopAsked);
            reel.published.building = None;
        }
        let started = Instant::now();
        while self.retiring.iter().any(|retiring| !retiring.worker.is_finished())
            && started.elapsed() < GOING_DOWN_PATIENCE
        {
            // Listened to only so that nobody waits at a full channel; what is said now changes nothing.
            let _ = self.happenings.recv_timeout(Duration::from_millis(1));
        }
        let names: Vec<String> = self.reels.keys().cloned().collect();
        names.iter().try_for_each(|name| self.publish(name))?;
        self.notices.drain(..).for_each(tell);
        Ok(())
    }

    fn outcomes(&mut self) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        for (name, reel) in &self.reels {
            let checkpoint = super::status::checkpoint(&self.catalogue, name)?.unwrap_or_default();
            outcomes.push(Outcome {
                projection: name.clone(),
                state: reel.published.state,
                checkpoint,
                swapped: reel.swapped.clone(),
                fault: reel.published.refused.clone().or_else(|| reel.published.fault.clone()),
            });
        }
        for (file, fault) in &self.refused {
            if fault.projection.as_ref().is_none_or(|name| !self.reels.contains_key(name)) {
                outcomes.push(Outcome {
                    projection: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                    state: State::Stopped,
                    checkpoint: Position::START,
                    swapped: None,
                    fault: Some(fault.clone()),
                });
            }
        }
        Ok(outcomes)
    }
}
