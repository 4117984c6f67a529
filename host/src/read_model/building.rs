//! A **building generation** is a new file that is filled in bulk. It ends in a finished one, or is thrown away.
//!
//! The tables stay empty until then: what is flushed is kept in [runs](super::runs), and its rows are written once.

use std::path::Path;

use rusqlite::types::ValueRef;

use super::build_options::BuildOptions;
use super::contents::Contents;
use super::file::{self, GenerationFile, check_range, named_counts};
use super::layout::RowLayout;
use super::live::LiveGeneration;
use super::merge_fault::{BuildError, FaultOf};
use super::order::{check_tables, row_sets};
use super::runs::{Runs, Sorter};
use super::sql_lookup::{Found, key_cells, table_looked_up};
use super::storage::{connect, pragmas};
use super::writer::{BulkWriter, Commit, Flush, Writer};
use super::{Digest, Identity, finish, storage};
use crate::event::{Column, Fault, FaultKind, Manifest, Position, Result, Rows};

/// The writer of a generation that is being built.
#[derive(Debug)]
pub struct BuildingGeneration {
    pub(super) file: GenerationFile,
    pub(super) options: BuildOptions,
    layouts: Vec<RowLayout>,
    runs: Runs,
    checkpoint: Position,
    fingerprint: String,
    is_empty: bool,
}

impl BuildingGeneration {
    /// Makes the file for a new generation, with missing folders.
    ///
    /// The manifest must have been checked. Fails when there is a file already.
    pub fn create(path: &Path, identity: &Identity, manifest: &Manifest) -> Result<BuildingGeneration> {
        Self::create_with(path, identity, manifest, BuildOptions::default())
    }

    /// The same, built in another way.
    pub fn create_with(
        path: &Path,
        identity: &Identity,
        manifest: &Manifest,
        options: BuildOptions,
    ) -> Result<BuildingGeneration> {
        if path.exists() {
            return Err(Fault::new(FaultKind::Storage, format!("{} is there already", path.display()))
                .hint("remove the file or name another one"));
        }
        std::fs::create_dir_all(file::folder(path))
            .map_err(|error| Fault::storage(format!("cannot make the folder of {}", path.display()), error))?;
        let file = GenerationFile { path: path.to_owned(), identity: identity.clone(), manifest: manifest.clone() };
        let conn = connect(path, true)?;
        pragmas(&conn, path, finish::PRAGMAS)?;
        file.write(&conn, |conn| {
            file.create_schema(conn)?;
            conn.execute_batch("COMMIT")
        })?;
        Ok(BuildingGeneration {
            layouts: manifest.tables.iter().map(RowLayout::new).collect(),
            runs: Runs::new(manifest.tables.len(), file::folder(path), options.memory_bytes_max),
            file,
            options,
            checkpoint: Position::START,
            fingerprint: String::new(),
            is_empty: true,
        })
    }

    /// Writes the rows and the secondary indexes, makes the file durable and goes live.
    ///
    /// Two rows that a unique index forbids, and a key that an insert-only table has twice, are faults of the plugin.
    /// That two partitions touched the same row is found here too ([`FaultKind::Overlap`]): such a projection has to be
    /// folded again as a whole. After any fault the file is good for nothing but being removed.
    pub fn finish(self) -> Result<LiveGeneration> {
        let BuildingGeneration { file, options, layouts, mut runs, checkpoint, fingerprint, .. } = self;
        let written = finish::write(&file, options, &layouts, &mut runs);
        let (conn, counts) = written.map_err(|fault| fault.of(&file.identity.projection))?;
        finish::make_durable(&conn, &file, checkpoint, &fingerprint, &counts)?;
        Ok(LiveGeneration::new(conn, file, checkpoint, fingerprint, counts))
    }

    /// A digest of all rows.
    pub fn digest(&self) -> Result<Digest> {
        Contents::digest(self)
    }

    /// The rows of a table in key order, each a JSON object with its columns in order; see [`super::Snapshot`].
    pub fn rows_as_json(&self, table: &str) -> Result<Vec<String>> {
        Contents::rows_as_json(self, table)
    }

    /// Adds what was flushed to the runs. A fault of its shape leaves everything as it was.
    fn take(&mut self, flushes: &[Flush]) -> Result<()> {
        check_tables(&self.file.manifest, flushes)?;
        let mut pieces = Vec::new();
        for flush in flushes {
            for (number, table) in self.file.manifest.tables.iter().enumerate() {
                let mut sorter = Sorter::default();
                for set in &row_sets(number, table, std::slice::from_ref(flush))? {
                    self.layouts[number].push(set, &mut sorter);
                }
                // Rows of an insert-only table are never looked up.
                let hasher = (!table.insert_only).then(|| self.runs.hasher());
                let piece = sorter.finish(hasher).map_err(|twice| self.faults(number).twice(&twice))?;
                pieces.extend(piece.map(|piece| (number, flush.part, piece)));
            }
        }
        self.is_empty &= flushes.iter().flat_map(|flush| &flush.changes).all(|changes| changes.upserted == 0);
        for (number, part, piece) in pieces {
            let is_once = self.file.manifest.tables[number].insert_only;
            let added = self.runs.add(number, part, piece, is_once);
            added.map_err(|error| self.faults(number).merge(error))?;
        }
        Ok(())
    }

    fn faults(&self, table: usize) -> FaultOf<'_> {
        FaultOf { path: &self.file.path, table: &self.file.manifest.tables[table], layout: &self.layouts[table] }
    }

    fn find(&self, number: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        let table = table_looked_up(&self.file.manifest, number)?;
        let (cells, layout) = (key_cells(table, length, keys)?, &self.layouts[number]);
        let keys: Vec<_> = (0..length).map(|row| layout.key(cells.iter().map(|cells| cells.get(row)))).collect();
        let doing = || format!("reading rows beside {}", self.file.path.display());
        let answers = self.runs.look_up(number, &keys).map_err(|error| storage::not_stored(doing(), &error))?;
        let mut found = Found::new(table, length);
        for (key, record) in keys.iter().zip(answers.records()) {
            let values = record.map(|record| layout.values(key, record));
            found.push(values.as_deref()).map_err(|what| Fault::storage(doing(), what))?;
        }
        Ok(found.finish())
    }
}

impl Writer for BuildingGeneration {
    fn manifest(&self) -> &Manifest {
        &self.file.manifest
    }

    fn checkpoint(&self) -> Position {
        self.checkpoint
    }

    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn is_empty(&self) -> bool {
        self.is_empty
    }

    fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        self.find(table, length, keys).map_err(|fault| fault.of(&self.file.identity.projection))
    }

    /// Everything that depends on other rows is checked by [`BuildingGeneration::finish`]: unique indexes, keys that an
    /// insert-only table has twice, and rows that two partitions touched.
    fn commit(&mut self, flushes: Vec<Flush>, commit: Commit) -> Result<()> {
        let range = commit.range;
        let committed = check_range(self.checkpoint, range)
            .and_then(|()| self.file.stored(range.through))
            .and_then(|_| self.take(&flushes));
        committed.map_err(|fault| fault.of(&self.file.identity.projection).among(range))?;
        self.checkpoint = range.through;
        self.fingerprint = commit.fingerprint;
        Ok(())
    }

    /// Merges the rows to count them.
    fn row_counts(&self) -> Result<Vec<(String, u64)>> {
        let mut counts = vec![0; self.file.manifest.tables.len()];
        for (number, count) in counts.iter_mut().enumerate() {
            self.scan(number, &mut |_| *count += 1)?;
        }
        Ok(named_counts(&self.file.manifest, &counts))
    }
}

impl BulkWriter for BuildingGeneration {
    fn write(&mut self, flushes: Vec<Flush>) -> Result<()> {
        self.take(&flushes).map_err(|fault| fault.of(&self.file.identity.projection))
    }
}

impl Contents for BuildingGeneration {
    fn manifest(&self) -> &Manifest {
        &self.file.manifest
    }

    fn scan(&self, number: usize, visit: &mut dyn FnMut(&[ValueRef<'_>])) -> Result<()> {
        let merged = self.runs.merge(number, self.file.manifest.tables[number].insert_only, &mut |key, record| {
            if let Some(record) = record {
                visit(&self.layouts[number].values(key, record));
            }
            Ok::<_, BuildError>(())
        });
        merged.map_err(|error| self.faults(number).fault(error))
    }
}
