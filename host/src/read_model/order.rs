//! The **order** in which a flush is written: by key, as SQLite orders keys, whatever order the guest used.
//!
//! It makes the file independent of a guest's hash order, fills trees from left to right, and finds keys that a
//! flush names twice without asking SQLite.

use rusqlite::types::ValueRef;

use super::cells::Cells;
use super::runs::KeyLayout;
use super::writer::Flush;
use crate::event::{Fault, FaultKind, Manifest, Result, Table};

/// The upserts or the deletes of one [`Changes`].
pub(super) struct RowSet<'a> {
    /// Whether its rows are keys to delete.
    pub deletes: bool,
    /// All columns of upserts; the key columns of deletes.
    pub columns: Vec<Cells<'a>>,
    /// The key columns in key order.
    key: Vec<Cells<'a>>,
    length: usize,
    /// The number of the flush that it came in, and who flushed.
    flush: usize,
    part: usize,
}

impl<'a> RowSet<'a> {
    /// The key columns in key order.
    pub fn key(&self) -> &[Cells<'a>] {
        &self.key
    }

    /// How many rows it has.
    pub fn length(&self) -> usize {
        self.length
    }
}

/// One row of a set.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowRef {
    /// Index of the set.
    pub set: u32,
    /// Index of the row in it.
    pub row: u32,
}

/// The rows of all sets by key, of each key the one flushed last; refuses a key that a flush has twice, that two
/// parts have, or that is inserted again where it must not be.
pub(super) fn by_key(table: &Table, row_sets: &[RowSet<'_>]) -> Result<Vec<RowRef>> {
    let layout = KeyLayout::new(table.key_columns().map(|column| (column.kind, false)));
    let mut bytes = Vec::new();
    let mut keyed = Vec::with_capacity(row_sets.iter().map(|set| set.length).sum());
    for (number, set) in (0u32..).zip(row_sets) {
        let rows = u32::try_from(set.length).map_err(|_| changes(table, "one flush has over 4 billion rows"))?;
        for row in 0..rows {
            let start = bytes.len();
            layout.push(set.key.iter().map(|cells| cells.get(row as usize)), &mut bytes);
            keyed.push((start..bytes.len(), RowRef { set: number, row }));
        }
    }
    // Stable, so that a later flush stays behind an earlier one.
    keyed.sort_by(|(a, _), (b, _)| bytes[a.clone()].cmp(&bytes[b.clone()]));
    let mut clash = None;
    keyed.dedup_by(|(later_key, later), (earlier_key, earlier)| {
        let is_same = bytes[later_key.clone()] == bytes[earlier_key.clone()];
        if is_same {
            clash = clash.take().or_else(|| twice(table, row_sets, earlier, later));
            *earlier = *later;
        }
        is_same
    });
    clash.map_or(Ok(keyed.into_iter().map(|(_, row)| row).collect()), Err)
}

/// The fault of a key that comes twice, if it is one.
fn twice(table: &Table, row_sets: &[RowSet<'_>], earlier: &RowRef, later: &RowRef) -> Option<Fault> {
    let (first, second) = (&row_sets[earlier.set as usize], &row_sets[later.set as usize]);
    if first.part != second.part {
        return Some(overlap(table, first.key.iter().map(|cells| cells.get(earlier.row as usize))));
    }
    let how = match (first.deletes, second.deletes) {
        _ if first.flush != second.flush && table.insert_only => INSERTED_AGAIN,
        _ if first.flush != second.flush => return None,
        (false, false) => "is upserted twice in one flush",
        (true, true) => "is deleted twice in one flush",
        _ => "is both upserted and deleted in one flush",
    };
    let key = show_key(table, first.key.iter().map(|cells| cells.get(earlier.row as usize)));
    Some(changes(table, &format!("key {key} {how}")).hint("each key comes back at most once in a flush"))
}

/// The fault of a key that two partitions changed.
pub(super) fn overlap<'a>(table: &Table, key: impl Iterator<Item = ValueRef<'a>>) -> Fault {
    let key = show_key(table, key);
    let message = format!("table `{}`: key {key} was touched by two partitions", table.name);
    Fault::new(FaultKind::Overlap, message).hint("a partitioned projection may touch a row from one partition only")
}

/// Refuses changes of tables that are not there.
pub(super) fn check_tables(manifest: &Manifest, flushes: &[Flush]) -> Result<()> {
    let mut changes = flushes.iter().flat_map(|flush| &flush.changes);
    let Some(beyond) = changes.find(|changes| changes.table >= manifest.tables.len()) else { return Ok(()) };
    let message = format!("table {} was changed, of {}", beyond.table, manifest.tables.len());
    Err(Fault::new(FaultKind::Changes, message))
}

/// What is wrong with a key that is there already.
pub(super) const INSERTED_AGAIN: &str = "is inserted again, but it is declared insert-only";

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

/// The row sets of one table in some flushes, their shapes checked against the table.
pub(super) fn row_sets<'a>(number: usize, table: &Table, flushes: &'a [Flush]) -> Result<Vec<RowSet<'a>>> {
    let mut row_sets = Vec::new();
    let all = flushes.iter().enumerate().flat_map(|(flush, flushed)| {
        flushed.changes.iter().filter(|change| change.table == number).map(move |change| (flush, flushed.part, change))
    });
    for (flush, part, change) in all {
        if change.upserted > 0 {
            let columns = 0..table.columns.len();
            let columns = cells(table, columns, &change.upserts, change.upserted)?;
            let key = table.key.iter().map(|&column| columns[usize::from(column)]).collect();
            row_sets.push(RowSet { deletes: false, columns, key, length: change.upserted, flush, part });
        }
        if change.deleted > 0 {
            if table.insert_only {
                return Err(changes(table, "rows are deleted, but it is declared insert-only"));
            }
            let numbers = table.key.iter().map(|&column| usize::from(column));
            let key = cells(table, numbers, &change.deletes, change.deleted)?;
            row_sets.push(RowSet { deletes: true, columns: key.clone(), key, length: change.deleted, flush, part });
        }
    }
    Ok(row_sets)
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
