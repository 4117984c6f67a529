//! **Finishing** a build: its rows and indexes are written, the file is made durable, and goes live.

use rusqlite::Connection;

use super::build_options::BuildOptions;
use super::file::{self, GenerationFile, row_counts_json};
use super::layout::RowLayout;
use super::runs::Runs;
use super::schema::{self, IndexSql};
use super::storage::{connect, failed, pragmas, sync_folder};
use super::{fill_pages, fill_sql, live, tree};
use crate::event::{Position, Result};

/// While a generation is built nothing is journaled or made durable: a crash throws the file away.
pub(super) const PRAGMAS: &[(&str, &str)] = &[
    ("page_size", "4096"),
    ("journal_mode", "OFF"),
    ("synchronous", "OFF"),
    ("locking_mode", "EXCLUSIVE"),
    ("cache_size", "-65536"), // KiB
];

/// Writes the rows and the indexes; says how many rows each table has. The connection is in a transaction.
pub(super) fn write(
    file: &GenerationFile,
    options: BuildOptions,
    layouts: &[RowLayout],
    runs: &mut Runs,
) -> Result<(Connection, Vec<u64>)> {
    if !(options.writes_pages && tree::is_made_for_this_sqlite()) {
        let conn = begin(file)?;
        let counts = fill_sql::fill(&conn, file, layouts, runs)?;
        return Ok((conn, counts));
    }
    let roots = roots(file)?;
    let filled = fill_pages::fill(&file.path, &file.manifest, layouts, &roots, runs, options.memory_bytes_max)?;
    let conn = begin(file)?;
    let indexes = schema::create_indexes(&file.manifest);
    if !indexes.is_empty() {
        file.write(&conn, |conn| name_indexes(conn, &indexes, &filled.index_roots))?;
    }
    Ok((conn, filled.counts))
}

/// Ends the transaction with the checkpoint; everything is on the disk then, and the file says so of itself.
pub(super) fn make_durable(
    conn: &Connection,
    file: &GenerationFile,
    checkpoint: Position,
    fingerprint: &str,
    counts: &[u64],
) -> Result<()> {
    let position = file.stored(checkpoint)?;
    file.write(conn, |conn| {
        let sql = "UPDATE projectionist_checkpoint SET position = ?1, fingerprint = ?2, row_counts = ?3";
        conn.execute(sql, (position, fingerprint, row_counts_json(counts)))?;
        conn.execute_batch("COMMIT")
    })?;
    // On its own and last, so that a file whose writer was killed before this is refused by `open`.
    file.write(conn, |conn| conn.execute("UPDATE projectionist_generation SET finished = 1", ()))?;
    // The one sync of a build: going to WAL writes the first page and syncs the file, rows and all.
    pragmas(conn, &file.path, &[("locking_mode", "NORMAL"), ("synchronous", "FULL")])?;
    pragmas(conn, &file.path, live::PRAGMAS)?;
    sync_folder(file::folder(&file.path))
}

fn begin(file: &GenerationFile) -> Result<Connection> {
    let conn = connect(&file.path, false)?;
    pragmas(&conn, &file.path, PRAGMAS)?;
    file.write(&conn, |conn| conn.execute_batch("BEGIN EXCLUSIVE"))?;
    Ok(conn)
}

/// The root page of each table. SQLite has the file closed afterwards.
fn roots(file: &GenerationFile) -> Result<Vec<u32>> {
    let conn = connect(&file.path, false)?;
    let sql = "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = ?";
    let roots = file.manifest.tables.iter().map(|table| conn.query_row(sql, [&table.name], |row| row.get(0)));
    roots.collect::<rusqlite::Result<_>>().map_err(|error| failed("cannot read", &file.path, &error))
}

/// Enters indexes whose pages are written: what `CREATE INDEX` writes, but it would also fill them.
fn name_indexes(conn: &Connection, indexes: &[IndexSql<'_>], roots: &[u32]) -> rusqlite::Result<()> {
    conn.execute_batch("PRAGMA writable_schema = ON")?;
    for (index, root) in indexes.iter().zip(roots) {
        let sql = "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('index', ?, ?, ?, ?)";
        conn.execute(sql, (&index.name, &index.table.name, root, &index.create))?;
    }
    let version: i64 = conn.pragma_query_value(None, "schema_version", |row| row.get(0))?;
    conn.pragma_update(None, "schema_version", version + 1)?;
    conn.execute_batch("PRAGMA writable_schema = RESET")
}
