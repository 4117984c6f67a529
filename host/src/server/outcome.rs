//! An **outcome** is how a projection stands after it was brought to the head once.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::event::{Fault, Position};
use crate::projection::State;

use super::notice::SwapReport;
use super::projection_entry::ProjectionEntry;
use super::snapshot::FileState;

/// How a projection stands after [`Host::project_once`](super::Host::project_once).
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The projection; the file's name where the plugin never gave one.
    pub projection: String,
    /// What it does.
    pub state: State,
    /// The position whose effects are committed.
    pub checkpoint: Position,
    /// The swap, when a new generation came to serve.
    pub swapped: Option<SwapReport>,
    /// Why it is parked, or its plugin refused.
    pub fault: Option<Fault>,
    /// What was still to be done, when it was stopped before it was at rest.
    pub left: Option<String>,
}

type Entries = BTreeMap<String, ProjectionEntry>;

/// What is still to be done for each projection, and for each plugin file that is none yet.
pub(super) fn what_is_left(projections: &Entries, files: &[FileState]) -> BTreeMap<String, String> {
    let projections = projections.iter().filter_map(|(name, entry)| Some((name.clone(), left(entry)?)));
    let files =
        files.iter().filter_map(|file| Some((file.file.clone(), format!("waiting: {}", file.waiting.as_ref()?))));
    projections.chain(files).collect()
}

/// The outcome of one projection.
pub(super) fn of_projection(
    name: &str,
    entry: &ProjectionEntry,
    checkpoint: Position,
    left: Option<String>,
) -> Outcome {
    Outcome {
        projection: name.to_owned(),
        state: entry.published.state,
        checkpoint,
        swapped: entry.swapped.clone(),
        fault: entry.published.refused.clone().or_else(|| entry.published.fault.clone()),
        left,
    }
}

/// The outcome of a plugin file that is no projection.
pub(super) fn of_file(file: String, fault: Option<Fault>, left: Option<String>) -> Outcome {
    Outcome { projection: file, state: State::Stopped, checkpoint: Position::START, swapped: None, fault, left }
}

/// What is still to be done for one projection; none when it is at rest.
fn left(entry: &ProjectionEntry) -> Option<String> {
    if let Some(waiting) = entry.waiting() {
        return Some(format!("waiting ({}): {}", waiting.step.as_str(), waiting.reason));
    }
    if let Some(building) = &entry.published.building {
        return Some(format!("building: at {} of {}", building.covered, building.through));
    }
    (!entry.is_at_rest()).then(|| "on its way to the head".to_owned())
}
