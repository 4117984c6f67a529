//! **Cells** are a column as the guest reads it: one value a row, whichever kind the host chose for the column.

use crate::arena::Arena;
use crate::bindings::columns::{self, Values};
use crate::dictionary::{Dictionaries, Dictionary, Text, text_at};
use crate::json;

/// A column, borrowed from the batch.
#[derive(Clone, Copy)]
pub struct Cells<'a> {
    pub(crate) kept: Kept<'a>,
    validity: Option<&'a [u8]>,
    nulls: Option<&'a [u8]>,
    arena: &'a Arena,
}

/// The values by kind.
#[derive(Clone, Copy)]
pub(crate) enum Kept<'a> {
    Nothing,
    Booleans(&'a [u8]),
    Integers(&'a [i64]),
    Reals(&'a [f64]),
    Texts(Strings<'a>),
    Symbols(&'a Dictionary, &'a [u32]),
    Json(Strings<'a>),
    Blobs(&'a [u32], &'a [u8]),
}

/// Strings one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Strings<'a> {
    offsets: &'a [u32],
    data: &'a str,
}

impl<'a> Strings<'a> {
    pub(crate) fn new(text: &'a columns::Text) -> Strings<'a> {
        Strings { offsets: &text.offsets, data: &text.data }
    }

    #[inline]
    pub(crate) fn get(self, row: usize) -> &'a str {
        text_at(self.data, self.offsets, row)
    }
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'a> {
    /// The event does not have the field.
    Absent,
    /// The field is `null`.
    Null,
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(Text<'a>),
    /// A number that is no `i64`, as recorded; perhaps an `f64` holds it without loss.
    Number(&'a str),
    /// An object or an array, as recorded.
    Json(&'a str),
    Bytes(&'a [u8]),
}

impl Cell<'_> {
    /// What it is, for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Cell::Absent => "nothing",
            Cell::Null => "null",
            Cell::Boolean(_) => "a boolean",
            Cell::Integer(_) => "an integer",
            Cell::Real(real) if real.fract() != 0.0 => "a number with a fraction",
            Cell::Real(real) if real.abs() < 9_223_372_036_854_775_808.0 => "a number",
            Cell::Real(_) => "a number out of range",
            Cell::Text(_) => "a string",
            Cell::Number(text) => match json::Decimal::read(text) {
                number if number.fraction => "a number with a fraction",
                number if number.magnitude.is_some_and(|magnitude| magnitude < 1 << 63) => "a number",
                _ => "a number out of range",
            },
            Cell::Json(text) if text.starts_with('[') => "an array",
            Cell::Json(text) if text.starts_with('"') => "a string that is no valid Unicode",
            Cell::Json(_) => "an object",
            Cell::Bytes(_) => "bytes",
        }
    }
}

impl<'a> Cells<'a> {
    /// Reads `column`; `place` is where its dictionary is kept.
    pub(crate) fn new(
        column: &'a columns::Column,
        dictionaries: &'a Dictionaries,
        place: usize,
        arena: &'a Arena,
    ) -> Cells<'a> {
        let kept = match &column.values {
            Values::Nothing => Kept::Nothing,
            Values::Booleans(values) => Kept::Booleans(values),
            Values::Integers(values) => Kept::Integers(values),
            Values::Reals(values) => Kept::Reals(values),
            Values::Texts(text) => Kept::Texts(Strings::new(text)),
            Values::Symbols(symbols) => Kept::Symbols(dictionaries.get(place), &symbols.keys),
            Values::Json(text) => Kept::Json(Strings::new(text)),
            Values::Blobs(binary) => Kept::Blobs(&binary.offsets, &binary.data),
        };
        Cells { kept, validity: column.validity.as_deref(), nulls: column.nulls.as_deref(), arena }
    }

    /// Whole JSON documents.
    pub(crate) fn documents(text: &'a columns::Text, arena: &'a Arena) -> Cells<'a> {
        Cells { kept: Kept::Json(Strings::new(text)), validity: None, nulls: None, arena }
    }

    /// Whether every row has a value, so that a typed reader may take values without asking for each.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.validity.is_none()
    }

    /// Whether the row has a value.
    #[inline]
    pub(crate) fn is_valid(&self, row: usize) -> bool {
        self.validity.is_none_or(|bits| bit(bits, row)) && !matches!(self.kept, Kept::Nothing)
    }

    /// Whether the event has the field, `null` or not.
    pub(crate) fn is_present(&self, row: usize) -> bool {
        self.is_valid(row) || self.nulls.is_some_and(|bits| bit(bits, row))
    }

    /// The row's JSON as recorded, for documents and stored JSON.
    pub(crate) fn verbatim(&self, row: usize) -> Option<&'a str> {
        match self.kept {
            Kept::Json(strings) if self.is_valid(row) => Some(strings.get(row)),
            _ => None,
        }
    }

    /// The row's value. JSON scalars come as the kind that a typed column would have had.
    pub(crate) fn cell(&self, row: usize) -> Cell<'a> {
        if !self.is_valid(row) {
            let null = self.nulls.is_some_and(|bits| bit(bits, row));
            return if null { Cell::Null } else { Cell::Absent };
        }
        match self.kept {
            Kept::Nothing => Cell::Absent,
            Kept::Booleans(values) => Cell::Boolean(values[row] != 0),
            Kept::Integers(values) => Cell::Integer(values[row]),
            Kept::Reals(values) => Cell::Real(values[row]),
            Kept::Texts(strings) => Cell::Text(Text::from(strings.get(row))),
            Kept::Symbols(dictionary, keys) => Cell::Text(Text::symbol_of(dictionary, keys[row])),
            Kept::Json(strings) => json::cell(strings.get(row), self.arena),
            Kept::Blobs(offsets, data) => Cell::Bytes(&data[offsets[row] as usize..offsets[row + 1] as usize]),
        }
    }
}

#[inline]
fn bit(bits: &[u8], row: usize) -> bool {
    bits[row / 8] & (1 << (row % 8)) != 0
}
