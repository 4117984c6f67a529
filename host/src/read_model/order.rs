//! The **order** in which a flush is written: by key, as SQLite orders keys, whatever order the guest used.
//!
//! It makes the file independent of a guest's hash order, fills trees from left to right, and finds keys that a
//! flush names twice without asking SQLite.

use std::cmp::Ordering;

use rusqlite::types::ValueRef;

use super::cells::Cells;
use crate::event::{Changes, Fault, FaultKind, Result, Table};

/// The upserts or the deletes of one [`Changes`].
pub(super) struct Side<'a> {
    /// Whether its rows are keys to delete.
    pub deletes: bool,
    /// All columns of upserts; the key columns of deletes.
    pub columns: Vec<Cells<'a>>,
    /// The key columns in key order.
    key: Vec<Cells<'a>>,
    length: usize,
}

impl<'a> Side<'a> {
    /// The key columns in key order.
    pub fn key(&self) -> &[Cells<'a>] {
        &self.key
    }
}

/// One row of one side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Orders most rows without looking at their columns.
    prefix: u64,
    /// Index of the side.
    pub side: u32,
    /// Index of the row in it.
    pub row: u32,
}

/// The rows of all sides by key; refuses a key that is there twice.
pub(super) fn by_key(table: &Table, sides: &[Side<'_>]) -> Result<Vec<Place>> {
    let mut places = Vec::with_capacity(sides.iter().map(|side| side.length).sum());
    let skip = common_prefix(sides);
    for (number, side) in (0u32..).zip(sides) {
        let rows = u32::try_from(side.length).map_err(|_| changes(table, "one flush has over 4 billion rows"))?;
        places.extend((0..rows).map(|row| Place { prefix: side.key[0].prefix(row as usize, skip), side: number, row }));
    }
    let exact = table.key.len() == 1 && sides.iter().all(|side| side.key[0].prefix_is_exact());
    let compare = |a: &Place, b: &Place| {
        let by_prefix = a.prefix.cmp(&b.prefix);
        if exact || by_prefix != Ordering::Equal { by_prefix } else { compare_keys(sides, a, b) }
    };
    // Equal keys are an error, so nothing depends on a stable order.
    places.sort_unstable_by(compare);
    match places.windows(2).find(|pair| compare(&pair[0], &pair[1]) == Ordering::Equal) {
        None => Ok(places),
        Some(pair) => Err(twice(table, sides, pair)),
    }
}

fn compare_keys(sides: &[Side<'_>], a: &Place, b: &Place) -> Ordering {
    let (left, right) = (&sides[a.side as usize].key, &sides[b.side as usize].key);
    let columns = left.iter().zip(right);
    columns
        .map(|(left, right)| left.compare(a.row as usize, right, b.row as usize))
        .find(|&order| order != Ordering::Equal)
        .unwrap_or(Ordering::Equal)
}

/// How many bytes all first key columns start with in common: keys like `account-000017` differ only after them.
fn common_prefix(sides: &[Side<'_>]) -> usize {
    let mut keys = sides.iter().flat_map(|side| (0..side.length).filter_map(|row| side.key[0].bytes(row)));
    let Some(first) = keys.next() else { return 0 };
    keys.fold(first.len(), |common, key| {
        if key.get(..common) == first.get(..common) {
            return common;
        }
        first.iter().zip(key).take(common).take_while(|(a, b)| a == b).count()
    })
}

fn twice(table: &Table, sides: &[Side<'_>], pair: &[Place]) -> Fault {
    let side = &sides[pair[0].side as usize];
    let key = show_key(table, side.key.iter().map(|cells| cells.get(pair[0].row as usize)));
    let how = match (side.deletes, sides[pair[1].side as usize].deletes) {
        (false, false) => "is upserted twice in one flush",
        (true, true) => "is deleted twice in one flush",
        _ => "is both upserted and deleted in one flush",
    };
    changes(table, &format!("key {key} {how}")).hint(
        "each key comes back at most once in a flush; a partitioned projection may touch a row from one partition only",
    )
}

/// A key for a message: `(day = '2013-01-01', origin = 'JFK')`.
pub(super) fn show_key<'a>(table: &Table, values: impl Iterator<Item = ValueRef<'a>>) -> String {
    let names = table.key_columns().map(|column| column.name.as_str());
    show(names, values)
}

/// Names and values for a message, long values cut.
pub(super) fn show<'a, 'b>(names: impl Iterator<Item = &'a str>, values: impl Iterator<Item = ValueRef<'b>>) -> String {
    let parts: Vec<_> = names.zip(values).map(|(name, value)| format!("{name} = {}", show_value(value))).collect();
    format!("({})", parts.join(", "))
}

fn show_value(value: ValueRef<'_>) -> String {
    const CHARS_MAX: usize = 80;
    match value {
        ValueRef::Null => "NULL".into(),
        ValueRef::Integer(value) => value.to_string(),
        ValueRef::Real(value) => value.to_string(),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            let cut = if text.chars().nth(CHARS_MAX).is_some() { "…" } else { "" };
            let head: String = text.chars().take(CHARS_MAX).collect();
            format!("'{}{cut}'", head.escape_debug())
        }
        ValueRef::Blob(bytes) => {
            let head: String = bytes.iter().take(CHARS_MAX / 2).map(|byte| format!("{byte:02x}")).collect();
            format!("x'{head}{}'", if bytes.len() > CHARS_MAX / 2 { "…" } else { "" })
        }
    }
}

/// The sides of one table's changes, their shapes checked against the table.
pub(super) fn sides<'a>(table: &Table, all: impl Iterator<Item = &'a Changes>) -> Result<Vec<Side<'a>>> {
    let mut sides = Vec::new();
    for change in all {
        if change.upserted > 0 {
            let columns = 0..table.columns.len();
            let columns = cells(table, columns, &change.upserts, change.upserted)?;
            let key = table.key.iter().map(|&column| columns[usize::from(column)]).collect();
            sides.push(Side { deletes: false, columns, key, length: change.upserted });
        }
        if change.deleted > 0 {
            if table.insert_only {
                return Err(changes(table, "rows are deleted, but it is declared insert-only"));
            }
            let numbers = table.key.iter().map(|&column| usize::from(column));
            let key = cells(table, numbers, &change.deletes, change.deleted)?;
            sides.push(Side { deletes: true, columns: key.clone(), key, length: change.deleted });
        }
    }
    Ok(sides)
}

/// The cells of the columns `numbers` of a table; as many as were sent, of the kinds declared.
pub(super) fn cells<'a>(
    table: &Table,
    numbers: impl ExactSizeIterator<Item = usize>,
    columns: &'a [crate::event::Column],
    length: usize,
) -> Result<Vec<Cells<'a>>> {
    if numbers.len() != columns.len() {
        return Err(changes(table, &format!("{} columns came, not {}", columns.len(), numbers.len())));
    }
    numbers.zip(columns).map(|(number, column)| Cells::of(table, number, column, length)).collect()
}

pub(super) fn changes(table: &Table, what: &str) -> Fault {
    Fault::new(FaultKind::Changes, format!("table `{}`: {what}", table.name))
}
