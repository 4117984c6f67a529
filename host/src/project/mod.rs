//! A **project** is a folder with a `projectionist.toml`: its configuration, and where its things lie.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::event::{Fault, Result};
use crate::plugin::Limits;
use crate::read_model::BuildOptions;
use crate::read_model::query::QueryLimits;

mod config;
mod engine;
mod parse;
mod event_store;

pub use config::HistoryConfig;

/// The name of the configuration file; the folder that holds it is the project.
pub const CONFIG_FILE: &str = "projectionist.toml";

/// The documented configuration, every key at its default: what `projectionist init` writes.
pub const DEFAULT_CONFIG: &str = include_str!("projectionist.toml");

/// A project folder and its validated configuration.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// Where plugin files are dropped.
    pub plugins: PathBuf,
    /// Where the read models, the caches and the catalogue lie.
    pub data: PathBuf,
    /// The embedded event store's file.
    pub store: PathBuf,
    /// How many generations of a projection are kept besides the serving one.
    pub keep_generations: usize,
    /// The most events in one batch.
    pub batch_events: usize,
    /// How read models are built.
    pub build: BuildOptions,
    /// What the compiled code of plugins may take on disk, in MiB.
    pub code_cache_mib_max: u64,
    /// Whether history is kept, and where.
    pub history: HistoryConfig,
    /// What a query may take.
    pub query: QueryLimits,
    /// Limits for plugins that have none of their own.
    pub limits: Limits,
    /// Settings and limits of single projections, by name.
    pub projections: BTreeMap<String, ProjectionConfig>,
}

/// `[projections.NAME]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectionConfig {
    /// Handed to the plugin's `open`.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// The limits in force, when any is its own: the project's with the projection's laid over them.
    pub limits: Option<Limits>,
}

impl Project {
    /// Opens the project in `folder`. Faults when there is no configuration or it is not valid.
    pub fn open(folder: &Path) -> Result<Project> {
        let folder = std::path::absolute(folder).map_err(|error| Fault::storage(folder.display(), error))?;
        let file = folder.join(CONFIG_FILE);
        let text = std::fs::read_to_string(&file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => missing(format!("{} has no {CONFIG_FILE}", folder.display())),
            _ => Fault::storage(format!("reading {}", file.display()), error),
        })?;
        let (config, projections) = parse::parse(&file.display().to_string(), &text)?;
        Ok(Project {
            plugins: folder.join(config.plugins),
            data: folder.join(config.data),
            store: folder.join(config.store),
            keep_generations: config.keep_generations,
            batch_events: config.batch_events,
            build: BuildOptions { writes_pages: config.write_pages, ..BuildOptions::default() },
            code_cache_mib_max: config.code_cache_mib_max,
            history: HistoryConfig { folder: folder.join(config.history.folder), ..config.history },
            query: config.query,
            limits: config.limits,
            projections,
            folder,
        })
    }

    /// Opens the project that `start` lies in: the nearest folder upward with a configuration.
    pub fn find(start: &Path) -> Result<Project> {
        match Project::folder_above(start) {
            Some(folder) => Project::open(&folder),
            // Canonical, since `neither . nor` would say little.
            None => Err(missing(format!(
                "neither {} nor a folder above it has a {CONFIG_FILE}",
                canonical(start).display()
            ))),
        }
    }

    /// The nearest folder upward from `start`, itself included, that has a configuration.
    pub fn folder_above(start: &Path) -> Option<PathBuf> {
        let start = start.canonicalize().ok()?;
        start.ancestors().find(|folder| folder.join(CONFIG_FILE).is_file()).map(Path::to_owned)
    }

    /// The limits in force for a projection.
    pub fn limits_of(&self, projection: &str) -> &Limits {
        self.projections.get(projection).and_then(|own| own.limits.as_ref()).unwrap_or(&self.limits)
    }

    /// The settings of a projection as a JSON object; `{}` without any. Keys in alphabetical order.
    pub fn settings_of(&self, projection: &str) -> String {
        match self.projections.get(projection) {
            Some(own) => serde_json::Value::Object(own.settings.clone()).to_string(),
            None => "{}".to_owned(),
        }
    }
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn missing(message: String) -> Fault {
    Fault::input(message).hint("`projectionist init` makes a project here; `--project DIR` names one elsewhere")
}
