//! A **lookup** finds rows by key, as of the last commit, and returns them as columns.

use super::cells::Builder;
use super::generation::{Generation, Mode};
use super::order;
use super::storage::failed;
use crate::event::{Bitmap, Column, Fault, FaultKind, Result, Rows};

impl Generation {
    /// The rows of `length` keys, in their order; `keys` are the key columns in key order.
    ///
    /// Sees everything committed, in bulk mode too. Keys of the wrong shape, a table that is not there or
    /// insert-only, are faults of the plugin.
    pub fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        self.find(table, length, keys).map_err(|fault| fault.of(&self.identity.projection))
    }

    fn find(&self, number: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        let Some(table) = self.manifest.tables.get(number) else {
            let message = format!("table {number} was looked up, of {}", self.manifest.tables.len());
            return Err(Fault::new(FaultKind::Changes, message));
        };
        if table.insert_only {
            return Err(order::changes(table, "rows are looked up, but it is declared insert-only"));
        }
        if self.mode == Mode::Failed {
            return Err(self.failed_build());
        }
        let keys = order::cells(table, table.key.iter().map(|&column| usize::from(column)), keys, length)?;
        let mut found = vec![0u8; length.div_ceil(8)];
        let mut columns: Vec<_> = table.columns.iter().map(|column| Builder::new(column.kind, length)).collect();
        let damaged = |column: usize, what: String| {
            let place =
                format!("column `{}` of table `{}` in {}", table.columns[column].name, table.name, self.path.display());
            Fault::storage(place, what).hint("another program has changed the file; rebuild the read model")
        };
        let failed = |error: rusqlite::Error| failed("cannot read", &self.path, &error);
        // One snapshot for all keys: without a transaction each of them would take and leave the lock.
        let snapshot = match self.mode {
            Mode::Live => Some(self.conn.unchecked_transaction().map_err(failed)?),
            _ => None,
        };
        let mut select = self.conn.prepare_cached(&self.statements[number].select).map_err(failed)?;
        for at in 0..length {
            for (parameter, cells) in keys.iter().enumerate() {
                select.raw_bind_parameter(parameter + 1, cells.bind(at)).map_err(failed)?;
            }
            let mut rows = select.raw_query();
            let row = rows.next().map_err(failed)?;
            if row.is_some() {
                found[at / 8] |= 1 << (at % 8);
            }
            for (column, builder) in columns.iter_mut().enumerate() {
                let value = match row {
                    Some(row) => row.get_ref(column).map_err(failed)?,
                    None => rusqlite::types::ValueRef::Null,
                };
                builder.push(value).map_err(|what| damaged(column, what))?;
            }
        }
        drop(select);
        drop(snapshot);
        Ok(Rows { found: Bitmap::from(found), columns: columns.into_iter().map(Builder::finish).collect() })
    }
}
