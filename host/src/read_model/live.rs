//! A **live generation** is finished: others read it while it follows the log, one transaction a commit.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::contents::{Contents, SqlTables};
use super::file::{GenerationFile, Header, check_range, named_counts, row_counts_json};
use super::order::{by_key, check_tables, row_sets};
use super::schema::Statements;
use super::sql_lookup;
use super::sql_rows::TableWriter;
use super::storage::{connect, failed, pragmas};
use super::writer::{Commit, Flush, Writer};
use super::{Digest, Identity};
use crate::event::{Column, Fault, FaultKind, Manifest, Position, Result, Rows};

/// A live generation is read while it is written, and commits often.
pub(super) const PRAGMAS: &[(&str, &str)] = &[
    ("journal_mode", "WAL"),
    // A power cut may take the last commits, rows and checkpoint together; the log replays them.
    ("synchronous", "NORMAL"),
    ("cache_size", "-16384"),           // KiB
    ("journal_size_limit", "67108864"), // bytes that a WAL keeps on disk once it was larger
];

/// The writer of a finished generation.
#[derive(Debug)]
pub struct LiveGeneration {
    conn: Connection,
    pub(super) file: GenerationFile,
    statements: Vec<Statements>,
    checkpoint: Position,
    fingerprint: String,
    row_counts: Vec<u64>,
}

impl LiveGeneration {
    /// Opens a finished generation for writing. Refuses a file whose build was not finished.
    pub fn open(path: &Path) -> Result<LiveGeneration> {
        if !path.is_file() {
            return Err(Fault::new(FaultKind::Storage, format!("there is no read model at {}", path.display())));
        }
        let conn = connect(path, false)?;
        let header = Header::read(&conn, path)?;
        pragmas(&conn, path, PRAGMAS)?;
        let file = GenerationFile { path: path.to_owned(), identity: header.identity, manifest: header.manifest };
        let generation = Self::new(conn, file, header.checkpoint, header.fingerprint, header.row_counts);
        Ok(generation)
    }

    /// What a finished build becomes; the connection has [`PRAGMAS`] already.
    pub(super) fn new(
        conn: Connection,
        file: GenerationFile,
        checkpoint: Position,
        fingerprint: String,
        row_counts: Vec<u64>,
    ) -> LiveGeneration {
        let statements: Vec<_> = file.manifest.tables.iter().map(Statements::new).collect();
        conn.set_prepared_statement_cache_capacity(statements.len() * 4 + 8);
        LiveGeneration { conn, file, statements, checkpoint, fingerprint, row_counts }
    }

    /// Of which plugin binary it is the read model.
    pub fn identity(&self) -> &Identity {
        &self.file.identity
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.file.path
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

    fn transaction(&mut self, flushes: &[Flush], commit: &Commit) -> Result<()> {
        let range = commit.range;
        let through = self.file.stored(range.through)?;
        check_tables(&self.file.manifest, flushes)?;
        let transaction =
            self.file.write(&self.conn, |conn| Transaction::new_unchecked(conn, TransactionBehavior::Immediate))?;
        let stored = self.file.write(&transaction, |conn| {
            let mut position = conn.prepare_cached("SELECT position FROM projectionist_checkpoint")?;
            position.query_row((), |row| row.get::<_, i64>(0))
        })?;
        check_range(Position(stored.cast_unsigned()), range)?;
        let mut row_counts = self.row_counts.clone();
        for (number, table) in self.file.manifest.tables.iter().enumerate() {
            let row_sets = row_sets(number, table, flushes)?;
            if row_sets.is_empty() {
                continue;
            }
            let rows = by_key(table, &row_sets)?;
            let writer =
                TableWriter { conn: &transaction, path: &self.file.path, table, statements: &self.statements[number] };
            let more = writer.change(&row_sets, &rows)?;
            row_counts[number] = row_counts[number].saturating_add_signed(more);
        }
        self.file.write(&transaction, |conn| {
            let sql = "UPDATE projectionist_checkpoint SET position = ?1, fingerprint = ?2, row_counts = ?3";
            conn.prepare_cached(sql)?.execute((through, &commit.fingerprint, row_counts_json(&row_counts)))
        })?;
        // Dropped on any failure above, which rolls back.
        transaction.commit().map_err(|error| failed("cannot write", &self.file.path, &error))?;
        self.row_counts = row_counts;
        Ok(())
    }
}

impl Writer for LiveGeneration {
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
        self.row_counts.iter().all(|&rows| rows == 0)
    }

    fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        let lookup = || {
            // One snapshot for all keys: without a transaction each of them would take and leave the lock.
            let snapshot = self.conn.unchecked_transaction();
            let snapshot = snapshot.map_err(|error| failed("cannot read", &self.file.path, &error))?;
            sql_lookup::find(&snapshot, &self.file, &self.statements, table, length, keys)
        };
        lookup().map_err(|fault| fault.of(&self.file.identity.projection))
    }

    /// One transaction. Unique indexes are checked against the outcome of all changes; rows without a value in an
    /// indexed column never collide. That another process moved the checkpoint is a storage fault.
    fn commit(&mut self, flushes: Vec<Flush>, commit: Commit) -> Result<()> {
        let committed = self.transaction(&flushes, &commit);
        committed.map_err(|fault| fault.of(&self.file.identity.projection).among(commit.range))?;
        self.checkpoint = commit.range.through;
        self.fingerprint = commit.fingerprint;
        Ok(())
    }

    /// As the file keeps them: nothing is counted.
    fn row_counts(&self) -> Result<Vec<(String, u64)>> {
        Ok(named_counts(&self.file.manifest, &self.row_counts))
    }
}
