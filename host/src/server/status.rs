//! **Status**: how a project stands, read from its files, beside a running host or without one.

use std::path::Path;

use serde::Serialize;

use crate::event::{Blame, Fault, FaultKind, Position, Result};
use crate::project::Project;
use crate::projection::State;
use crate::read_model::{Catalogue, GenerationRecord, GenerationState, HostLock, Snapshot};

use super::snapshot::{Building, FileState, MemoryUse, Published, Waiting};
use super::status_file;

/// How a project stands.
#[derive(Clone, Debug, Serialize)]
pub struct ProjectStatus {
    /// The highest position of the log.
    pub head: Position,
    /// The process that runs the project, when one does.
    pub host: Option<u32>,
    /// What the projections of the running host take together.
    pub memory: Option<MemoryUse>,
    /// Builds that wait for room or a core, in their order.
    pub queued: Vec<String>,
    /// Plugin files that are no projection: refused, or not readable yet. Known to a running host.
    pub files: Vec<FileState>,
    /// One for each projection that ever served or was built, by name.
    pub projections: Vec<ProjectionStatus>,
}

/// How a projection stands.
#[derive(Clone, Debug, Serialize)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: String,
    /// What its projector does.
    pub state: State,
    /// The author's version of the serving generation.
    pub version: Option<u32>,
    /// The first 12 hex digits of the serving plugin's hash.
    pub hash: Option<String>,
    /// The position whose effects are committed.
    pub checkpoint: Position,
    /// Positions between checkpoint and head.
    pub lag: u64,
    /// Rows in all tables of the serving generation.
    pub rows: u64,
    /// Generations kept, the serving one among them.
    pub generations: usize,
    /// Why it is parked, or its read model cannot be read.
    pub fault: Option<Fault>,
    /// The candidate on its way.
    pub building: Option<Building>,
    /// Why its plugin file was not taken.
    pub refused: Option<Fault>,
    /// What it waits for, when something may pass: it is tried again.
    pub waiting: Option<Waiting>,
}

/// Reads how a project stands. Takes no lock and changes nothing.
pub fn status(project: &Project) -> Result<ProjectStatus> {
    let head = project.event_store()?.reader()?.head()?;
    let host = HostLock::held(&project.data)?;
    let snapshot = host.and_then(|_| status_file::read(&project.data));
    let catalogue = Catalogue::open_to_read(&project.data)?;
    let records = catalogue.as_ref().map_or(Ok(Vec::new()), Catalogue::projections)?;
    let mut unknown = snapshot.as_ref().map(|snapshot| snapshot.projections.clone()).unwrap_or_default();
    let mut projections = Vec::new();
    for record in records {
        // What the host says now, or said last.
        let published = unknown.remove(&record.name).unwrap_or_else(|| published(record.state.as_deref()));
        let Some(catalogue) = &catalogue else { continue };
        projections.push(of_projection(catalogue, &record.name, published, head, host)?);
    }
    // Those of which the catalogue does not know yet, perhaps because it cannot be written now.
    projections.extend(unknown.into_iter().map(|(name, published)| unbuilt(name, published, head)));
    projections.sort_by(|a, b| a.name.cmp(&b.name));
    let (memory, queued, files) = match snapshot {
        Some(snapshot) => (Some(snapshot.memory), snapshot.queued, snapshot.files),
        None => Default::default(),
    };
    Ok(ProjectStatus { head, host, memory, queued, files, projections })
}

fn of_projection(
    catalogue: &Catalogue,
    name: &str,
    published: Published,
    head: Position,
    host: Option<u32>,
) -> Result<ProjectionStatus> {
    let state = match (host, published.state) {
        // Whoever wrote `live` may have died since.
        (None, State::Starting | State::Replaying | State::Live) => State::Stopped,
        (_, state) => state,
    };
    let serving = catalogue.serving(name)?;
    let (contents, damage) = match serving.as_ref().map(|serving| contents(catalogue, serving)).transpose() {
        Ok(contents) => (contents, None),
        Err(fault) => (None, Some(fault)),
    };
    let (checkpoint, rows) = contents.unwrap_or_default();
    let damage = damage.or_else(|| {
        (checkpoint > head).then(|| {
            let message = format!("the event store ends at position {head}, before the checkpoint {checkpoint}");
            Fault::new(FaultKind::Storage, message)
                .blame(Blame::Operator)
                .hint("was the event store replaced or restored from a copy? See `projectionist project`")
        })
    });
    Ok(ProjectionStatus {
        state,
        version: serving.as_ref().map(|serving| serving.identity.plugin_version),
        hash: serving.as_ref().map(short_hash),
        checkpoint,
        lag: head.0.saturating_sub(checkpoint.0),
        rows,
        generations: kept(&catalogue.generations(name)?),
        fault: published.fault.or(damage),
        building: published.building.filter(|_| host.is_some()),
        refused: published.refused,
        waiting: published.waiting,
        name: name.to_owned(),
    })
}

fn unbuilt(name: String, published: Published, head: Position) -> ProjectionStatus {
    let Published { state, fault, building, refused, waiting } = published;
    let (version, hash, checkpoint) = (None, None, Position::START);
    let (rows, generations) = (0, 0);
    ProjectionStatus {
        name,
        state,
        version,
        hash,
        checkpoint,
        lag: head.0,
        rows,
        generations,
        fault,
        building,
        refused,
        waiting,
    }
}

/// The committed position of a projection's serving generation; the start when there is none to be read.
pub(super) fn checkpoint(catalogue: &Catalogue, name: &str) -> Position {
    let serving = catalogue.serving(name).ok().flatten();
    let snapshot = serving.and_then(|serving| Snapshot::open(&catalogue.generation_path(name, serving.id)).ok());
    snapshot.map(|snapshot| snapshot.checkpoint()).unwrap_or_default()
}

/// A generation's checkpoint, and its rows in all tables.
fn contents(catalogue: &Catalogue, serving: &GenerationRecord) -> Result<(Position, u64)> {
    let snapshot = Snapshot::open(&catalogue.generation_path(&serving.identity.projection, serving.id))?;
    Ok((snapshot.checkpoint(), snapshot.row_counts().iter().map(|(_, rows)| rows).sum()))
}

/// How many generations are whole.
fn kept(generations: &[GenerationRecord]) -> usize {
    generations.iter().filter(|generation| generation.state == GenerationState::Ready).count()
}

/// The first 12 hex digits of the hash of the plugin that built a generation.
pub(super) fn short_hash(generation: &GenerationRecord) -> String {
    generation.identity.plugin_hash.chars().take(12).collect()
}

/// What an earlier host said; nothing of an unknown form.
pub(super) fn published(text: Option<&str>) -> Published {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The name of a file, for people.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
