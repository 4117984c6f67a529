//! The **catalogue** knows the projections of a project, their generations, and which of them serves.
//!
//! One small SQLite file, `data/catalogue.sqlite`. The host alone begins, swaps and discards generations (it holds
//! the [`super::HostLock`]); any process may read, and ask the host for something. A swap, and everything written before
//! it, outlives a power cut; what was written after the last one may be taken back, and the host does it again.

mod records;
mod files;
mod generations;
mod swap;
mod repair;
mod requests;

use std::cell::RefCell;
use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use records::{BuildStatistics, DesiredState, GenerationId, GenerationRecord, GenerationState, ProjectionRecord};
pub use repair::Repairs;
pub use requests::{Answered, Request, RequestId};
pub use swap::Swapped;

use super::storage::{connect, connect_read_only, failed, pragmas};
use crate::event::{Fault, FaultKind, Result};

const APPLICATION_ID: i32 = 0x5052_4A43; // "PRJC"
const FILE_FORMAT: i32 = 1;

const SCHEMA: &str = "
    CREATE TABLE projections (
        name TEXT PRIMARY KEY,
        plugin_file TEXT,
        wanted TEXT NOT NULL DEFAULT 'running',
        file_hash TEXT,
        rolled_back_from TEXT,
        serving INTEGER REFERENCES generations (id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE generations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        projection TEXT NOT NULL REFERENCES projections (name),
        plugin_version INTEGER NOT NULL,
        plugin_hash TEXT NOT NULL,
        settings TEXT NOT NULL,
        contract TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        manifest TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'building',
        ready_at INTEGER,
        checkpoint INTEGER NOT NULL DEFAULT 0,
        events INTEGER NOT NULL DEFAULT 0,
        rows INTEGER NOT NULL DEFAULT 0,
        replay_ms REAL NOT NULL DEFAULT 0,
        replaced INTEGER
    ) STRICT;
    CREATE INDEX generations_by_projection ON generations (projection, id);
    CREATE TABLE states (
        projection TEXT PRIMARY KEY REFERENCES projections (name),
        state TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE requests (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        request TEXT NOT NULL,
        asked_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        taken INTEGER NOT NULL DEFAULT 0,
        answer TEXT
    ) STRICT;";

/// The catalogue of one project. Each thread opens its own.
#[derive(Debug)]
pub struct Catalogue {
    conn: Connection,
    path: PathBuf,
    data_dir: PathBuf,
    /// Plugin files that were written and may not be on the disk yet.
    unsynced: RefCell<Vec<(PathBuf, File)>>,
}

impl Catalogue {
    /// Opens the catalogue in the data folder, making both when they are missing.
    pub fn open(data_dir: &Path) -> Result<Catalogue> {
        std::fs::create_dir_all(data_dir)
            .map_err(|error| Fault::storage(format!("cannot make the folder {}", data_dir.display()), error))?;
        let path = data_dir.join("catalogue.sqlite");
        let conn = connect(&path, true)?;
        // A swap is over once it is on the disk.
        pragmas(&conn, &path, &[("journal_mode", "WAL"), ("synchronous", "FULL"), ("foreign_keys", "ON")])?;
        let catalogue = Catalogue { conn, path, data_dir: data_dir.to_owned(), unsynced: RefCell::default() };
        catalogue.prepare_schema()?;
        Ok(catalogue)
    }

    /// Opens the catalogue for reading only; none when there is none. Makes and changes nothing.
    pub fn open_to_read(data_dir: &Path) -> Result<Option<Catalogue>> {
        let path = data_dir.join("catalogue.sqlite");
        let looking = |error| Fault::storage(format!("looking for {}", path.display()), error);
        if !path.try_exists().map_err(looking)? {
            return Ok(None);
        }
        let conn = connect_read_only(&path)?;
        let catalogue = Catalogue { conn, path, data_dir: data_dir.to_owned(), unsynced: RefCell::default() };
        match catalogue.format()? {
            0 => Ok(None), // another process is about to make it
            format => catalogue.check_format(format).map(|()| Some(catalogue)),
        }
    }

    fn format(&self) -> Result<i32> {
        self.read(|conn| conn.pragma_query_value(None, "user_version", |row| row.get(0)))
    }

    fn prepare_schema(&self) -> Result<()> {
        let format = |conn: &Connection| conn.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0));
        if self.read(format)? == 0 {
            self.transaction(|tx| {
                if format(tx)? == 0 {
                    tx.execute_batch(SCHEMA)?;
                    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
                    tx.pragma_update(None, "user_version", FILE_FORMAT)?;
                }
                Ok(())
            })?;
        }
        self.check_format(self.format()?)
    }

    fn check_format(&self, format: i32) -> Result<()> {
        match format {
            FILE_FORMAT => Ok(()),
            other => Err(Fault::new(
                FaultKind::Storage,
                format!("{} has file format {other}, this program reads {FILE_FORMAT}", self.path.display()),
            )
            .hint("use the program that made it, or start with an empty data folder; read models are rebuilt from the log")),
        }
    }

    /// The data folder.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    fn read<T>(&self, run: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        run(&self.conn).map_err(|error| failed("cannot read", &self.path, &error))
    }

    /// All or nothing, and on the disk when it returns.
    fn transaction<T>(&self, run: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let run = || {
            let transaction = Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate)?;
            let value = run(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|error| failed("cannot write", &self.path, &error))
    }

    /// All or nothing, but a power cut may take it back, unless a [`Catalogue::transaction`] came after it: the log of
    /// this file is synced from its beginning.
    fn passing_transaction<T>(&self, run: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        pragmas(&self.conn, &self.path, &[("synchronous", "NORMAL")])?;
        let done = self.transaction(run);
        pragmas(&self.conn, &self.path, &[("synchronous", "FULL")])?;
        done
    }
}
