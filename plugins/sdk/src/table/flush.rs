//! The **flush** of a table: its changed rows as columns, and what stays in memory afterwards.

use std::any::TypeId;

use super::{Held, Table, hash};
use crate::Fault;
use crate::bindings::manifests;
use crate::bindings::tables::Changes;
use crate::row::Row;
use crate::tables::{AnyTable, Opening, Waiting};

impl<R: Row> AnyTable for Table<R> {
    fn describe(&self) -> manifests::Table {
        R::table()
    }

    fn row_type(&self) -> TypeId {
        TypeId::of::<R>()
    }

    fn open(&mut self, opening: Opening) {
        self.complete = opening.empty;
        self.opening = opening;
    }

    fn settle(&mut self) -> Waiting {
        for index in std::mem::take(&mut self.reached) {
            self.weigh(index as usize);
        }
        if R::GROWS {
            self.mark += 1;
        }
        Waiting { rows: self.dirty.len() as u64, bytes: self.dirty_bytes as u64 }
    }

    fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    fn flush(&mut self) -> Result<Option<Changes>, Fault> {
        let (mut columns, mut keys) = (R::Columns::default(), R::KeyColumns::default());
        let (mut upserted, mut deleted) = (0, 0);
        for &index in &self.dirty {
            let held = &mut self.held[index as usize];
            held.dirty = false;
            if hash::<R>(held.row.key()) != held.hash {
                return Err(Fault::new("a row's key was changed after `entry`")
                    .hint("delete the row and put one with the other key"));
            }
            if held.live {
                held.row.push(&mut columns)?;
                upserted += 1;
            } else {
                held.row.push_key(&mut keys)?;
                deleted += 1;
            }
        }
        let changed = !self.dirty.is_empty();
        self.dirty.clear();
        self.dirty_bytes = 0;
        self.mark += 1;
        self.trim();
        self.flushes += 1;
        Ok(changed.then(|| Changes {
            table: self.opening.table,
            upserted,
            upserts: R::finish(columns),
            deleted,
            deletes: R::finish_key(keys),
        }))
    }
}

impl<R: Row> Table<R> {
    /// Keeps what the budget allows: everything, else what was reached since the last flush, else nothing.
    fn trim(&mut self) {
        if self.bytes as u64 <= self.opening.cache_bytes {
            return;
        }
        let reached = |held: &Held<R>| held.reached == self.flushes;
        let bytes: u64 = self.held.iter().filter(|held| reached(held)).map(|held| u64::from(held.bytes)).sum();
        let keep = bytes <= self.opening.cache_bytes;
        let flushes = self.flushes;
        self.held.retain(|held| keep && held.reached == flushes);
        self.bytes = if keep { bytes as usize } else { 0 };
        self.complete = false;
        self.slots.clear();
        self.by_key.clear();
        for (index, held) in self.held.iter().enumerate() {
            self.by_key.insert_unique(held.hash, index as u32, |&index| self.held[index as usize].hash);
        }
        if !keep {
            self.held.shrink_to_fit();
            self.by_key.shrink_to_fit(|&index| self.held[index as usize].hash);
        }
    }
}
