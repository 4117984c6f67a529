//! A **row** of a table: a struct with `#[key]` fields; the derive makes its columns.

use serde::Serialize;

use crate::bindings::columns::Column;
use crate::bindings::manifests;
use crate::builder::{Builder, Nullable, Texts};
use crate::cells::Cells;
use crate::column::{ColumnValue, json_push};
use crate::fault::{Fault, Wrong};
use crate::key::Key;

/// A row; derive it with `#[derive(Row)]`. Each field is a column; see [`ColumnValue`] for the types. Fields outside the
/// key need a `Default`, from which [`crate::Table::entry`] makes new rows.
///
/// | on | attribute | what it says |
/// | --- | --- | --- |
/// | a field | `#[key]` | part of the key, in declaration order |
/// | a field | `#[index]`, `#[unique]` | a secondary index on it; with `unique`, two rows with the same value are a fault |
/// | a field | `#[row(rename = "order")]` | the column's name; the field's name unless told |
/// | a field | `#[row(json)]` | any serde type, as JSON text (a `Vec` or a map needs no telling); JSON has no NaN and no infinity, they become `null` |
/// | the struct | `#[row(index(a, b), unique(c, d))]` | secondary indexes on several columns |
///
/// ```
/// use std::collections::BTreeMap;
///
/// use projectionist_sdk::prelude::*;
/// use projectionist_sdk::testing::{event, given};
/// use serde::{Deserialize, Serialize};
/// use serde_json::json;
///
/// #[derive(Default, Serialize, Deserialize)]
/// enum Mood { #[default] Calm, Busy }
///
/// #[derive(Row)]
/// #[row(index(mood, visits))]
/// struct Day {
///     #[key]
///     date: String,
///     #[key]
///     #[row(rename = "shop_id")]
///     shop: u32,
///     #[index]
///     visits: u64,
///     best: Option<f64>,
///     #[row(json)]
///     mood: Mood,
///     by_gate: BTreeMap<String, u32>,
/// }
///
/// #[derive(Event)]
/// enum Visit { Entered { shop: u32, gate: String } }
///
/// #[derive(Default, Tables)]
/// struct Days { days: Table<Day> }
///
/// impl Projection for Days {
///     type Event = Visit;
///     fn apply(&mut self, Visit::Entered { shop, gate }: Visit, envelope: &Envelope) -> Result<(), Fault> {
///         let row = self.days.entry((envelope.time().date(), shop));
///         row.visits += 1;
///         row.mood = if row.visits > 1 { Mood::Busy } else { Mood::Calm };
///         *row.by_gate.entry(gate).or_default() += 1;
///         Ok(())
///     }
/// }
/// export!(Days, name = "days", version = 1, envelope = [time]);
///
/// let entered = event("shop", "Entered", json!({"shop": 7, "gate": "north"}));
/// given::<Days>([entered.clone(), entered]).then_table("days", json!([
///     {"date": "1970-01-01", "shop_id": 7, "visits": 2, "best": null, "mood": "Busy", "by_gate": {"north": 2}},
/// ]));
/// ```
#[diagnostic::on_unimplemented(message = "`{Self}` is no row", note = "derive it: `#[derive(Row)]`")]
pub trait Row: Sized + 'static {
    /// The type of the `#[key]` field, or the tuple of them.
    type Key: Key;

    #[doc(hidden)]
    type Columns: Default;
    #[doc(hidden)]
    type KeyColumns: Default;
    /// Whether a row may grow after it was made: it holds memory outside its key.
    #[doc(hidden)]
    const GROWS: bool;

    /// The table, still without a name.
    #[doc(hidden)]
    fn table() -> manifests::Table;
    #[doc(hidden)]
    fn new(key: <Self::Key as Key>::Ref<'_>) -> Self;
    /// Makes it as new; its key stays.
    #[doc(hidden)]
    fn reset(&mut self);

    /// The row's key.
    fn key(&self) -> <Self::Key as Key>::Ref<'_>;

    /// Makes room for so many rows.
    #[doc(hidden)]
    fn reserve(columns: &mut Self::Columns, rows: usize);
    #[doc(hidden)]
    fn push(&self, columns: &mut Self::Columns) -> Result<(), Fault>;
    #[doc(hidden)]
    fn push_key(&self, columns: &mut Self::KeyColumns) -> Result<(), Fault>;
    #[doc(hidden)]
    fn columns_bytes(columns: &Self::Columns) -> usize;
    #[doc(hidden)]
    fn finish(columns: Self::Columns) -> Vec<Column>;
    #[doc(hidden)]
    fn finish_key(columns: Self::KeyColumns) -> Vec<Column>;
    #[doc(hidden)]
    fn read(columns: &[Cells<'_>], row: usize) -> Result<Self, Fault>;
    /// Bytes held outside the row itself.
    #[doc(hidden)]
    fn heap(&self) -> usize;
}

/// Describes a column.
pub fn column<T: ColumnValue>(name: &str) -> manifests::TableColumn {
    manifests::TableColumn { name: name.into(), kind: T::KIND, nullable: T::NULLABLE }
}

/// Describes an index.
pub fn index(columns: &[u16], unique: bool) -> manifests::Index {
    manifests::Index { columns: columns.to_vec(), unique }
}

/// Adds a value to its column.
#[inline]
pub fn put<T: ColumnValue>(value: &T, builder: &mut T::Builder, column: &'static str) -> Result<(), Fault> {
    value.put_in(builder).map_err(|wrong| wrong.in_row(column))
}

/// Reads a value from a row that was looked up.
pub fn take<T>(value: Result<T, Wrong>, column: &'static str) -> Result<T, Fault> {
    value.map_err(|wrong| Fault::host("a row that was looked up does not fit its table").field(column).hint(wrong.0))
}

/// Describes a column of JSON.
pub fn json_column(name: &str, nullable: bool) -> manifests::TableColumn {
    manifests::TableColumn { name: name.into(), kind: manifests::Kind::Json, nullable }
}

/// Adds a serde value to its column.
pub fn put_json<T: Serialize>(value: &T, builder: &mut Texts<true>, column: &'static str) -> Result<(), Fault> {
    json_push(value, builder).map_err(|wrong| wrong.in_row(column))
}

/// The same where it may be missing.
pub fn put_json_option<T: Serialize>(
    value: Option<&T>,
    builder: &mut Nullable<Texts<true>>,
    column: &'static str,
) -> Result<(), Fault> {
    match value {
        None => builder.push_nothing(),
        Some(value) => json_push(value, builder.present()).map_err(|wrong| wrong.in_row(column))?,
    }
    Ok(())
}

/// A looked-up row has more or fewer columns than its table.
#[cold]
pub fn wrong_width() -> Fault {
    Fault::host("a row that was looked up has other columns than its table")
}
