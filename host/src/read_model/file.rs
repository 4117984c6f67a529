//! The **file** of a generation: what it says of itself beside the rows.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use super::Identity;
use super::schema::{self, APPLICATION_ID, FILE_FORMAT};
use super::storage::failed;
use crate::event::{Fault, FaultKind, Manifest, Position, Range, Result};

/// The folder that a file is in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A generation's place, and what never changes in it.
#[derive(Clone, Debug)]
pub(super) struct GenerationFile {
    pub path: PathBuf,
    pub identity: Identity,
    pub manifest: Manifest,
}

impl GenerationFile {
    /// Runs statements whose failure means that the file could not be written.
    pub fn write<'a, T>(
        &self,
        conn: &'a Connection,
        run: impl FnOnce(&'a Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        run(conn).map_err(|error| failed("cannot write", &self.path, &error))
    }

    /// A position as SQLite stores it.
    pub fn stored(&self, position: Position) -> Result<i64> {
        i64::try_from(position.0).map_err(|_| {
            Fault::new(FaultKind::Storage, format!("position {position} is beyond what {} holds", self.path.display()))
        })
    }

    /// Makes the tables and says whose they are; ends inside a transaction.
    pub fn create_schema(&self, conn: &Connection) -> rusqlite::Result<()> {
        let GenerationFile { identity, manifest, .. } = self;
        conn.execute_batch("BEGIN EXCLUSIVE")?;
        conn.pragma_update(None, "application_id", APPLICATION_ID)?;
        conn.pragma_update(None, "user_version", FILE_FORMAT)?;
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
                serde_json::to_string(manifest)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?,
            ),
        )?;
        conn.execute("INSERT INTO projectionist_checkpoint VALUES (1, 0, '', '[]')", ())?;
        manifest.tables.iter().try_for_each(|table| conn.execute_batch(&schema::create_table(table)))
    }
}

/// What stands in a finished file beside its rows.
pub(super) struct Header {
    pub identity: Identity,
    pub manifest: Manifest,
    pub checkpoint: Position,
    pub fingerprint: String,
    /// Of each table in manifest order.
    pub row_counts: Vec<u64>,
}

impl Header {
    /// Reads it; refuses a file that is no finished generation.
    pub fn read(conn: &Connection, path: &Path) -> Result<Header> {
        let unfinished = || {
            Fault::new(FaultKind::Storage, format!("the build of {} was not finished", path.display()))
                .hint("remove the file; the read model can be rebuilt from the log")
        };
        if std::fs::metadata(path).is_ok_and(|file| file.len() == 0) {
            return Err(unfinished());
        }
        check_format(conn, path)?;
        let row = conn
            .query_row(
                "SELECT projection, plugin_version, plugin_hash, settings, contract, created_at, manifest,
                        position, fingerprint, row_counts
                 FROM projectionist_generation JOIN projectionist_checkpoint USING (id)
                 WHERE finished",
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
                    Ok((identity, row.get::<_, String>(6)?, checkpoint, row.get(8)?, row.get::<_, String>(9)?))
                },
            )
            .optional()
            .map_err(|error| failed("cannot read", path, &error))?;
        let Some((identity, manifest, checkpoint, fingerprint, row_counts)) = row else { return Err(unfinished()) };
        let unreadable =
            |what: &str, error| Fault::storage(format!("the {what} in {} is unreadable", path.display()), error);
        let manifest: Manifest =
            serde_json::from_str(&manifest).map_err(|error| unreadable("manifest", error.to_string()))?;
        let row_counts: Vec<u64> =
            serde_json::from_str(&row_counts).map_err(|error| unreadable("number of rows", error.to_string()))?;
        if row_counts.len() != manifest.tables.len() {
            return Err(unreadable("number of rows", "not one for each table".into()));
        }
        Ok(Header { identity, manifest, checkpoint, fingerprint, row_counts })
    }
}

fn check_format(conn: &Connection, path: &Path) -> Result<()> {
    let failed = |error: rusqlite::Error| failed("cannot read", path, &error);
    let pragma = |name: &str| conn.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map_err(failed);
    let (application, format) = (pragma("application_id")?, pragma("user_version")?);
    if application != APPLICATION_ID {
        return Err(Fault::new(FaultKind::Storage, format!("{} is no read model of this program", path.display())));
    }
    if format != FILE_FORMAT {
        let message = format!("{} has file format {format}, this program reads {FILE_FORMAT}", path.display());
        return Err(Fault::new(FaultKind::Storage, message).hint("rebuild the read model with this program"));
    }
    Ok(())
}

/// The number of rows of each table as the file keeps them.
pub(super) fn row_counts_json(counts: &[u64]) -> String {
    format!("{counts:?}")
}

/// Numbers of rows with the names of their tables.
pub(super) fn named_counts(manifest: &Manifest, counts: &[u64]) -> Vec<(String, u64)> {
    manifest.tables.iter().map(|table| table.name.clone()).zip(counts.iter().copied()).collect()
}

/// Refuses a commit that does not begin at the checkpoint, or goes backwards.
pub(super) fn check_range(checkpoint: Position, range: Range) -> Result<()> {
    if range.through < range.after {
        return Err(Fault::new(FaultKind::Storage, format!("the checkpoint would move backwards, over {range}")));
    }
    if checkpoint == range.after {
        return Ok(());
    }
    let message = format!("another process has moved this read model from {} to {checkpoint}", range.after);
    Err(Fault::new(FaultKind::Storage, message)
        .hint("let one host alone write to a project folder; this one goes on from the new checkpoint once restarted"))
}
