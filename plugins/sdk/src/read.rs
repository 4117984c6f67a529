//! **Reading** events out of a batch: its groups of columns, and fields out of columns. The derives call these.

use serde::de::DeserializeOwned;

use crate::arena::Arena;
use crate::bindings::events;
use crate::cells::{Cell, Cells};
use crate::dictionary::Dictionaries;
use crate::fault::Wrong;
use crate::field::Field;
use crate::{Fault, Json, json};

/// The groups of a batch, taken one by one in the manifest's order.
#[doc(hidden)]
pub struct Groups<'a> {
    groups: std::slice::Iter<'a, events::Group>,
    dictionaries: &'a Dictionaries,
    place: usize,
    arena: &'a Arena,
}

impl<'a> Groups<'a> {
    pub(crate) fn new(
        groups: &'a [events::Group],
        dictionaries: &'a Dictionaries,
        place: usize,
        arena: &'a Arena,
    ) -> Groups<'a> {
        Groups { groups: groups.iter(), dictionaries, place, arena }
    }

    /// The columns of the next group: `fields` fields, then the document if it was asked for.
    pub fn next<const N: usize>(&mut self, fields: usize, document: bool) -> Result<[Cells<'a>; N], Fault> {
        let cells = self.next_all(fields, document)?;
        cells.try_into().map_err(|_| Fault::host("a group of a batch has other columns than asked for"))
    }

    /// As [`Groups::next`], where the number of columns is not known to the compiler.
    pub fn next_all(&mut self, fields: usize, document: bool) -> Result<Vec<Cells<'a>>, Fault> {
        let group = self.groups.next().ok_or_else(|| Fault::host("a batch has fewer groups than event types"))?;
        if group.fields.len() != fields || group.document.is_some() != document {
            return Err(Fault::host("a group of a batch has other columns than asked for"));
        }
        let mut cells = Vec::with_capacity(fields + 1);
        for column in &group.fields {
            cells.push(Cells::new(column, self.dictionaries, self.place, self.arena));
            self.place += 1;
        }
        cells.extend(group.document.as_ref().map(|text| Cells::documents(text, self.arena)));
        Ok(cells)
    }
}

/// Reads a field.
#[inline(always)]
pub fn field<'a, T: Field<'a>>(cells: &Cells<'a>, row: usize, name: &'static str) -> Result<T, Fault> {
    match T::read(cells, row) {
        Ok(value) => Ok(value),
        Err(wrong) => Err(wrong.in_event(name)),
    }
}

/// The first of the columns in which the event has the field: under its name, or one that it had earlier.
pub fn alias<'c, 'a>(columns: &[&'c Cells<'a>], row: usize) -> &'c Cells<'a> {
    columns.iter().find(|cells| cells.is_present(row)).unwrap_or(&columns[0])
}

/// The field, or what it is when the event does not have it.
pub fn absent_or<'a, T>(
    cells: &Cells<'a>,
    row: usize,
    default: impl FnOnce() -> T,
    read: impl FnOnce() -> Result<T, Fault>,
) -> Result<T, Fault> {
    if cells.is_present(row) { read() } else { Ok(default()) }
}

/// Reads a field as JSON with serde.
pub fn json_field<T: DeserializeOwned>(cells: &Cells<'_>, row: usize, name: &'static str) -> Result<T, Fault> {
    match cells.cell(row) {
        Cell::Absent => Err(Wrong::expected("a value", "nothing").in_event(name)),
        cell => serde_json::from_str(&json::text_of(cell)).map_err(|error| Fault::event(error.to_string()).field(name)),
    }
}

/// The same where the field may be absent or `null`.
pub fn json_option<T: DeserializeOwned>(cells: &Cells<'_>, row: usize, name: &'static str) -> Result<Option<T>, Fault> {
    match cells.cell(row) {
        Cell::Absent | Cell::Null => Ok(None),
        _ => json_field(cells, row, name).map(Some),
    }
}

/// What a whole payload can be taken as without serde.
#[diagnostic::on_unimplemented(
    message = "a whole payload cannot be read as `{Self}`",
    note = "`#[event(document)]` takes &str, String or Json; add `json` to read it with serde: `#[event(document, json)]`"
)]
pub trait Document<'a> {
    /// The payload as recorded.
    fn of(text: &'a str) -> Self;
}

impl<'a> Document<'a> for &'a str {
    fn of(text: &'a str) -> Self {
        text
    }
}

impl Document<'_> for String {
    fn of(text: &str) -> Self {
        text.to_owned()
    }
}

impl Document<'_> for Json {
    fn of(text: &str) -> Self {
        json::verbatim(text)
    }
}

/// The whole payload as recorded.
pub fn document<'a, T: Document<'a>>(cells: &Cells<'a>, row: usize) -> Result<T, Fault> {
    cells.verbatim(row).map(T::of).ok_or_else(|| Fault::host("a document is missing"))
}

/// The whole payload, read with serde.
pub fn document_json<T: DeserializeOwned>(cells: &Cells<'_>, row: usize) -> Result<T, Fault> {
    serde_json::from_str(document(cells, row)?).map_err(|error| Fault::event(error.to_string()))
}

/// The host sent a type that nobody asked for.
#[cold]
pub fn unknown_kind() -> Fault {
    Fault::host("an event is of a type that was not asked for")
}
