//! A **comparison** of the rows of two generations: which were added, removed and changed, table by table.
//!
//! Both files are read in key order at once, so that it takes one pass and no memory. It is bounded in time: what was
//! not come to is said.

use std::cmp::Ordering;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Rows};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Snapshot;
use super::schema::{list, quoted};
use super::storage::failed;
use crate::event::{Kind, Manifest, Position, Result, Table, TableColumn};

/// How many rows are compared between two looks at the clock.
const ROWS_A_LOOK: u64 = 256;

/// What one comparison may take.
#[derive(Clone, Copy, Debug)]
pub struct CompareLimits {
    /// Of each table, the first so many differences are kept.
    pub rows_shown: usize,
    /// Wall time for all tables together.
    pub time: Duration,
}

/// How the rows of two generations differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The position whose effects the older generation shows.
    pub before: Position,
    /// The same of the newer one.
    pub after: Position,
    /// Tables in the newer one's order, then those that only the older one has.
    pub tables: Vec<TableComparison>,
}

/// How the rows of one table differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TableComparison {
    /// Its name.
    pub table: String,
    /// Which generations have it, and whether their rows can be compared.
    pub tables: Sides,
    /// Columns that only the newer one has.
    pub columns_added: Vec<String>,
    /// Columns that only the older one has.
    pub columns_removed: Vec<String>,
    /// Rows that only the newer one has.
    pub added: u64,
    /// Rows that only the older one has.
    pub removed: u64,
    /// Rows whose key both have, with other values in columns that both have.
    pub changed: u64,
    /// Rows that are the same in both.
    pub same: u64,
    /// Whether all rows were looked at. If not, the numbers are those up to where the time was over.
    pub is_complete: bool,
    /// The first differences, in key order.
    pub first: Vec<RowDifference>,
}

/// Which generations have a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sides {
    /// Both, with the same key.
    #[default]
    Both,
    /// Only the newer one.
    OnlyAfter,
    /// Only the older one.
    OnlyBefore,
    /// Both, but its rows have another key: their numbers say all.
    OtherKey,
}

/// One row that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowDifference {
    /// The key's columns.
    pub key: Map<String, Value>,
    /// The older one's other columns; of a changed row those that changed. Absent for an added row.
    pub before: Option<Map<String, Value>>,
    /// The newer one's. Absent for a removed row.
    pub after: Option<Map<String, Value>>,
}

impl Comparison {
    /// Whether any row differs, or any table's shape.
    pub fn is_empty(&self) -> bool {
        self.tables.iter().all(TableComparison::is_empty)
    }
}

impl TableComparison {
    /// Whether nothing differs, as far as rows were looked at.
    pub fn is_empty(&self) -> bool {
        self.tables == Sides::Both
            && self.columns_added.is_empty()
            && self.columns_removed.is_empty()
            && self.added + self.removed + self.changed == 0
    }
}

/// Compares the rows of two finished generations of a projection, which may go on being written to.
pub fn compare(before: &Path, after: &Path, limits: CompareLimits) -> Result<Comparison> {
    let sides = [Snapshot::open(before)?, Snapshot::open(after)?];
    let deadline = Instant::now() + limits.time;
    let [old, new] = [sides[0].manifest(), sides[1].manifest()];
    let mut tables = Vec::new();
    for table in &new.tables {
        tables.push(match find(old, &table.name) {
            Some(old_table) if has_same_key(old_table, table) => {
                let pair = Pair::of(old_table, table);
                pair.compare([sides[0].connection(), sides[1].connection()], deadline, limits.rows_shown)
                    .map_err(|error| failed("cannot read", after, &error))?
            }
            Some(old_table) => TableComparison {
                tables: Sides::OtherKey,
                removed: rows(&sides[0], &old_table.name),
                ..alone(&table.name, Sides::OtherKey, rows(&sides[1], &table.name))
            },
            None => alone(&table.name, Sides::OnlyAfter, rows(&sides[1], &table.name)),
        });
    }
    for table in old.tables.iter().filter(|table| find(new, &table.name).is_none()) {
        let removed = rows(&sides[0], &table.name);
        tables.push(TableComparison { removed, ..alone(&table.name, Sides::OnlyBefore, 0) });
    }
    Ok(Comparison { before: sides[0].checkpoint(), after: sides[1].checkpoint(), tables })
}

fn find<'a>(manifest: &'a Manifest, table: &str) -> Option<&'a Table> {
    manifest.tables.iter().find(|known| known.name == table)
}

fn has_same_key(one: &Table, other: &Table) -> bool {
    let key = |table: &Table| table.key_columns().map(|column| (column.name.clone(), column.kind)).collect::<Vec<_>>();
    key(one) == key(other)
}

fn alone(table: &str, tables: Sides, added: u64) -> TableComparison {
    TableComparison { table: table.to_owned(), tables, added, is_complete: true, ..TableComparison::default() }
}

fn rows(snapshot: &Snapshot, table: &str) -> u64 {
    snapshot.row_counts().into_iter().find(|(name, _)| name == table).map_or(0, |(_, rows)| rows)
}

/// A table that both have, with the columns that both have: those of the key first.
struct Pair<'a> {
    table: &'a str,
    columns: Vec<&'a TableColumn>,
    key: usize,
    added: Vec<String>,
    removed: Vec<String>,
}

impl<'a> Pair<'a> {
    fn of(old: &'a Table, new: &'a Table) -> Pair<'a> {
        let has = |table: &Table, wanted: &TableColumn| {
            table.columns.iter().any(|column| column.name == wanted.name && column.kind == wanted.kind)
        };
        let key: Vec<&TableColumn> = new.key_columns().collect();
        let is_key = |column: &TableColumn| key.iter().any(|known| known.name == column.name);
        let others = new.columns.iter().filter(|column| !is_key(column) && has(old, column));
        let missing = |from: &'a Table, other: &Table| {
            from.columns.iter().filter(|column| !has(other, column)).map(|column| column.name.clone()).collect()
        };
        Pair {
            table: &new.name,
            key: key.len(),
            columns: key.iter().copied().chain(others).collect(),
            added: missing(new, old),
            removed: missing(old, new),
        }
    }

    fn compare(
        &self,
        [old, new]: [&Connection; 2],
        deadline: Instant,
        shown: usize,
    ) -> rusqlite::Result<TableComparison> {
        let names = |columns: &[&TableColumn]| list(columns.iter().map(|column| quoted(&column.name)));
        let (columns, key) = (names(&self.columns), names(&self.columns[..self.key]));
        let sql = format!("SELECT {columns} FROM {} ORDER BY {key}", quoted(self.table));
        let (mut old, mut new) = (old.prepare(&sql)?, new.prepare(&sql)?);
        let (mut old, mut new) = (Cursor::new(old.query(())?)?, Cursor::new(new.query(())?)?);
        let mut found = TableComparison {
            table: self.table.to_owned(),
            columns_added: self.added.clone(),
            columns_removed: self.removed.clone(),
            ..TableComparison::default()
        };
        let mut looked = 0;
        loop {
            looked += 1;
            if looked % ROWS_A_LOOK == 0 && Instant::now() >= deadline {
                return Ok(found);
            }
            let order = match (old.row(), new.row()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => self.order(old, new)?,
            };
            let differs = match (order, old.row(), new.row()) {
                (Ordering::Equal, Some(old), Some(new)) => !self.is_same(old, new)?,
                _ => true,
            };
            if differs && found.first.len() < shown {
                let (before, after) = (old.row().filter(|_| order.is_le()), new.row().filter(|_| order.is_ge()));
                found.first.push(self.difference(before, after)?);
            }
            match order {
                Ordering::Less => found.removed += 1,
                Ordering::Greater => found.added += 1,
                Ordering::Equal if differs => found.changed += 1,
                Ordering::Equal => found.same += 1,
            }
            if order.is_le() {
                old.advance()?;
            }
            if order.is_ge() {
                new.advance()?;
            }
        }
        found.is_complete = true;
        Ok(found)
    }

    fn order(&self, old: &Row<'_>, new: &Row<'_>) -> rusqlite::Result<Ordering> {
        for column in 0..self.key {
            let order = order(old.get_ref(column)?, new.get_ref(column)?);
            if order.is_ne() {
                return Ok(order);
            }
        }
        Ok(Ordering::Equal)
    }

    fn is_same(&self, old: &Row<'_>, new: &Row<'_>) -> rusqlite::Result<bool> {
        for column in self.key..self.columns.len() {
            if order(old.get_ref(column)?, new.get_ref(column)?).is_ne() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn difference(&self, before: Option<&Row<'_>>, after: Option<&Row<'_>>) -> rusqlite::Result<RowDifference> {
        let mut found =
            RowDifference { key: Map::new(), before: before.map(|_| Map::new()), after: after.map(|_| Map::new()) };
        for (number, column) in self.columns.iter().enumerate() {
            let old = before.map(|row| row.get_ref(number)).transpose()?;
            let new = after.map(|row| row.get_ref(number)).transpose()?;
            if number < self.key {
                let value = new.or(old).unwrap_or(ValueRef::Null);
                found.key.insert(column.name.clone(), as_json(column.kind, value));
            } else if !matches!((old, new), (Some(old), Some(new)) if order(old, new).is_eq()) {
                for (side, value) in [(&mut found.before, old), (&mut found.after, new)] {
                    if let (Some(side), Some(value)) = (side, value) {
                        side.insert(column.name.clone(), as_json(column.kind, value));
                    }
                }
            }
        }
        Ok(found)
    }
}

/// The rows of a statement with the one that is looked at.
struct Cursor<'a> {
    rows: Rows<'a>,
}

impl<'a> Cursor<'a> {
    fn new(rows: Rows<'a>) -> rusqlite::Result<Cursor<'a>> {
        let mut cursor = Cursor { rows };
        cursor.advance()?;
        Ok(cursor)
    }

    fn advance(&mut self) -> rusqlite::Result<()> {
        rusqlite::fallible_streaming_iterator::FallibleStreamingIterator::advance(&mut self.rows)
    }

    fn row(&self) -> Option<&Row<'a>> {
        rusqlite::fallible_streaming_iterator::FallibleStreamingIterator::get(&self.rows)
    }
}

/// The order that SQLite gives values in an index of columns without collation.
fn order(one: ValueRef<'_>, other: ValueRef<'_>) -> Ordering {
    let class = |value: ValueRef<'_>| match value {
        ValueRef::Null => 0,
        ValueRef::Integer(_) | ValueRef::Real(_) => 1,
        ValueRef::Text(_) => 2,
        ValueRef::Blob(_) => 3,
    };
    match (one, other) {
        (ValueRef::Integer(one), ValueRef::Integer(other)) => one.cmp(&other),
        // A column holds reals or integers, never both, and never NaN.
        (ValueRef::Real(one), ValueRef::Real(other)) => one.partial_cmp(&other).unwrap_or(Ordering::Equal),
        (ValueRef::Text(one), ValueRef::Text(other)) | (ValueRef::Blob(one), ValueRef::Blob(other)) => one.cmp(other),
        (one, other) => class(one).cmp(&class(other)),
    }
}

/// As `rows_as_json` writes it: booleans as such, JSON embedded, blobs as hex digits, infinities as strings.
fn as_json(kind: Kind, value: ValueRef<'_>) -> Value {
    match (kind, value) {
        (_, ValueRef::Null) => Value::Null,
        (Kind::Boolean, ValueRef::Integer(value)) => Value::Bool(value != 0),
        (_, ValueRef::Integer(value)) => value.into(),
        (_, ValueRef::Real(value)) if value.is_finite() => value.into(),
        (_, ValueRef::Real(value)) => (if value > 0.0 { "Infinity" } else { "-Infinity" }).into(),
        (Kind::Json, ValueRef::Text(bytes)) => {
            serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into())
        }
        (_, ValueRef::Text(bytes)) => String::from_utf8_lossy(bytes).into(),
        (_, ValueRef::Blob(bytes)) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
    }
}
