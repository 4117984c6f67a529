//! A **commit** writes the row changes of a flush and the checkpoint, together or not at all.

use rusqlite::{CachedStatement, ErrorCode, TransactionBehavior};

use super::Flush;
use super::generation::{Generation, Mode};
use super::order::{self, INSERTED_AGAIN, Side, by_key, changes, show_key};
use super::sort::Place;
use super::storage::{failed, message};
use crate::event::{Changes, Fault, FaultKind, Range, Result, Table};

impl Generation {
    /// Commits the changes of `range` and moves the checkpoint to its end, in one transaction.
    ///
    /// The checkpoint must stand at `range.after`, or another process has written to the file: a storage fault.
    /// A table may come in several [`Changes`] (one a partition, say), each key in one of them at most. Unique
    /// indexes are checked against the outcome of the flush, or at [`Generation::finish`] while in bulk mode; rows
    /// without a value in an indexed column never collide.
    ///
    /// A fault leaves a live generation as it was. In bulk mode there is no way back: discard it.
    pub fn commit(&mut self, changes: &[Changes], range: Range) -> Result<()> {
        let flush = Flush { part: 0, changes: changes.to_vec() };
        let done = match self.mode {
            Mode::Bulk => self.commit_bulk(flush, range),
            Mode::Live => {
                self.row_counts = self.row_counts.take().filter(|_| flush.changes.is_empty());
                self.commit_live(&[flush], range)
            }
            Mode::Failed => Err(self.failed_build()),
        };
        done.map_err(|fault| fault.of(&self.identity.projection).among(range))?;
        self.checkpoint = range.through;
        self.mark = std::mem::take(&mut self.next_mark);
        self.empty &= changes.iter().all(|changes| changes.upserted == 0);
        Ok(())
    }

    /// Writes flushes of a build before their commit: the checkpoint stays where it is until [`Generation::commit`]
    /// covers them too. Only in bulk mode, where a crash throws everything away; after a fault so must the caller.
    ///
    /// Of a key that one part flushed several times the last flush counts. That two parts flushed it is a fault if
    /// both are among these flushes, and up to the caller otherwise.
    pub fn load(&mut self, flushes: Vec<Flush>) -> Result<()> {
        if self.mode != Mode::Bulk {
            return Err(self.failed_build());
        }
        self.empty &= flushes.iter().flat_map(|flush| &flush.changes).all(|changes| changes.upserted == 0);
        self.write_bulk(flushes).map_err(|fault| fault.of(&self.identity.projection))
    }

    fn commit_bulk(&mut self, flush: Flush, range: Range) -> Result<()> {
        self.check_range(self.checkpoint.0, range)?;
        self.stored(range.through)?;
        self.write_bulk(vec![flush])
    }

    fn write_bulk(&mut self, flushes: Vec<Flush>) -> Result<()> {
        if flushes.iter().all(|flush| flush.changes.is_empty()) {
            return Ok(());
        }
        self.check_tables(&flushes)?;
        (self.laid, self.row_counts) = (None, None);
        let written = match std::mem::replace(&mut self.has_written, true) {
            false => self.lay_out(flushes),
            true => self.write_changes(&flushes),
        };
        if written.is_err() {
            self.mode = Mode::Failed;
        }
        written
    }

    fn commit_live(&self, flushes: &[Flush], range: Range) -> Result<()> {
        let through = self.stored(range.through)?;
        let after = self.stored(range.after)?;
        let mut changes = flushes.iter().flat_map(|flush| &flush.changes);
        let has_rows = !self.empty || changes.any(|changes| changes.upserted > 0);
        let transaction =
            self.write(|conn| rusqlite::Transaction::new_unchecked(conn, TransactionBehavior::Immediate))?;
        let moved = self.write(|conn| {
            let sql = "UPDATE projectionist_checkpoint SET position = ?1, has_rows = ?2, mark = ?4 WHERE position = ?3";
            conn.prepare_cached(sql)?.execute((through, has_rows, after, &self.next_mark))
        })?;
        if moved != 1 || range.through < range.after {
            let stored = self.write(|conn| {
                conn.query_row("SELECT position FROM projectionist_checkpoint", (), |row| row.get::<_, i64>(0))
            })?;
            self.check_range(if moved == 1 { range.after.0 } else { stored.cast_unsigned() }, range)?;
        }
        self.check_tables(flushes)?;
        self.write_changes(flushes)?;
        // Dropped on any failure above, which rolls back.
        transaction.commit().map_err(|error| failed("cannot write", &self.path, &error))
    }

    fn check_range(&self, stored: u64, range: Range) -> Result<()> {
        if range.through < range.after {
            return Err(Fault::new(FaultKind::Storage, format!("the checkpoint would move backwards, over {range}")));
        }
        if stored == range.after.0 {
            return Ok(());
        }
        let expected = range.after;
        Err(Fault::new(
            FaultKind::Storage,
            format!("another process has moved this read model from {expected} to {stored}"),
        )
        .hint("let one host alone write to a project folder; this one goes on from the new checkpoint once restarted"))
    }

    fn check_tables(&self, flushes: &[Flush]) -> Result<()> {
        let mut changes = flushes.iter().flat_map(|flush| &flush.changes);
        let Some(beyond) = changes.find(|changes| changes.table >= self.manifest.tables.len()) else { return Ok(()) };
        let message = format!("table {} was changed, of {}", beyond.table, self.manifest.tables.len());
        Err(Fault::new(FaultKind::Changes, message))
    }

    fn write_changes(&self, flushes: &[Flush]) -> Result<()> {
        for (number, table) in self.manifest.tables.iter().enumerate() {
            let sides = order::sides(number, table, flushes)?;
            if !sides.is_empty() {
                self.write_table(number, table, &sides, &by_key(table, &sides)?)?;
            }
        }
        Ok(())
    }

    fn write_table(&self, number: usize, table: &Table, sides: &[Side<'_>], places: &[Place]) -> Result<()> {
        let statements = &self.statements[number];
        // Values that a unique index guards may move from row to row within a flush. So the rows that change all
        // leave first, and each then finds its place as if the others had moved already.
        let vacate = self.mode == Mode::Live && !table.insert_only && table.indexes.iter().any(|index| index.unique);
        let put = if vacate || table.insert_only { &statements.insert } else { &statements.upsert };
        let mut put = self.write(|conn| conn.prepare_cached(put))?;
        let mut delete = self.write(|conn| conn.prepare_cached(&statements.delete))?;
        if vacate {
            for place in places {
                let side = &sides[place.side as usize];
                self.run(&mut delete, side.key(), place).map_err(|error| self.refused(table, side, place, &error))?;
            }
        }
        for place in places {
            let side = &sides[place.side as usize];
            let done = match side.deletes {
                false => self.run(&mut put, &side.columns, place),
                true if vacate => Ok(()),
                true => self.run(&mut delete, side.key(), place),
            };
            done.map_err(|error| self.refused(table, side, place, &error))?;
        }
        Ok(())
    }

    fn run(
        &self,
        statement: &mut CachedStatement<'_>,
        columns: &[super::cells::Cells<'_>],
        place: &Place,
    ) -> rusqlite::Result<()> {
        for (number, cells) in columns.iter().enumerate() {
            statement.raw_bind_parameter(number + 1, cells.bind(place.row as usize))?;
        }
        statement.raw_execute().map(|_| ())
    }

    fn refused(&self, table: &Table, side: &Side<'_>, place: &Place, error: &rusqlite::Error) -> Fault {
        if error.sqlite_error_code() != Some(ErrorCode::ConstraintViolation) {
            return failed("cannot write", &self.path, error);
        }
        let key = show_key(table, side.key().iter().map(|cells| cells.get(place.row as usize)));
        let extended = error.sqlite_error().map(|error| error.extended_code);
        match extended {
            Some(rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY | rusqlite::ffi::SQLITE_CONSTRAINT_ROWID) => {
                changes(table, &format!("key {key} {INSERTED_AGAIN}"))
                    .hint("put something unique for each row into the key, the position say")
            }
            Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE) => {
                let columns = message(error).replace("UNIQUE constraint failed: ", "");
                let message =
                    format!("the row with key {key} repeats values of {columns}, which a unique index forbids");
                changes(table, &message)
                    .hint("let the projection keep these values distinct, or declare the index without `unique`")
            }
            _ => changes(table, &format!("the row with key {key} is refused: {}", message(error))),
        }
    }
}
