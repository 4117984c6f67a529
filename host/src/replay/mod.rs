//! A **replay** is a dry run: events through a plugin into a throw-away read model; nothing that serves is touched.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::event::{Fault, Position, Result, Timestamp};
use crate::event_store::Source;
use crate::history::History;
use crate::plugin::{self, LogLine};
use crate::project::Project;
use crate::projection::{self, BatchSize, Proceed, Progress, Projector, ProjectorSpec, Thresholds};
use crate::read_model::{Generation, Writer};

/// Where a replay ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// After this position.
    Position(Position),
    /// Before the first event that was recorded after this instant.
    Time(Timestamp),
}

/// What a replay did.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The projection.
    pub projection: String,
    /// The author's version.
    pub version: u32,
    /// The first 12 hex digits of the plugin's hash.
    pub hash: String,
    /// The position after which it ended.
    pub checkpoint: Position,
    /// Events folded.
    pub events: u64,
    /// Rows of each table.
    pub tables: Vec<(String, u64)>,
    /// Loading and compiling, with history opened beside it, in milliseconds.
    pub load_ms: f64,
    /// Reading, folding and writing, in milliseconds.
    pub replay_ms: f64,
    /// Events folded a second.
    pub events_per_s: u64,
    /// The read model, when it was asked for.
    pub out: Option<PathBuf>,
}

/// Replays the log through a plugin. `out` is where the read model is kept; without it, it is thrown away.
/// `watch` hears of each batch and may stop the replay; `log` gets what the plugin logs.
pub fn run(
    project: &Project,
    plugin: &Path,
    until: Option<Until>,
    out: Option<&Path>,
    watch: &mut dyn FnMut(Progress) -> Proceed,
    log: &mut dyn FnMut(Vec<LogLine>),
) -> Result<Report> {
    let started = Instant::now();
    let bytes = plugin::read_file(plugin)?;
    let engine = project.engine()?;
    let source = project.event_store()?;
    let through = end(&*source, until)?;
    let (plugin, history) = thread::scope(|scope| {
        let plugin = scope.spawn(|| projection::load(&engine, project, &bytes, through.0));
        let history = open_history(project, &*source);
        (plugin.join().unwrap_or_else(|panic| resume_unwind(panic)), history)
    });
    let plugin = plugin?;
    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    let name = plugin.manifest().name.clone();
    let settings = project.settings_of(&name);
    if let Some(Err(fault)) = history.as_ref().map(|history| projection::prepare(history, &*source, through, watch)) {
        tracing::warn!("{fault}: what is missing of history is read from the event store");
    }
    let folder = ReplayFolder::new(project, out)?;
    let identity = projection::identity(&plugin, settings.clone());
    let generation = Generation::create_with(&folder.file, &identity, plugin.manifest(), project.build)?;
    let budget = project.limits.memory_budget();
    let bytes = projection::build_bytes(plugin.manifest(), project.limits_of(&name));
    let memory = budget.reserve(bytes).unwrap_or_else(|| budget.share());
    let spec = ProjectorSpec {
        plugin: plugin.clone(),
        limits: project.limits_of(&name).clone(),
        memory,
        settings,
        source: &*source,
        history: history.as_ref(),
        size: BatchSize::events(project.batch_events),
        thresholds: Thresholds::default(),
    };
    let replaying = Instant::now();
    let mut projector = Projector::new(spec, generation)?;
    let advanced = projector.advance(through, watch);
    let finished = advanced.and_then(|_| projector.finish(watch));
    log(projector.take_said());
    finished?;
    let seconds = replaying.elapsed().as_secs_f64();
    let tables = projector.generation().row_counts()?;
    let (checkpoint, events) = (projector.checkpoint(), projector.events());
    drop(projector);
    Ok(Report {
        projection: name,
        version: plugin.manifest().version,
        hash: plugin.hash().short(),
        checkpoint,
        events,
        tables,
        load_ms,
        replay_ms: seconds * 1e3,
        events_per_s: (events as f64 / seconds) as u64,
        out: folder.keep(out)?,
    })
}

/// The project's history, unless it is turned off; the event store has everything too.
fn open_history(project: &Project, source: &dyn Source) -> Option<History> {
    let history = project.history.enabled.then(|| History::open(&project.history.folder, source))?;
    history.inspect_err(|fault| tracing::warn!("{fault}: the event store is read instead of history")).ok()
}

fn end(source: &dyn Source, until: Option<Until>) -> Result<Position> {
    let mut reader = source.reader()?;
    let head = reader.head()?;
    match until {
        None => Ok(head),
        Some(Until::Position(position)) if position > head => {
            Err(Fault::input(format!("position {position} is beyond the head of the log, {head}"))
                .hint("leave --until away to replay everything"))
        }
        Some(Until::Position(position)) => Ok(position),
        Some(Until::Time(time)) => reader.position_at(time),
    }
}

/// A folder for the read model while it is built; it goes away with whatever was not kept.
struct ReplayFolder {
    file: PathBuf,
    _folder: tempfile::TempDir,
    /// Held as long as the folder is in use; the kernel lets go of it when the process dies.
    _lock: File,
}

/// What temporary folders start with.
const PREFIX: &str = ".replay-";

/// A folder without a lock may be about to get one; after this long it is a dead process's.
const SWEPT_AFTER: Duration = Duration::from_secs(60);

/// Removes what replays that were killed have left.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let changed = entry.metadata().and_then(|found| found.modified()).ok();
        let is_old = changed.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > SWEPT_AFTER);
        let in_use = File::open(entry.path().join("lock")).is_ok_and(|lock| lock.try_lock().is_err());
        if is_ours && is_old && !in_use {
            // Left for the next time when it cannot be removed.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

impl ReplayFolder {
    /// Beside where it will be kept, so that keeping it is one rename.
    fn new(project: &Project, out: Option<&Path>) -> Result<ReplayFolder> {
        if let Some(out) = out
            && out.exists()
        {
            return Err(
                Fault::input(format!("{} exists already", out.display())).hint("remove it first, or name another file")
            );
        }
        let beside = match out.map(|out| out.parent().unwrap_or(Path::new(""))) {
            Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
            Some(parent) => parent.to_owned(),
            None => {
                return Self::within(&project.data).or_else(|(error, fault)| match error {
                    // Who may only read the project still has a place for what is thrown away.
                    ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                        Self::within(&std::env::temp_dir()).map_err(|(_, fault)| fault)
                    }
                    _ => Err(fault),
                });
            }
        };
        Self::within(&beside).map_err(|(_, fault)| fault)
    }

    fn within(beside: &Path) -> std::result::Result<ReplayFolder, (ErrorKind, Fault)> {
        sweep(beside);
        let failed = |error: io::Error| {
            (error.kind(), Fault::storage(format!("making a folder in {}", beside.display()), error))
        };
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(beside).map_err(failed)?;
        let lock = File::create(folder.path().join("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(ReplayFolder { file: folder.path().join("replay.sqlite"), _folder: folder, _lock: lock })
    }

    fn keep(self, out: Option<&Path>) -> Result<Option<PathBuf>> {
        let Some(out) = out else { return Ok(None) };
        std::fs::rename(&self.file, out)
            .map_err(|error| Fault::storage(format!("moving the read model to {}", out.display()), error))?;
        Ok(Some(out.to_owned()))
    }
}
