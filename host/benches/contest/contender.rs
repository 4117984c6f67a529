//! A **contender** answers a workload's question in its own way, each time in a process of its own.

use std::path::PathBuf;

use clap::ValueEnum;
use projectionist::project::Project;
use serde::{Deserialize, Serialize};

use super::measure::Measured;
use super::workload::Workload;
use super::{latency, native, ours};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contender {
    /// Ours: a plugin file that nobody has compiled yet, from written to its read model serving
    Served,
    /// Ours: a dry run of a plugin that was compiled before
    Replay,
    /// By hand in Rust: SQLite rows, serde_json, plain memory
    Native,
    /// By hand in Rust: the history's columns, plain memory
    NativeColumns,
    /// rusqlite alone, inserting rows that lie in memory
    Rusqlite,
    /// DuckDB, one GROUP BY over a Parquet file
    DuckdbParquet,
    /// DuckDB, one GROUP BY over a table of its own
    DuckdbTable,
    /// Python's eventsourcing, log and view in memory
    EventsourcingMemory,
    /// Python's eventsourcing, log and view in PostgreSQL
    Eventsourcing,
    /// Emmett (Node.js), log and read model in PostgreSQL
    Emmett,
    /// Ours: from generated lines into the event store
    Import,
    /// Ours: appended through the library, in the process that projects
    Library,
    /// Ours: appended by one process, projected by another
    Process,
}

impl Contender {
    pub fn name(self) -> String {
        self.to_possible_value().expect("none is skipped").get_name().to_owned()
    }

    /// With how many cores it runs.
    pub fn threads(self, workload: Workload) -> &'static [usize] {
        use Contender::*;
        match (self, workload) {
            (Served, Workload::Change) => &[2],
            (Served | Replay | Native | NativeColumns | DuckdbParquet | DuckdbTable, _) => &[1, 2],
            (Rusqlite, _) => &[1],
            (EventsourcingMemory | Eventsourcing | Emmett | Import | Library | Process, _) => &[2],
        }
    }

    /// The most events that it gets, so that it ends within a minute.
    pub fn events_max(self) -> u64 {
        match self {
            Contender::EventsourcingMemory => 100_000,
            // A durable transaction for each event it projects.
            Contender::Eventsourcing => 5_000,
            // A durable transaction for each event it records, before anything is measured.
            Contender::Emmett => 20_000,
            _ => u64::MAX,
        }
    }

    /// The most runs; the slow ones are not that noisy.
    pub fn runs_max(self, workload: Workload) -> usize {
        match self {
            Contender::EventsourcingMemory | Contender::Eventsourcing | Contender::Emmett => 3,
            Contender::Import | Contender::Library | Contender::Process => 1,
            // One run makes many measurements.
            Contender::Served if workload == Workload::Change => 1,
            _ => usize::MAX,
        }
    }

    /// Whether it is a program of another language, with tools of its own.
    pub fn is_foreign(self) -> bool {
        use Contender::*;
        matches!(self, DuckdbParquet | DuckdbTable | EventsourcingMemory | Eventsourcing | Emmett)
    }
}

/// What one run is to do, handed to the process that does it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    #[serde(with = "name")]
    pub workload: Workload,
    pub contender: Contender,
    pub threads: usize,
    /// The prepared project.
    pub folder: PathBuf,
    /// The plugins' Wasm files, in the workload's order.
    pub plugins: Vec<PathBuf>,
    /// Events in the log.
    pub events: u64,
    /// Of these, how many from the start are to be folded; ours fold all.
    pub limit: u64,
    /// How many measurements a run makes where it makes many.
    pub samples: usize,
    /// How many projections live beside each other, for `latency`.
    pub projections: usize,
}

impl Job {
    pub fn project(&self) -> Project {
        Project::open(&self.folder).expect("the prepared project")
    }

    pub fn run(&self) -> Measured {
        match (self.contender, self.workload) {
            (Contender::Served, Workload::Change) => ours::changed(self),
            (Contender::Served, _) => ours::served(self),
            (Contender::Replay, _) => ours::replay(self),
            (Contender::Import, _) => ours::import(self),
            (Contender::Native, _) => native::run(self),
            (Contender::NativeColumns, _) => native::columns::ledger(self),
            (Contender::Rusqlite, _) => native::rows::rusqlite(self),
            (Contender::Library, _) => latency::library(self),
            (Contender::Process, _) => latency::process(self),
            (foreign, _) => unreachable!("{foreign:?} is a program of its own"),
        }
    }
}

mod name {
    use clap::ValueEnum;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::workload::Workload;

    pub fn serialize<S: Serializer>(workload: &Workload, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&workload.name())
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Workload, D::Error> {
        let name = String::deserialize(from)?;
        Workload::from_str(&name, false).map_err(serde::de::Error::custom)
    }
}
