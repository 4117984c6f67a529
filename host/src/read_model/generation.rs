//! A **generation**: one read model in one SQLite file, held by the one who writes it.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use super::bulk_load::Laid;
use super::schema::{self, Statements};
use super::storage::{connect, failed, pragmas, sync_folder};
use super::{Identity, order};
use crate::event::{Fault, FaultKind, Manifest, Position, Result};

/// While a generation is built nothing is journaled or made durable: a crash throws the file away.
/// What is not laid out as pages happens in one transaction, so a page that changes often is written once, at the end,
/// unless the cache overflows.
pub(super) const BULK: &[(&str, &str)] = &[
    ("page_size", "4096"),
    ("journal_mode", "OFF"),
    ("synchronous", "OFF"),
    ("locking_mode", "EXCLUSIVE"),
    ("cache_size", "-65536"), // KiB
];

/// A live generation is read while it is written, and commits often.
const LIVE: &[(&str, &str)] = &[
    ("journal_mode", "WAL"),
    // A power cut may take the last commits, rows and checkpoint together; the log replays them.
    ("synchronous", "NORMAL"),
    ("cache_size", "-16384"),           // KiB
    ("journal_size_limit", "67108864"), // bytes that a WAL keeps on disk once it was larger
];

/// One SQLite file, the writer. See [`super`] for what survives a crash.
#[derive(Debug)]
pub struct Generation {
    pub(super) conn: Connection,
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) manifest: Manifest,
    pub(super) statements: Vec<Statements>,
    pub(super) checkpoint: Position,
    pub(super) mark: String,
    /// What the next commit records as the mark of its checkpoint.
    pub(super) next_mark: String,
    pub(super) empty: bool,
    pub(super) mode: Mode,
    /// Whether rows were written to it while it is built.
    pub(super) has_written: bool,
    /// The rows that are there, as long as they are those of its first flushes and it is not finished.
    pub(super) laid: Option<Laid>,
    /// How many rows each table has, until others come.
    pub(super) row_counts: Option<Vec<u64>>,
}

/// How a generation is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// In one transaction that ends with [`Generation::finish`].
    Bulk,
    /// One transaction a commit.
    Live,
    /// A bulk write failed, and nothing can be rolled back.
    Failed,
}

impl Generation {
    /// Makes the file for a new generation, in bulk mode, with missing folders.
    ///
    /// The manifest must have been checked. Fails when there is a file already.
    pub fn create(path: &Path, identity: &Identity, manifest: &Manifest) -> Result<Generation> {
        if path.exists() {
            return Err(Fault::new(FaultKind::Storage, format!("{} is there already", path.display()))
                .hint("remove the file or name another one"));
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| Fault::storage(format!("cannot make the folder {}", folder.display()), error))?;
        }
        let conn = connect(path, true)?;
        pragmas(&conn, path, BULK)?;
        create_schema(&conn, identity, manifest).map_err(|error| failed("cannot write", path, &error))?;
        Ok(Self::new(conn, path, identity.clone(), manifest.clone(), Mode::Bulk))
    }

    /// Throws away everything that was written to a generation that is being built, and starts with a new file.
    pub fn start_over(&mut self) -> Result<()> {
        let closed = Connection::open_in_memory().map_err(|error| failed("cannot close", &self.path, &error))?;
        drop(std::mem::replace(&mut self.conn, closed));
        self.mode = Mode::Failed;
        std::fs::remove_file(&self.path)
            .map_err(|error| Fault::storage(format!("cannot remove {}", self.path.display()), error))?;
        *self = Generation::create(&self.path, &self.identity, &self.manifest)?;
        Ok(())
    }

    /// Opens a finished generation for writing, in live mode. Refuses a file whose build was not finished.
    pub fn open(path: &Path) -> Result<Generation> {
        if !path.is_file() {
            return Err(Fault::new(FaultKind::Storage, format!("there is no read model at {}", path.display())));
        }
        let conn = connect(path, false)?;
        let head = read_head(&conn, path)?;
        pragmas(&conn, path, LIVE)?;
        let mut generation = Self::new(conn, path, head.identity, head.manifest, Mode::Live);
        generation.checkpoint = head.checkpoint;
        generation.mark = head.mark;
        generation.empty = !head.has_rows;
        Ok(generation)
    }

    fn new(conn: Connection, path: &Path, identity: Identity, manifest: Manifest, mode: Mode) -> Generation {
        let statements: Vec<_> = manifest.tables.iter().map(Statements::new).collect();
        let generation = Generation {
            conn,
            path: path.to_owned(),
            identity,
            manifest,
            statements,
            checkpoint: Position::START,
            mark: String::new(),
            next_mark: String::new(),
            empty: true,
            mode,
            has_written: false,
            laid: None,
            row_counts: None,
        };
        generation.set_up();
        generation
    }

    /// What a new connection needs.
    pub(super) fn set_up(&self) {
        self.conn.set_prepared_statement_cache_capacity(self.statements.len() * 4 + 8);
    }

    /// The position whose effects are committed.
    pub fn checkpoint(&self) -> Position {
        self.checkpoint
    }

    /// What the event at the checkpoint is known by, so that another log is not taken for the one that this read model
    /// was built from; empty when it is not known.
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// Sets the mark that the next commit records with its checkpoint. Without one it records none.
    pub fn set_next_mark(&mut self, mark: String) {
        self.next_mark = mark;
    }

    /// Whether no row was ever committed.
    pub fn is_empty(&self) -> bool {
        self.empty
    }

    /// Whether it is still being built: not durable, without secondary indexes, not to be read by others.
    pub fn is_bulk(&self) -> bool {
        self.mode != Mode::Live
    }

    /// What the plugin said of itself when the generation was created.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Of which plugin binary it is the read model.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends bulk mode: builds the secondary indexes, makes the file durable and goes live.
    ///
    /// Two rows that a unique index forbids are a fault of the plugin, with the values. After any fault the
    /// generation is good for nothing but being discarded. Does nothing when it is live already.
    pub fn finish(&mut self) -> Result<()> {
        match self.mode {
            Mode::Live => return Ok(()),
            Mode::Failed => return Err(self.failed_build()),
            Mode::Bulk => {}
        }
        // Until the last step succeeded, nothing may be written to it any more.
        self.mode = Mode::Failed;
        let (checkpoint, has_rows) = (self.stored(self.checkpoint)?, !self.empty);
        self.write(|conn| {
            let sql = "UPDATE projectionist_checkpoint SET position = ?1, has_rows = ?2, mark = ?3";
            conn.execute(sql, (checkpoint, has_rows, &self.mark))
        })?;
        match self.laid.take() {
            Some(laid) => self.lay_out_indexes(&laid)?,
            None => self.build_indexes()?,
        }
        self.write(|conn| conn.execute_batch("COMMIT"))?;
        // On its own and last, so that a file whose writer was killed before this is refused by `open`.
        self.write(|conn| conn.execute("UPDATE projectionist_generation SET finished = 1", ()))?;
        // The one sync of a build: going to WAL writes the first page and syncs the file, rows and all.
        pragmas(&self.conn, &self.path, &[("locking_mode", "NORMAL"), ("synchronous", "FULL")])?;
        pragmas(&self.conn, &self.path, LIVE)?;
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            sync_folder(folder)?;
        }
        self.mode = Mode::Live;
        Ok(())
    }

    fn build_indexes(&self) -> Result<()> {
        let indexes = schema::create_indexes(&self.manifest);
        if indexes.is_empty() {
            return Ok(());
        }
        // A journal, so that a unique index that cannot be built leaves something to look at.
        self.write(|conn| conn.execute_batch("COMMIT"))?;
        pragmas(&self.conn, &self.path, &[("journal_mode", "MEMORY")])?;
        self.write(|conn| conn.execute_batch("BEGIN"))?;
        for index in indexes {
            if let Err(error) = self.conn.execute_batch(&index.create) {
                let fault = match error.sqlite_error_code() {
                    Some(rusqlite::ErrorCode::ConstraintViolation) => self.not_unique(&index),
                    _ => failed("cannot write", &self.path, &error),
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
            Ok(order::show(names.iter().copied(), values.into_iter()))
        });
        let example = example.unwrap_or_else(|_| format!("({})", names.join(", ")));
        order::changes(index.table, &format!("two rows have {example}, which a unique index forbids"))
            .of(&self.identity.projection)
            .hint("let the projection keep these values distinct, or declare the index without `unique`")
    }

    /// Runs statements whose failure means that the file could not be written.
    pub(super) fn write<'a, T>(&'a self, run: impl FnOnce(&'a Connection) -> rusqlite::Result<T>) -> Result<T> {
        run(&self.conn).map_err(|error| failed("cannot write", &self.path, &error))
    }

    /// A position as SQLite stores it.
    pub(super) fn stored(&self, position: Position) -> Result<i64> {
        i64::try_from(position.0).map_err(|_| {
            Fault::new(FaultKind::Storage, format!("position {position} is beyond what {} holds", self.path.display()))
        })
    }

    pub(super) fn failed_build(&self) -> Fault {
        Fault::new(FaultKind::Storage, format!("the build of {} failed before", self.path.display()))
            .hint("discard this generation and build another one")
    }
}

fn create_schema(conn: &Connection, identity: &Identity, manifest: &Manifest) -> rusqlite::Result<()> {
    conn.execute_batch("BEGIN EXCLUSIVE")?;
    conn.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
    conn.pragma_update(None, "user_version", schema::FILE_FORMAT)?;
    conn.execute_batch(schema::HOUSEKEEPING)?;
    conn.execute(
        "INSERT INTO projectionist_generation VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
        (
            &identity.projection,
            identity.plugin_version,
            &identity.plugin_hash,
            &identity.settings,
            &identity.contract,
            identity.created_at.to_string(),
            serde_json::to_string(manifest).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?,
        ),
    )?;
    conn.execute("INSERT INTO projectionist_checkpoint VALUES (1, 0, '', 0)", ())?;
    manifest.tables.iter().try_for_each(|table| conn.execute_batch(&schema::create_table(table)))
}

/// What stands in a finished file beside its rows.
pub(super) struct Head {
    pub identity: Identity,
    pub manifest: Manifest,
    pub checkpoint: Position,
    pub mark: String,
    pub has_rows: bool,
}

/// Reads what a file says of itself; refuses one that is no finished generation.
pub(super) fn read_head(conn: &Connection, path: &Path) -> Result<Head> {
    let unfinished = || {
        Fault::new(FaultKind::Storage, format!("the build of {} was not finished", path.display()))
            .hint("remove the file; the read model can be rebuilt from the log")
    };
    if std::fs::metadata(path).is_ok_and(|file| file.len() == 0) {
        return Err(unfinished());
    }
    let failed = |error: rusqlite::Error| failed("cannot read", path, &error);
    let pragma = |name: &str| conn.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map_err(failed);
    let (application, format) = (pragma("application_id")?, pragma("user_version")?);
    if application != schema::APPLICATION_ID {
        return Err(Fault::new(FaultKind::Storage, format!("{} is no read model of this program", path.display())));
    }
    if format != schema::FILE_FORMAT {
        return Err(Fault::new(
            FaultKind::Storage,
            format!("{} has file format {format}, this program reads {}", path.display(), schema::FILE_FORMAT),
        )
        .hint("rebuild the read model with this program"));
    }
    let row = conn
        .query_row(
            "SELECT projection, plugin_version, plugin_hash, settings, contract, created_at, manifest,
                    position, mark, has_rows, finished
             FROM projectionist_generation JOIN projectionist_checkpoint USING (id)",
            (),
            |row| {
                let identity = Identity {
                    projection: row.get(0)?,
                    plugin_version: row.get(1)?,
                    plugin_hash: row.get(2)?,
                    settings: row.get(3)?,
                    contract: row.get(4)?,
                    created_at: row.get::<_, String>(5)?.parse().unwrap_or_default(),
                };
                let checkpoint = Position(row.get::<_, i64>(7)?.cast_unsigned());
                let (mark, has_rows) = (row.get(8)?, row.get(9)?);
                Ok((identity, row.get::<_, String>(6)?, checkpoint, mark, has_rows, row.get::<_, bool>(10)?))
            },
        )
        .optional()
        .map_err(failed)?;
    let Some((identity, manifest, checkpoint, mark, has_rows, true)) = row else { return Err(unfinished()) };
    let manifest = serde_json::from_str(&manifest)
        .map_err(|error| Fault::storage(format!("the manifest in {} is unreadable", path.display()), error))?;
    Ok(Head { identity, manifest, checkpoint, mark, has_rows })
}
