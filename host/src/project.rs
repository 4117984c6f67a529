//! A **project** is a folder with a `projectionist.toml`: its configuration, and where its things lie.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::plugin::Limits;

/// A project folder and its validated configuration.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// Where plugin files are dropped.
    pub plugins: PathBuf,
    /// Where the event store, the read models and the caches lie.
    pub data: PathBuf,
    /// How many generations of a projection are kept besides the serving one.
    pub keep_generations: usize,
    /// The most events in one batch.
    pub batch_events: usize,
    /// Limits for plugins that have none of their own.
    pub limits: Limits,
    /// Settings and limits of single projections, by name.
    pub projections: BTreeMap<String, ProjectionConfig>,
}

/// `[projections.NAME]`.
#[derive(Clone, Debug, Default)]
pub struct ProjectionConfig {
    /// Handed to the plugin's `open`.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Replaces the project's limits, key by key.
    pub limits: Option<Limits>,
}
