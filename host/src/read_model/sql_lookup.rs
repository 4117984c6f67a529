//! A **lookup by SQL** finds rows by key and returns them as columns.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::cells::{Builder, Cells};
use super::file::GenerationFile;
use super::order;
use super::schema::Statements;
use super::storage::failed;
use crate::event::{Bitmap, Column, Fault, FaultKind, Manifest, Result, Rows, Table};

/// The rows of `length` keys, in their order, out of the tables of a file.
pub(super) fn find(
    conn: &Connection,
    file: &GenerationFile,
    statements: &[Statements],
    number: usize,
    length: usize,
    keys: &[Column],
) -> Result<Rows> {
    let table = table_looked_up(&file.manifest, number)?;
    let keys = key_cells(table, length, keys)?;
    let mut found = Found::new(table, length);
    let damaged = |what: String| {
        Fault::storage(format!("table `{}` in {}", table.name, file.path.display()), what)
            .hint("another program has changed the file; rebuild the read model")
    };
    let failed = |error: rusqlite::Error| failed("cannot read", &file.path, &error);
    let mut select = conn.prepare_cached(&statements[number].select).map_err(failed)?;
    for at in 0..length {
        for (parameter, cells) in keys.iter().enumerate() {
            select.raw_bind_parameter(parameter + 1, cells.bind(at)).map_err(failed)?;
        }
        let mut rows = select.raw_query();
        let row = rows.next().map_err(failed)?;
        let values = row.map(|row| (0..table.columns.len()).map(|column| row.get_ref(column)).collect());
        let values: Option<Vec<_>> = values.transpose().map_err(failed)?;
        found.push(values.as_deref()).map_err(damaged)?;
    }
    Ok(found.finish())
}

/// The table, if rows of it can be looked up.
pub(super) fn table_looked_up(manifest: &Manifest, number: usize) -> Result<&Table> {
    let Some(table) = manifest.tables.get(number) else {
        let message = format!("table {number} was looked up, of {}", manifest.tables.len());
        return Err(Fault::new(FaultKind::Changes, message));
    };
    if table.insert_only {
        return Err(order::changes(table, "rows are looked up, but it is declared insert-only"));
    }
    Ok(table)
}

/// The key columns of keys that are looked up, their shapes checked.
pub(super) fn key_cells<'a>(table: &Table, length: usize, keys: &'a [Column]) -> Result<Vec<Cells<'a>>> {
    order::cells(table, table.key.iter().map(|&column| usize::from(column)), keys, length)
}

/// Rows that were looked up, put together one by one.
pub(super) struct Found<'a> {
    table: &'a Table,
    found: Vec<u8>,
    length: usize,
    columns: Vec<Builder>,
}

impl<'a> Found<'a> {
    /// Of about so many keys.
    pub fn new(table: &'a Table, length: usize) -> Found<'a> {
        let columns = table.columns.iter().map(|column| Builder::new(column.kind, length)).collect();
        Found { table, found: vec![0; length.div_ceil(8)], length: 0, columns }
    }

    /// The row of the next key, or that there is none. The error says what is wrong with a value.
    pub fn push(&mut self, row: Option<&[ValueRef<'_>]>) -> Result<(), String> {
        if row.is_some() {
            self.found[self.length / 8] |= 1 << (self.length % 8);
        }
        self.length += 1;
        for (column, builder) in self.columns.iter_mut().enumerate() {
            let value = row.map_or(ValueRef::Null, |row| row[column]);
            builder.push(value).map_err(|what| format!("column `{}`: {what}", self.table.columns[column].name))?;
        }
        Ok(())
    }

    /// All of them.
    pub fn finish(self) -> Rows {
        Rows { found: Bitmap::from(self.found), columns: self.columns.into_iter().map(Builder::finish).collect() }
    }
}
