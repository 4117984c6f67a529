//! The **configuration**: the keys of `projectionist.toml`, their defaults and their ranges.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::plugin::Limits;
use crate::read_model::query::QueryLimits;

/// The file as written, with defaults for what it leaves out. Documented in `projectionist.toml` beside this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Config {
    pub plugins: PathBuf,
    pub data: PathBuf,
    pub store: PathBuf,
    pub keep_generations: usize,
    pub batch_events: usize,
    pub write_pages: bool,
    pub code_cache_mib_max: u64,
    pub history: HistoryConfig,
    pub query: QueryLimits,
    pub limits: Limits,
    pub projections: BTreeMap<String, Own>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            plugins: "plugins".into(),
            data: "data".into(),
            store: "data/events.sqlite".into(),
            keep_generations: 2,
            batch_events: 16_384,
            write_pages: true,
            code_cache_mib_max: 1_024,
            history: HistoryConfig::default(),
            query: QueryLimits::default(),
            limits: Limits::default(),
            projections: BTreeMap::new(),
        }
    }
}

/// `[history]`: the mirror of the log as columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct HistoryConfig {
    /// Whether history is kept and used.
    pub enabled: bool,
    /// Where its segments lie.
    pub folder: PathBuf,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        HistoryConfig { enabled: true, folder: "data/history".into() }
    }
}

/// `[projections.NAME]` as written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Own {
    pub settings: toml::Table,
    /// Only its keys and types count here; `parse` lays what is written over the project's limits.
    pub limits: Option<Limits>,
}

/// What each number may be. `limits.*` holds for `projections.NAME.limits.*` as well.
pub(super) const RANGES: &[(&str, RangeInclusive<u64>)] = &[
    ("keep-generations", 0..=100),
    ("batch-events", 1..=1_000_000),
    ("code-cache-mib-max", 0..=1_048_576),
    ("query.rows-max", 1..=10_000_000),
    ("query.ms-max", 1..=3_600_000),
    ("limits.memory-mib-total", 64..=1_048_576),
    ("limits.memory-mib-max", 1..=4_096),
    ("limits.call-ms-max", 1..=3_600_000),
    ("limits.call-fuel-max", 1..=i64::MAX as u64),
    ("limits.flush-rows-max", 1..=1_000_000_000),
    ("limits.flush-mib-max", 1..=4_096),
    ("limits.call-lookups-max", 0..=1_000_000_000),
    ("limits.call-log-lines-max", 0..=1_000_000),
];
