//! The **layout** of a table's rows in runs: a key in SQLite's order, and the record that SQLite will store.

use rusqlite::types::ValueRef;

use super::order::RowSet;
use super::query::Value;
use super::runs::{KeyLayout, Sorter};
use super::schema;
use super::tree::{Record, read_record};
use crate::event::{Kind, Table};

/// How rows of a table become entries of runs, and entries rows.
#[derive(Clone, Debug)]
pub(super) struct RowLayout {
    key: KeyLayout,
    kinds: Vec<Kind>,
    /// The columns in the order in which a record has them.
    stored: Vec<usize>,
    /// The column that is the row id, which stands in no record.
    row_id: Option<usize>,
}

impl RowLayout {
    /// Of a table.
    pub fn new(table: &Table) -> RowLayout {
        let key_columns: Vec<_> = table.key.iter().map(|&column| usize::from(column)).collect();
        let others = (0..table.columns.len()).filter(|column| !key_columns.contains(column));
        let row_id = schema::row_id(table);
        let stored = match row_id {
            Some(_) => (0..table.columns.len()).collect(),
            // A table without row ids is an index of itself: its key comes first.
            None => key_columns.iter().copied().chain(others).collect(),
        };
        RowLayout {
            key: KeyLayout::new(key_columns.iter().map(|&column| (table.columns[column].kind, false))),
            kinds: table.columns.iter().map(|column| column.kind).collect(),
            stored,
            row_id,
        }
    }

    /// Adds all rows or keys of one set of a flush.
    pub fn push(&self, set: &RowSet<'_>, sorter: &mut Sorter) {
        let (mut key, mut record, mut bytes) = (Vec::new(), Record::default(), Vec::new());
        for row in 0..set.length() {
            key.clear();
            self.key.push(set.key().iter().map(|cells| cells.get(row)), &mut key);
            if set.deletes {
                sorter.push(&key, None);
                continue;
            }
            record.clear();
            for &column in &self.stored {
                let value = if self.row_id == Some(column) { ValueRef::Null } else { set.columns[column].get(row) };
                record.push(value);
            }
            bytes.clear();
            record.write(&mut bytes);
            sorter.push(&key, Some(&bytes));
        }
    }

    /// The key of a row that is looked up.
    pub fn key<'a>(&self, values: impl Iterator<Item = ValueRef<'a>>) -> Vec<u8> {
        let mut key = Vec::new();
        self.key.push(values, &mut key);
        key
    }

    /// The values of a key, in key order.
    pub fn key_values(&self, key: &[u8]) -> Vec<Value> {
        self.key.values(key)
    }

    /// The row id that a key is, if the table has row ids.
    pub fn row_id(&self, key: &[u8]) -> Option<i64> {
        self.row_id.map(|_| self.key.first_integer(key))
    }

    /// The values of a row, one a column.
    pub fn values<'a>(&self, key: &[u8], record: &'a [u8]) -> Vec<ValueRef<'a>> {
        let mut values = vec![ValueRef::Null; self.kinds.len()];
        read_record(record, |number, value| {
            let column = self.stored[number];
            values[column] = match value {
                // Where nothing is lost, SQLite stores reals as integers.
                ValueRef::Integer(value) if self.kinds[column] == Kind::Real => ValueRef::Real(value as f64),
                value => value,
            };
        });
        if let (Some(column), Some(id)) = (self.row_id, self.row_id(key)) {
            values[column] = ValueRef::Integer(id);
        }
        values
    }
}
