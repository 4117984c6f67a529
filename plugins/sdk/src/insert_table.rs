//! An **insert table** only ever gains rows: they go straight into the columns of the next flush.

use std::any::TypeId;

use crate::Fault;
use crate::bindings::manifests;
use crate::bindings::tables::Changes;
use crate::row::Row;
use crate::tables::{AnyTable, Opening, Waiting};

/// A table that rows are only inserted into; a key that is there already is a fault, found by the host at the next
/// commit. Nothing can be read, changed or deleted, which makes inserting nearly free.
///
/// ```
/// use projectionist_sdk::prelude::*;
/// use projectionist_sdk::testing::{event, given};
/// use serde_json::json;
///
/// #[derive(Event)]
/// enum Ledger { Deposited { amount: i64 } }
///
/// #[derive(Row)]
/// struct Entry { #[key] position: u64, #[index] account: String, amount: i64 }
///
/// #[derive(Default, Tables)]
/// struct Journal { entries: InsertTable<Entry> }
///
/// impl Projection for Journal {
///     type Event = Ledger;
///     fn apply(&mut self, Ledger::Deposited { amount }: Ledger, envelope: &Envelope) -> Result<(), Fault> {
///         self.entries.insert(Entry { position: envelope.position(), account: envelope.stream().into(), amount });
///         Ok(())
///     }
/// }
/// export!(Journal, name = "journal", version = 1, envelope = [position, stream]);
///
/// given::<Journal>([event("a", "Deposited", json!({"amount": 5}))])
///     .then([Entry { position: 1, account: "a".into(), amount: 5 }]);
/// ```
pub struct InsertTable<R: Row> {
    columns: R::Columns,
    rows: u32,
    opening: Opening,
    fault: Option<Fault>,
}

impl<R: Row> Default for InsertTable<R> {
    fn default() -> Self {
        InsertTable { columns: R::Columns::default(), rows: 0, opening: Opening::default(), fault: None }
    }
}

impl<R: Row> InsertTable<R> {
    /// Inserts a row.
    #[inline]
    pub fn insert(&mut self, row: R) {
        if let Err(fault) = row.push(&mut self.columns) {
            self.fault.get_or_insert(fault);
        }
        self.rows += 1;
    }
}

impl<R: Row> AnyTable for InsertTable<R> {
    fn describe(&self) -> manifests::Table {
        manifests::Table { insert_only: true, ..R::table() }
    }

    fn row_type(&self) -> TypeId {
        TypeId::of::<R>()
    }

    fn open(&mut self, opening: Opening) {
        self.opening = opening;
    }

    fn settle(&mut self) -> Waiting {
        Waiting { rows: self.rows.into(), bytes: R::columns_bytes(&self.columns) as u64 }
    }

    fn let_go(&mut self) {}

    fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    fn flush(&mut self) -> Result<Option<Changes>, Fault> {
        let upserted = std::mem::take(&mut self.rows);
        let columns = std::mem::take(&mut self.columns);
        let deletes = R::finish_key(R::KeyColumns::default());
        Ok((upserted > 0).then(|| Changes {
            table: self.opening.table,
            upserted,
            upserts: R::finish(columns),
            deleted: 0,
            deletes,
        }))
    }
}
