//! **Filling by SQL**: the merged rows of a build are inserted one by one, and indexes are created by SQLite. It is the plain
//! way to what [`super::fill_pages`] does, and is compared with it.

use rusqlite::Connection;
use rusqlite::types::ToSqlOutput;

use super::file::GenerationFile;
use super::index_build::not_unique;
use super::layout::RowLayout;
use super::merge_fault::{BuildError, FaultOf};
use super::order::show;
use super::runs::Runs;
use super::schema::{self, IndexSql, Statements};
use super::storage::{failed, pragmas};
use crate::event::Result;

/// Inserts the rows of all tables and creates the indexes; says how many rows each table has. There is a transaction.
pub(super) fn fill(
    conn: &Connection,
    file: &GenerationFile,
    layouts: &[RowLayout],
    runs: &mut Runs,
) -> Result<Vec<u64>> {
    let mut counts = Vec::new();
    for (number, table) in file.manifest.tables.iter().enumerate() {
        let faults = FaultOf { path: &file.path, table, layout: &layouts[number] };
        let sql = Statements::new(table).insert;
        let mut insert = file.write(conn, |conn| conn.prepare(&sql))?;
        let mut count = 0;
        let merged = runs.merge(number, table.insert_only, &mut |key, record| {
            let Some(record) = record else { return Ok(()) };
            count += 1;
            let mut run = || {
                for (column, value) in layouts[number].values(key, record).into_iter().enumerate() {
                    insert.raw_bind_parameter(column + 1, ToSqlOutput::Borrowed(value))?;
                }
                insert.raw_execute()
            };
            run().map_err(|error| failed("cannot write", &file.path, &error))?;
            Ok::<_, BuildError>(())
        });
        merged.map_err(|error| faults.fault(error))?;
        runs.clear(number);
        counts.push(count);
    }
    create_indexes(conn, file)?;
    Ok(counts)
}

fn create_indexes(conn: &Connection, file: &GenerationFile) -> Result<()> {
    let indexes = schema::create_indexes(&file.manifest);
    if indexes.is_empty() {
        return Ok(());
    }
    // A journal, so that a unique index that cannot be built leaves something to look at.
    file.write(conn, |conn| conn.execute_batch("COMMIT"))?;
    pragmas(conn, &file.path, &[("journal_mode", "MEMORY")])?;
    file.write(conn, |conn| conn.execute_batch("BEGIN"))?;
    for index in indexes {
        if let Err(error) = conn.execute_batch(&index.create) {
            return Err(match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::ConstraintViolation) => not_unique(&index, &example(conn, &index)),
                _ => failed("cannot write", &file.path, &error),
            });
        }
    }
    Ok(())
}

/// Values that two rows have in the columns of an index.
fn example(conn: &Connection, index: &IndexSql<'_>) -> String {
    let names = schema::index_columns(index.table, index.index);
    let columns = schema::list(names.iter().map(|name| schema::quoted(name)));
    let present: Vec<_> = names.iter().map(|name| format!("{} IS NOT NULL", schema::quoted(name))).collect();
    let sql = format!(
        "SELECT {columns} FROM {} WHERE {} GROUP BY {columns} HAVING COUNT(*) > 1 LIMIT 1",
        schema::quoted(&index.table.name),
        present.join(" AND ")
    );
    let example = conn.query_row(&sql, (), |row| {
        let values = (0..names.len()).map(|column| row.get_ref(column)).collect::<Result<Vec<_>, _>>()?;
        Ok(show(names.iter().copied(), values.into_iter()))
    });
    example.unwrap_or_else(|_| format!("({})", names.join(", ")))
}
