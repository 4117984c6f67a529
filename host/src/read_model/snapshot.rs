//! A **snapshot** is a finished generation opened for reading, while its host may go on writing to it.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::contents::{Contents, SqlTables};
use super::file::{Header, named_counts};
use super::storage::{connect_read_only, failed};
use super::{Digest, Identity};
use crate::event::{Manifest, Position, Result};

/// A finished generation as it stood when it was opened: later commits are not seen.
///
/// As long as one is held the writer cannot shorten its write-ahead log, so let go of it soon.
pub struct Snapshot {
    conn: Connection,
    path: PathBuf,
    header: Header,
}

impl Snapshot {
    /// Opens the file. Refuses one that is no finished generation.
    pub fn open(path: &Path) -> Result<Snapshot> {
        let conn = connect_read_only(path)?;
        conn.execute_batch("BEGIN").map_err(|error| failed("cannot read", path, &error))?;
        let header = Header::read(&conn, path)?;
        Ok(Snapshot { conn, path: path.to_owned(), header })
    }

    /// The position whose effects it shows.
    pub fn checkpoint(&self) -> Position {
        self.header.checkpoint
    }

    /// What the plugin said of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.header.manifest
    }

    /// Of which plugin binary it is the read model.
    pub fn identity(&self) -> &Identity {
        &self.header.identity
    }

    /// How many rows each table has, in manifest order; the file keeps the numbers.
    pub fn row_counts(&self) -> Vec<(String, u64)> {
        named_counts(&self.header.manifest, &self.header.row_counts)
    }

    /// A digest of all rows.
    pub fn digest(&self) -> Result<Digest> {
        self.contents().digest()
    }

    /// The rows of a table in key order, each a JSON object with its columns in order. JSON columns are embedded as
    /// they are, blobs are hex digits, infinities are strings.
    pub fn rows_as_json(&self, table: &str) -> Result<Vec<String>> {
        self.contents().rows_as_json(table)
    }

    /// The connection, for the other readers of this folder.
    pub(super) fn connection(&self) -> &Connection {
        &self.conn
    }

    fn contents(&self) -> SqlTables<'_> {
        SqlTables { conn: &self.conn, path: &self.path, manifest: &self.header.manifest }
    }
}
