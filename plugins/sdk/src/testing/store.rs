//! The **store** stands in for the host's read model: it commits changes and answers lookups.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::value::Value;
use crate::arena::Arena;
use crate::bindings::columns::{Binary, Column, Text, Values};
use crate::bindings::manifests::{Kind, Table};
use crate::bindings::tables::{self, Changes};
use crate::cells::{Cell, Cells};
use crate::dictionary::Dictionaries;

/// The rows of a table, by key.
pub(crate) type Rows = BTreeMap<Vec<Value>, Vec<Value>>;

/// The tables of a replay.
#[derive(Default)]
pub(crate) struct Store {
    tables: Vec<(Table, Rows)>,
}

thread_local! {
    static CURRENT: RefCell<Store> = RefCell::default();
}

/// Lends the store of this thread's replay.
pub(crate) fn with<T>(use_it: impl FnOnce(&mut Store) -> T) -> T {
    CURRENT.with_borrow_mut(use_it)
}

impl Store {
    pub(crate) fn new(tables: Vec<Table>) -> Store {
        Store { tables: tables.into_iter().map(|table| (table, Rows::new())).collect() }
    }

    pub(crate) fn into_tables(self) -> BTreeMap<String, Rows> {
        self.tables.into_iter().map(|(table, rows)| (table.name, rows)).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tables.iter().all(|(_, rows)| rows.is_empty())
    }

    pub(crate) fn lookup(&mut self, table: u16, length: u32, keys: &[Column]) -> tables::Rows {
        let (table, rows) = &self.tables[usize::from(table)];
        let keys = read(keys, length as usize);
        let found: Vec<_> = keys.iter().map(|key| rows.get(key)).collect();
        let columns = table.columns.iter().enumerate();
        let columns = columns.map(|(place, column)| {
            build(column.kind, found.iter().map(|row| row.map_or(&Value::Null, |row| &row[place])))
        });
        let bits = found.iter().map(Option::is_some);
        tables::Rows { found: bitmap(bits), columns: columns.collect() }
    }

    /// Writes changes; the error is what a host would say.
    pub(crate) fn commit(&mut self, changes: &[Changes]) -> Result<(), String> {
        for change in changes {
            let (table, rows) = &mut self.tables[usize::from(change.table)];
            for (key, row) in rows_with_keys(table, &change.upserts, change.upserted as usize) {
                if table.insert_only && rows.contains_key(&key) {
                    return Err(format!("table `{}` has a row with the key {} already", table.name, show(&key)));
                }
                rows.insert(key, row);
            }
            for key in read(&change.deletes, change.deleted as usize) {
                rows.remove(&key);
            }
            check_unique(table, rows)?;
        }
        Ok(())
    }
}

fn check_unique(table: &Table, rows: &Rows) -> Result<(), String> {
    for index in table.indexes.iter().filter(|index| index.unique) {
        let mut seen = std::collections::BTreeSet::new();
        for row in rows.values() {
            let values: Vec<_> = index.columns.iter().map(|&column| row[usize::from(column)].clone()).collect();
            // As in SQL, NULL equals nothing.
            if !values.contains(&Value::Null) && !seen.insert(values.clone()) {
                return Err(format!("table `{}` has {} twice in a unique index", table.name, show(&values)));
            }
        }
    }
    Ok(())
}

fn show(values: &[Value]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Rows out of columns, by key.
pub(crate) fn rows_of(table: &Table, columns: &[Column], length: usize) -> Rows {
    rows_with_keys(table, columns, length).collect()
}

fn rows_with_keys(
    table: &Table,
    columns: &[Column],
    length: usize,
) -> impl Iterator<Item = (Vec<Value>, Vec<Value>)> + use<> {
    let key = table.key.clone();
    read(columns, length)
        .into_iter()
        .map(move |row| (key.iter().map(|&place| row[usize::from(place)].clone()).collect(), row))
}

fn read(columns: &[Column], length: usize) -> Vec<Vec<Value>> {
    let (arena, dictionaries) = (Arena::default(), Dictionaries::default());
    let cells: Vec<_> = columns.iter().map(|column| Cells::new(column, &dictionaries, 0, &arena)).collect();
    let value = |cells: &Cells<'_>, row| match (cells.verbatim(row), cells.cell(row)) {
        (Some(json), _) => Value::Json(json.into()),
        (None, Cell::Boolean(boolean)) => Value::Boolean(boolean),
        (None, Cell::Integer(integer)) => Value::Integer(integer),
        (None, Cell::Real(real)) => Value::Real(real),
        (None, Cell::Text(text)) => Value::Text(text.into()),
        (None, Cell::Bytes(bytes)) => Value::Blob(bytes.into()),
        (None, Cell::Absent | Cell::Null | Cell::Number(_) | Cell::Json(_)) => Value::Null,
    };
    (0..length).map(|row| cells.iter().map(|cells| value(cells, row)).collect()).collect()
}

/// A column of stored values.
fn build<'a>(kind: Kind, values: impl Iterator<Item = &'a Value> + Clone) -> Column {
    let validity = bitmap(values.clone().map(|value| !matches!(value, Value::Null)));
    let values = match kind {
        Kind::Boolean => {
            Values::Booleans(values.map(|value| u8::from(matches!(value, Value::Boolean(true)))).collect())
        }
        Kind::Integer => Values::Integers(
            values.map(|value| if let Value::Integer(integer) = value { *integer } else { 0 }).collect(),
        ),
        Kind::Real => {
            Values::Reals(values.map(|value| if let Value::Real(real) = value { *real } else { 0.0 }).collect())
        }
        Kind::Text | Kind::Json => {
            let strings = values.map(|value| match value {
                Value::Text(text) | Value::Json(text) => text.as_str(),
                _ => "",
            });
            let text = text(strings);
            if matches!(kind, Kind::Json) { Values::Json(text) } else { Values::Texts(text) }
        }
        Kind::Blob => {
            let (mut offsets, mut data) = (vec![0], Vec::new());
            for value in values {
                data.extend_from_slice(if let Value::Blob(bytes) = value { bytes } else { &[] });
                offsets.push(data.len() as u32);
            }
            Values::Blobs(Binary { offsets, data })
        }
    };
    Column { validity: Some(validity), nulls: None, values }
}

/// Strings one after the other.
pub(crate) fn text<S: AsRef<str>>(strings: impl Iterator<Item = S>) -> Text {
    let mut text = Text { offsets: vec![0], data: String::new() };
    for string in strings {
        text.data.push_str(string.as_ref());
        text.offsets.push(text.data.len() as u32);
    }
    text
}

/// Bits one after the other.
pub(crate) fn bitmap(bits: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (place, bit) in bits.enumerate() {
        if place % 8 == 0 {
            bytes.push(0);
        }
        bytes[place / 8] |= u8::from(bit) << (place % 8);
    }
    bytes
}
