//! The **flush** of a table: its changed rows as columns.

use std::any::TypeId;

use super::asked_keys::AskedKeys;
use super::evicted_keys::Elsewhere;
use super::held::{BATCHES_MAX, DIRTY, LIVE, STORED};
use super::{Table, is_storable};
use crate::Fault;
use crate::bindings::manifests;
use crate::bindings::tables::Changes;
use crate::key::Key;
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
        self.elsewhere = Elsewhere::of(opening.empty);
        self.asked = AskedKeys::new(opening.empty && opening.partitioned);
        self.opening = opening;
    }

    fn settle(&mut self) -> Waiting {
        self.weigh_reached();
        self.batches += 1;
        if self.batches == BATCHES_MAX {
            self.count_anew();
        }
        self.forget_gone();
        // Not only in `flush`: where events read and change nothing, the host has no reason to flush.
        self.trim();
        Waiting { rows: (self.dirty.len() + self.asked.len()) as u64, bytes: self.dirty_bytes + self.asked.bytes() }
    }

    fn let_go(&mut self) {
        self.weigh_reached();
        self.make_room(0);
    }

    fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    fn flush(&mut self) -> Result<Option<Changes>, Fault> {
        self.weigh_reached();
        let (mut columns, mut keys) = (R::Columns::default(), R::KeyColumns::default());
        R::reserve(&mut columns, self.dirty.len());
        let (mut upserted, mut deleted) = (0, 0);
        for (hash, key) in self.asked.take() {
            // A row that is dirty says it itself.
            if self.position(key.view(), hash).is_none_or(|index| !self.held[index].is(DIRTY)) {
                R::new(key.view()).push_key(&mut keys)?;
                deleted += 1;
            }
        }
        for &index in &self.dirty {
            let row = &self.rows[index as usize];
            if self.by_key.find(self.hash(row.key()), |held| held == index).is_none() {
                return Err(Fault::new("a row's key was changed after `entry`")
                    .hint("delete the row and put one with the other key"));
            }
            let held = &mut self.held[index as usize];
            held.set(DIRTY, false);
            if held.is(LIVE) {
                row.push(&mut columns)?;
                upserted += 1;
            } else if held.is(STORED) || (self.asked.is_on() && is_storable(row)) {
                row.push_key(&mut keys)?;
                deleted += 1;
            }
            held.set(STORED, held.is(LIVE));
        }
        self.dirty.clear();
        self.dirty_bytes = 0;
        self.gone = 0;
        self.next_mark();
        self.trim();
        Ok((upserted + deleted > 0).then(|| Changes {
            table: self.opening.table,
            upserted,
            upserts: R::finish(columns),
            deleted,
            deletes: R::finish_key(keys),
        }))
    }
}
