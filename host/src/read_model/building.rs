//! A **building generation** is a new file that is filled in bulk. It ends in a finished one, or is thrown away.

use std::path::Path;

use rusqlite::Connection;

use super::bulk_load::FirstRows;
use super::contents::{Contents, SqlTables};
use super::file::{GenerationFile, check_range, named_counts, row_counts_json};
use super::generation::failed_build;
use super::live::{self, LiveGeneration};
use super::order::{by_key, changes, check_tables, show, sides};
use super::schema::{self, Statements};
use super::sql_rows::TableWriter;
use super::storage::{connect, failed, pragmas, sync_folder};
use super::writer::{BulkWriter, Commit, Flush, Writer};
use super::{Digest, Identity, sql_lookup};
use crate::event::{Column, Fault, FaultKind, Manifest, Position, Result, Rows};

/// While a generation is built nothing is journaled or made durable: a crash throws the file away.
pub(super) const PRAGMAS: &[(&str, &str)] = &[
    ("page_size", "4096"),
    ("journal_mode", "OFF"),
    ("synchronous", "OFF"),
    ("locking_mode", "EXCLUSIVE"),
    ("cache_size", "-65536"), // KiB
];

/// The writer of a generation that is being built.
#[derive(Debug)]
pub struct BuildingGeneration {
    pub(super) conn: Connection,
    pub(super) file: GenerationFile,
    statements: Vec<Statements>,
    checkpoint: Position,
    fingerprint: String,
    is_empty: bool,
    rows: BuildRows,
}

/// How the rows that came so far were written.
#[derive(Debug)]
enum BuildRows {
    None,
    /// As pages, and no others came since.
    Pages(FirstRows),
    /// By SQL, at least some.
    Inserted,
    /// A write failed, and nothing can be rolled back.
    Failed,
}

impl BuildingGeneration {
    /// Makes the file for a new generation, with missing folders.
    ///
    /// The manifest must have been checked. Fails when there is a file already.
    pub fn create(path: &Path, identity: &Identity, manifest: &Manifest) -> Result<BuildingGeneration> {
        if path.exists() {
            return Err(Fault::new(FaultKind::Storage, format!("{} is there already", path.display()))
                .hint("remove the file or name another one"));
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| Fault::storage(format!("cannot make the folder {}", folder.display()), error))?;
        }
        let conn = connect(path, true)?;
        pragmas(&conn, path, PRAGMAS)?;
        let file = GenerationFile { path: path.to_owned(), identity: identity.clone(), manifest: manifest.clone() };
        file.create_schema(&conn).map_err(|error| failed("cannot write", path, &error))?;
        let statements: Vec<_> = file.manifest.tables.iter().map(Statements::new).collect();
        let (checkpoint, rows) = (Position::START, BuildRows::None);
        Ok(BuildingGeneration { conn, file, statements, checkpoint, fingerprint: String::new(), is_empty: true, rows })
    }

    /// Builds the secondary indexes, makes the file durable and goes live.
    ///
    /// Two rows that a unique index forbids are a fault of the plugin, with the values. After any fault the file is
    /// good for nothing but being removed.
    pub fn finish(mut self) -> Result<LiveGeneration> {
        let counts = self.counts()?;
        match std::mem::replace(&mut self.rows, BuildRows::None) {
            BuildRows::None | BuildRows::Inserted => self.create_indexes()?,
            BuildRows::Pages(rows) => self.write_index_pages(&rows)?,
            BuildRows::Failed => return Err(failed_build(&self.file.path)),
        }
        let position = self.file.stored(self.checkpoint)?;
        self.write(|conn| {
            let sql = "UPDATE projectionist_checkpoint SET position = ?1, fingerprint = ?2, row_counts = ?3";
            conn.execute(sql, (position, &self.fingerprint, row_counts_json(&counts)))
        })?;
        self.write(|conn| conn.execute_batch("COMMIT"))?;
        // On its own and last, so that a file whose writer was killed before this is refused by `open`.
        self.write(|conn| conn.execute("UPDATE projectionist_generation SET finished = 1", ()))?;
        // The one sync of a build: going to WAL writes the first page and syncs the file, rows and all.
        pragmas(&self.conn, &self.file.path, &[("locking_mode", "NORMAL"), ("synchronous", "FULL")])?;
        pragmas(&self.conn, &self.file.path, live::PRAGMAS)?;
        if let Some(folder) = self.file.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            sync_folder(folder)?;
        }
        Ok(LiveGeneration::new(self.conn, self.file, self.checkpoint, self.fingerprint, counts))
    }

    /// A digest of all rows.
    pub fn digest(&self) -> Result<Digest> {
        self.tables().digest()
    }

    /// The rows of a table in key order, each a JSON object with its columns in order; see [`super::Snapshot`].
    pub fn rows_as_json(&self, table: &str) -> Result<Vec<String>> {
        self.tables().rows_as_json(table)
    }

    fn tables(&self) -> SqlTables<'_> {
        SqlTables { conn: &self.conn, path: &self.file.path, manifest: &self.file.manifest }
    }

    fn counts(&self) -> Result<Vec<u64>> {
        if let BuildRows::Pages(rows) = &self.rows {
            return Ok(rows.counts.clone());
        }
        let count = |table: &crate::event::Table| {
            let sql = format!("SELECT COUNT(*) FROM {}", schema::quoted(&table.name));
            self.write(|conn| conn.query_row(&sql, (), |row| row.get::<_, i64>(0))).map(i64::cast_unsigned)
        };
        self.file.manifest.tables.iter().map(count).collect()
    }

    fn create_indexes(&self) -> Result<()> {
        let indexes = schema::create_indexes(&self.file.manifest);
        if indexes.is_empty() {
            return Ok(());
        }
        // A journal, so that a unique index that cannot be built leaves something to look at.
        self.write(|conn| conn.execute_batch("COMMIT"))?;
        pragmas(&self.conn, &self.file.path, &[("journal_mode", "MEMORY")])?;
        self.write(|conn| conn.execute_batch("BEGIN"))?;
        for index in indexes {
            if let Err(error) = self.conn.execute_batch(&index.create) {
                let fault = match error.sqlite_error_code() {
                    Some(rusqlite::ErrorCode::ConstraintViolation) => self.not_unique(&index),
                    _ => failed("cannot write", &self.file.path, &error),
                };
                return Err(fault);
            }
        }
        Ok(())
    }

    /// The fault for a unique index that the rows forbid, with an example.
    pub(super) fn not_unique(&self, index: &schema::IndexSql<'_>) -> Fault {
        let names = schema::index_columns(index.table, index.index);
        let columns = schema::list(names.iter().map(|name| schema::quoted(name)));
        let present = names.iter().map(|name| format!("{} IS NOT NULL", schema::quoted(name))).collect::<Vec<_>>();
        let sql = format!(
            "SELECT {columns} FROM {} WHERE {} GROUP BY {columns} HAVING COUNT(*) > 1 LIMIT 1",
            schema::quoted(&index.table.name),
            present.join(" AND ")
        );
        let example = self.conn.query_row(&sql, (), |row| {
            let values = (0..names.len()).map(|column| row.get_ref(column)).collect::<Result<Vec<_>, _>>()?;
            Ok(show(names.iter().copied(), values.into_iter()))
        });
        let example = example.unwrap_or_else(|_| format!("({})", names.join(", ")));
        changes(index.table, &format!("two rows have {example}, which a unique index forbids"))
            .of(&self.file.identity.projection)
            .hint("let the projection keep these values distinct, or declare the index without `unique`")
    }

    /// Runs statements whose failure means that the file could not be written.
    pub(super) fn write<'a, T>(&'a self, run: impl FnOnce(&'a Connection) -> rusqlite::Result<T>) -> Result<T> {
        self.file.write(&self.conn, run)
    }

    fn take(&mut self, flushes: Vec<Flush>) -> Result<()> {
        if matches!(self.rows, BuildRows::Failed) {
            return Err(failed_build(&self.file.path));
        }
        if flushes.iter().all(|flush| flush.changes.is_empty()) {
            return Ok(());
        }
        check_tables(&self.file.manifest, &flushes)?;
        self.is_empty &= flushes.iter().flat_map(|flush| &flush.changes).all(|changes| changes.upserted == 0);
        self.rows = match std::mem::replace(&mut self.rows, BuildRows::Failed) {
            BuildRows::None => BuildRows::Pages(self.write_pages(flushes)?),
            BuildRows::Pages(_) | BuildRows::Inserted => {
                self.insert(&flushes)?;
                BuildRows::Inserted
            }
            BuildRows::Failed => unreachable!("it was looked at first"),
        };
        Ok(())
    }

    fn insert(&self, flushes: &[Flush]) -> Result<()> {
        for (number, table) in self.file.manifest.tables.iter().enumerate() {
            let sides = sides(number, table, flushes)?;
            if !sides.is_empty() {
                let writer = TableWriter {
                    conn: &self.conn,
                    path: &self.file.path,
                    table,
                    statements: &self.statements[number],
                };
                writer.change(&sides, &by_key(table, &sides)?)?;
            }
        }
        Ok(())
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
        if matches!(self.rows, BuildRows::Failed) {
            return Err(failed_build(&self.file.path));
        }
        sql_lookup::find(&self.conn, &self.file, &self.statements, table, length, keys)
            .map_err(|fault| fault.of(&self.file.identity.projection))
    }

    /// Unique indexes are checked by [`BuildingGeneration::finish`]. After a fault it is to be thrown away.
    fn commit(&mut self, flushes: Vec<Flush>, commit: Commit) -> Result<()> {
        let range = commit.range;
        let committed = check_range(self.checkpoint, range)
            .and_then(|()| self.file.stored(range.through))
            .and_then(|_| self.take(flushes));
        committed.map_err(|fault| fault.of(&self.file.identity.projection).among(range))?;
        self.checkpoint = range.through;
        self.fingerprint = commit.fingerprint;
        Ok(())
    }

    fn row_counts(&self) -> Result<Vec<(String, u64)>> {
        Ok(named_counts(&self.file.manifest, &self.counts()?))
    }
}

impl BulkWriter for BuildingGeneration {
    /// That two parts changed the same row is found among flushes that come together.
    fn write(&mut self, flushes: Vec<Flush>) -> Result<()> {
        self.take(flushes).map_err(|fault| fault.of(&self.file.identity.projection))
    }
}
