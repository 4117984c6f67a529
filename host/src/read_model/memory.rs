//! A **memory model** keeps rows in maps: so simple that it can be the reference for the writers of files.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rusqlite::types::ValueRef;

use super::Digest;
use super::contents::Contents;
use super::file::{check_range, named_counts};
use super::order::{INSERTED_AGAIN, RowSet, changes, check_tables, overlap, row_sets, show_key};
use super::query::Value;
use super::sql_lookup::{Found, key_cells, table_looked_up};
use super::writer::{BulkWriter, Commit, Flush, Writer};
use crate::event::{Column, Fault, Index, Manifest, Position, Range, Result, Rows, Table};

/// A read model in memory. It does not tell a build from following: unique indexes are checked by
/// [`MemoryModel::check_unique`], and what two partitions touched is noticed whenever they did.
#[derive(Clone, Debug)]
pub struct MemoryModel {
    manifest: Manifest,
    tables: Vec<Rowset>,
    checkpoint: Position,
    fingerprint: String,
}

/// One table: its rows, and which partition touched each key, rows that are gone included.
#[derive(Clone, Debug, Default)]
struct Rowset {
    rows: BTreeMap<Key, Vec<Value>>,
    touched: BTreeMap<Key, usize>,
}

impl MemoryModel {
    /// An empty one. The manifest must have been checked.
    pub fn new(manifest: &Manifest) -> MemoryModel {
        let tables = vec![Rowset::default(); manifest.tables.len()];
        MemoryModel { manifest: manifest.clone(), tables, checkpoint: Position::START, fingerprint: String::new() }
    }

    /// A digest of all rows, the same as of a file that has them.
    pub fn digest(&self) -> Result<Digest> {
        Contents::digest(self)
    }

    /// The rows of a table in key order, each a JSON object with its columns in order; see [`super::Snapshot`].
    pub fn rows_as_json(&self, table: &str) -> Result<Vec<String>> {
        Contents::rows_as_json(self, table)
    }

    /// The rows of a table in key order, one value a column.
    pub fn rows(&self, table: usize) -> impl Iterator<Item = &[Value]> {
        self.tables[table].rows.values().map(Vec::as_slice)
    }

    /// Refuses two rows that have the same values where a unique index forbids it.
    pub fn check_unique(&self) -> Result<()> {
        for (table, rowset) in self.manifest.tables.iter().zip(&self.tables) {
            for index in table.indexes.iter().filter(|index| index.unique) {
                check_index(table, index, rowset)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, flushes: &[Flush]) -> Result<()> {
        check_tables(&self.manifest, flushes)?;
        for flush in flushes {
            for (number, table) in self.manifest.tables.iter().enumerate() {
                let row_sets = row_sets(number, table, std::slice::from_ref(flush))?;
                let mut seen = BTreeMap::new();
                for set in &row_sets {
                    for row in 0..set.length() {
                        let key = Key(values(set.key(), row));
                        check_twice(table, &mut seen, &key, set.deletes)?;
                        self.tables[number].change(table, flush.part, key, set, row)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Rowset {
    fn change(&mut self, table: &Table, part: usize, key: Key, set: &RowSet<'_>, row: usize) -> Result<()> {
        if *self.touched.entry(key.clone()).or_insert(part) != part {
            return Err(overlap(table, key.refs()));
        }
        if set.deletes {
            self.rows.remove(&key);
            return Ok(());
        }
        match self.rows.entry(key) {
            Entry::Occupied(there) if table.insert_only => {
                let key = show_key(table, there.key().refs());
                Err(changes(table, &format!("key {key} {INSERTED_AGAIN}")))
            }
            Entry::Occupied(mut there) => {
                there.insert(values(&set.columns, row));
                Ok(())
            }
            Entry::Vacant(place) => {
                place.insert(values(&set.columns, row));
                Ok(())
            }
        }
    }
}

/// Refuses a key that a flush has twice.
fn check_twice(table: &Table, seen: &mut BTreeMap<Key, bool>, key: &Key, deletes: bool) -> Result<()> {
    let how = match (seen.insert(key.clone(), deletes), deletes) {
        (None, _) => return Ok(()),
        (Some(false), false) => "is upserted twice in one flush",
        (Some(true), true) => "is deleted twice in one flush",
        _ => "is both upserted and deleted in one flush",
    };
    Err(changes(table, &format!("key {} {how}", show_key(table, key.refs()))))
}

fn check_index(table: &Table, index: &Index, rowset: &Rowset) -> Result<()> {
    let mut seen = BTreeMap::new();
    for row in rowset.rows.values() {
        let indexed = Key(index.columns.iter().map(|&column| row[usize::from(column)].clone()).collect());
        if !indexed.0.contains(&Value::Null) && seen.insert(indexed, ()).is_some() {
            return Err(changes(table, "two rows have the same values, which a unique index forbids"));
        }
    }
    Ok(())
}

impl Writer for MemoryModel {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn checkpoint(&self) -> Position {
        self.checkpoint
    }

    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn is_empty(&self) -> bool {
        self.tables.iter().all(|rowset| rowset.rows.is_empty())
    }

    fn lookup(&mut self, number: usize, length: usize, keys: &[Column]) -> Result<Rows> {
        let table = table_looked_up(&self.manifest, number)?;
        let keys = key_cells(table, length, keys)?;
        let mut found = Found::new(table, length);
        for at in 0..length {
            let row = self.tables[number].rows.get(&Key(values(&keys, at)));
            let row: Option<Vec<_>> = row.map(|row| row.iter().map(Value::as_ref).collect());
            found.push(row.as_deref()).map_err(|what| Fault::storage("looking up in memory", what))?;
        }
        Ok(found.finish())
    }

    fn commit(&mut self, flushes: Vec<Flush>, commit: Commit) -> Result<()> {
        let Range { through, .. } = commit.range;
        check_range(self.checkpoint, commit.range)?;
        let before = self.tables.clone();
        if let Err(fault) = self.take(&flushes) {
            self.tables = before;
            return Err(fault.of(&self.manifest.name).among(commit.range));
        }
        (self.checkpoint, self.fingerprint) = (through, commit.fingerprint);
        Ok(())
    }

    fn row_counts(&self) -> Result<Vec<(String, u64)>> {
        let counts: Vec<_> = self.tables.iter().map(|rowset| rowset.rows.len() as u64).collect();
        Ok(named_counts(&self.manifest, &counts))
    }
}

impl BulkWriter for MemoryModel {
    fn write(&mut self, flushes: Vec<Flush>) -> Result<()> {
        self.take(&flushes).map_err(|fault| fault.of(&self.manifest.name))
    }
}

impl Contents for MemoryModel {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn scan(&self, number: usize, visit: &mut dyn FnMut(&[ValueRef<'_>])) -> Result<()> {
        for row in self.tables[number].rows.values() {
            let row: Vec<_> = row.iter().map(Value::as_ref).collect();
            visit(&row);
        }
        Ok(())
    }
}

/// The values of a row as SQLite keeps them: it has no -0.0.
fn values(columns: &[super::cells::Cells<'_>], row: usize) -> Vec<Value> {
    let value = |cells: &super::cells::Cells<'_>| match cells.get(row) {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Real(value + 0.0),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    };
    columns.iter().map(value).collect()
}

/// Values in the order of SQLite: those that are missing first, numbers by value, others by bytes.
#[derive(Clone, Debug)]
struct Key(Vec<Value>);

impl Key {
    fn refs(&self) -> impl Iterator<Item = ValueRef<'_>> {
        self.0.iter().map(Value::as_ref)
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        let one = |(a, b): (&Value, &Value)| match (a, b) {
            (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
            (Value::Real(a), Value::Real(b)) => a.total_cmp(b),
            (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Value::Blob(a), Value::Blob(b)) => a.cmp(b),
            // A column has values of one kind, so it is only about who has one.
            (a, b) => (*a != Value::Null).cmp(&(*b != Value::Null)),
        };
        self.0.iter().zip(&other.0).map(one).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}
