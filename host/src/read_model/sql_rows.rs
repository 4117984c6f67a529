//! **Rows by SQL**: row changes in key order are made in a table of SQLite's, one statement or two for each.

use std::path::Path;

use rusqlite::{CachedStatement, Connection, ErrorCode};

use super::cells::Cells;
use super::order::{INSERTED_AGAIN, RowRef, RowSet, changes, show_key};
use super::schema::Statements;
use super::storage::{failed, message};
use crate::event::{Fault, Result, Table};

/// Writes one table.
pub(super) struct TableWriter<'a> {
    pub conn: &'a Connection,
    pub path: &'a Path,
    pub table: &'a Table,
    pub statements: &'a Statements,
}

impl TableWriter<'_> {
    /// Makes these changes; says how many rows there are more than before.
    pub fn change(&self, row_sets: &[RowSet<'_>], rows: &[RowRef]) -> Result<i64> {
        if self.table.insert_only {
            return self.insert(row_sets, rows);
        }
        if self.table.indexes.iter().any(|index| index.unique) {
            // Values that a unique index guards may move from row to row within a flush. So the rows that change all
            // leave first, and each then finds its place as if the others had moved already.
            return Ok(self.delete(row_sets, rows)? + self.insert(row_sets, rows)?);
        }
        self.upsert(row_sets, rows)
    }

    /// Inserts rows whose keys are not there.
    fn insert(&self, row_sets: &[RowSet<'_>], rows: &[RowRef]) -> Result<i64> {
        let mut insert = self.prepare(&self.statements.insert)?;
        let mut inserted = 0;
        for row in rows {
            let set = &row_sets[row.set as usize];
            if !set.deletes {
                inserted += self.run(&mut insert, set, &set.columns, row)?;
            }
        }
        Ok(inserted)
    }

    /// Deletes all these keys.
    fn delete(&self, row_sets: &[RowSet<'_>], rows: &[RowRef]) -> Result<i64> {
        let mut delete = self.prepare(&self.statements.delete)?;
        let mut deleted = 0;
        for row in rows {
            let set = &row_sets[row.set as usize];
            deleted += self.run(&mut delete, set, set.key(), row)?;
        }
        Ok(-deleted)
    }

    /// Updates rows that are there, inserts those that are not, deletes keys.
    fn upsert(&self, row_sets: &[RowSet<'_>], rows: &[RowRef]) -> Result<i64> {
        let mut update = self.statements.update.as_ref().map(|sql| self.prepare(sql)).transpose()?;
        let mut insert = self.prepare(&self.statements.insert_missing)?;
        let mut delete = self.prepare(&self.statements.delete)?;
        let mut more = 0;
        for row in rows {
            let set = &row_sets[row.set as usize];
            if set.deletes {
                more -= self.run(&mut delete, set, set.key(), row)?;
                continue;
            }
            let updated = match &mut update {
                Some(update) => self.run(update, set, &set.columns, row)?,
                None => 0,
            };
            if updated == 0 {
                more += self.run(&mut insert, set, &set.columns, row)?;
            }
        }
        Ok(more)
    }

    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>> {
        self.conn.prepare_cached(sql).map_err(|error| failed("cannot write", self.path, &error))
    }

    /// How many rows it changed.
    fn run(
        &self,
        statement: &mut CachedStatement<'_>,
        set: &RowSet<'_>,
        columns: &[Cells<'_>],
        row: &RowRef,
    ) -> Result<i64> {
        let mut run = || {
            for (number, cells) in columns.iter().enumerate() {
                statement.raw_bind_parameter(number + 1, cells.bind(row.row as usize))?;
            }
            statement.raw_execute()
        };
        run().map(|changed| changed as i64).map_err(|error| self.refused(set, row, &error))
    }

    fn refused(&self, set: &RowSet<'_>, row: &RowRef, error: &rusqlite::Error) -> Fault {
        if error.sqlite_error_code() != Some(ErrorCode::ConstraintViolation) {
            return failed("cannot write", self.path, error);
        }
        let key = show_key(self.table, set.key().iter().map(|cells| cells.get(row.row as usize)));
        let extended = error.sqlite_error().map(|error| error.extended_code);
        match extended {
            Some(rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY | rusqlite::ffi::SQLITE_CONSTRAINT_ROWID) => {
                changes(self.table, &format!("key {key} {INSERTED_AGAIN}"))
                    .hint("put something unique for each row into the key, the position say")
            }
            Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE) => {
                let columns = message(error).replace("UNIQUE constraint failed: ", "");
                let message =
                    format!("the row with key {key} repeats values of {columns}, which a unique index forbids");
                changes(self.table, &message)
                    .hint("let the projection keep these values distinct, or declare the index without `unique`")
            }
            _ => changes(self.table, &format!("the row with key {key} is refused: {}", message(error))),
        }
    }
}
