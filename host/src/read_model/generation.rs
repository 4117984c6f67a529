//! A **generation** is one read model in one SQLite file, in the hands of the one who writes it: while it is built, and
//! once it is live.

use std::mem;
use std::path::Path;

use super::build_options::BuildOptions;
use super::building::BuildingGeneration;
use super::file::GenerationFile;
use super::live::LiveGeneration;
use super::writer::{Commit, Flush, Writer};
use super::{Digest, Identity};
use crate::event::{Column, Fault, FaultKind, Manifest, Position, Result, Rows};

/// A generation during the life of its projector, who builds it and then follows the log with it.
#[derive(Debug)]
pub enum Generation {
    /// Filled in bulk, and not to be read by others.
    Building(Box<BuildingGeneration>),
    /// Finished.
    Live(Box<LiveGeneration>),
    /// A build that could not be finished; all that can be done with it is to start over.
    Failed(Box<FailedBuild>),
}

/// What is left of a build that could not be finished.
#[derive(Debug)]
pub struct FailedBuild {
    file: GenerationFile,
    options: BuildOptions,
    checkpoint: Position,
}

impl Generation {
    /// Makes the file for a new generation, with missing folders; see [`BuildingGeneration::create`].
    pub fn create(path: &Path, identity: &Identity, manifest: &Manifest) -> Result<Generation> {
        Self::create_with(path, identity, manifest, BuildOptions::default())
    }

    /// The same, built in another way.
    pub fn create_with(
        path: &Path,
        identity: &Identity,
        manifest: &Manifest,
        options: BuildOptions,
    ) -> Result<Generation> {
        Ok(Generation::Building(Box::new(BuildingGeneration::create_with(path, identity, manifest, options)?)))
    }

    /// Opens a finished generation for writing; see [`LiveGeneration::open`].
    pub fn open(path: &Path) -> Result<Generation> {
        Ok(Generation::Live(Box::new(LiveGeneration::open(path)?)))
    }

    /// Whether it is not finished: not durable, not to be read by others.
    pub fn is_building(&self) -> bool {
        !matches!(self, Generation::Live(_))
    }

    /// The build, if it is one.
    pub fn building(&mut self) -> Option<&mut BuildingGeneration> {
        match self {
            Generation::Building(building) => Some(building),
            Generation::Live(_) | Generation::Failed(_) => None,
        }
    }

    /// Makes a build live; see [`BuildingGeneration::finish`]. Does nothing when it is live already.
    pub fn finish(&mut self) -> Result<()> {
        let failed = self.as_failed();
        match mem::replace(self, failed) {
            Generation::Building(building) => *self = Generation::Live(Box::new(building.finish()?)),
            Generation::Live(live) => *self = Generation::Live(live),
            Generation::Failed(build) => return Err(build.fault()),
        }
        Ok(())
    }

    /// Throws away a build and everything that was written to it, and begins with a new file.
    pub fn start_over(&mut self) -> Result<()> {
        let GenerationFile { path, identity, manifest } = self.file().clone();
        let options = self.options();
        drop(mem::replace(self, self.as_failed()));
        std::fs::remove_file(&path)
            .map_err(|error| Fault::storage(format!("cannot remove {}", path.display()), error))?;
        *self = Generation::create_with(&path, &identity, &manifest, options)?;
        Ok(())
    }

    fn as_failed(&self) -> Generation {
        let (file, options, checkpoint) = (self.file().clone(), self.options(), self.checkpoint());
        Generation::Failed(Box::new(FailedBuild { file, options, checkpoint }))
    }

    fn options(&self) -> BuildOptions {
        match self {
            Generation::Building(building) => building.options,
            Generation::Live(_) => BuildOptions::default(),
            Generation::Failed(build) => build.options,
        }
    }

    /// Of which plugin binary it is the read model.
    pub fn identity(&self) -> &Identity {
        &self.file().identity
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.file().path
    }

    /// A digest of all rows.
    pub fn digest(&self) -> Result<Digest> {
        match self {
            Generation::Building(building) => building.digest(),
            Generation::Live(live) => live.digest(),
            Generation::Failed(build) => Err(build.fault()),
        }
    }

    /// The rows of a table in key order, each a JSON object with its columns in order; see [`super::Snapshot`].
    pub fn rows_as_json(&self, table: &str) -> Result<Vec<String>> {
        match self {
            Generation::Building(building) => building.rows_as_json(table),
            Generation::Live(live) => live.rows_as_json(table),
            Generation::Failed(build) => Err(build.fault()),
        }
    }

    fn file(&self) -> &GenerationFile {
        match self {
            Generation::Building(building) => &building.file,
            Generation::Live(live) => &live.file,
            Generation::Failed(build) => &build.file,
        }
    }
}

impl FailedBuild {
    fn fault(&self) -> Fault {
        Fault::new(FaultKind::Storage, format!("the build of {} failed before", self.file.path.display()))
            .hint("discard this generation and build another one")
    }
}

impl Writer for Generation {
    fn manifest(&self) -> &Manifest {
        &self.file().manifest
    }

    fn checkpoint(&self) -> Position {
        match self {
            Generation::Building(building) => building.checkpoint(),
            Generation::Live(live) => live.checkpoint(),
            Generation::Failed(build) => build.checkpoint,
        }
    }

    fn fingerprint(&self) -> &str {
        match self {
            Generation::Building(building) => building.fingerprint(),
            Generation::Live(live) => live.fingerprint(),
            Generation::Failed(_) => "",
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Generation::Building(building) => building.is_empty(),
            Generation::Live(live) => live.is_empty(),
            Generation::Failed(_) => false,
        }
    }

    fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        match self {
            Generation::Building(building) => building.lookup(table, length, keys),
            Generation::Live(live) => live.lookup(table, length, keys),
            Generation::Failed(build) => Err(build.fault()),
        }
    }

    fn commit(&mut self, flushes: Vec<Flush>, commit: Commit) -> Result<()> {
        match self {
            Generation::Building(building) => building.commit(flushes, commit),
            Generation::Live(live) => live.commit(flushes, commit),
            Generation::Failed(build) => Err(build.fault()),
        }
    }

    fn row_counts(&self) -> Result<Vec<(String, u64)>> {
        match self {
            Generation::Building(building) => building.row_counts(),
            Generation::Live(live) => live.row_counts(),
            Generation::Failed(build) => Err(build.fault()),
        }
    }
}
