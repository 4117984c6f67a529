//! **Cells**: a borrowed view of one column that gives, binds and builds single values.

use arrow_buffer::ScalarBuffer;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::event::{Binary, Column, Fault, FaultKind, Kind, Result, Table, Text, Values};

/// The values of a column as plain slices: taking them out of their shared buffers once, not for each value.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    validity: Option<&'a [u8]>,
    values: Slices<'a>,
}

#[derive(Clone, Copy)]
enum Slices<'a> {
    Nothing,
    Booleans(&'a [u8]),
    Integers(&'a [i64]),
    Reals(&'a [f64]),
    Texts { offsets: &'a [u32], data: &'a [u8] },
    Blobs { offsets: &'a [u32], data: &'a [u8] },
}

impl<'a> Cells<'a> {
    /// The cells of column `number` of `table`, of which there must be `length` of the kind declared.
    /// The values themselves were checked where they crossed the boundary.
    pub fn of(table: &Table, number: usize, column: &'a Column, length: usize) -> Result<Cells<'a>> {
        let declared = &table.columns[number];
        let values = match (&column.values, declared.kind) {
            (Values::Nothing, _) => Slices::Nothing,
            (Values::Booleans(values), Kind::Boolean) => Slices::Booleans(values),
            (Values::Integers(values), Kind::Integer) => Slices::Integers(values),
            (Values::Reals(values), Kind::Real) => Slices::Reals(values),
            (Values::Texts(text), Kind::Text) | (Values::Json(text), Kind::Json) => {
                Slices::Texts { offsets: &text.offsets, data: text.data.as_str().as_bytes() }
            }
            (Values::Blobs(binary), Kind::Blob) => Slices::Blobs { offsets: &binary.offsets, data: &binary.data },
            (_, kind) => {
                return Err(Fault::new(
                    FaultKind::Changes,
                    format!("table `{}`: column `{}` does not hold {kind:?} values", table.name, declared.name),
                ));
            }
        };
        let cells = Cells { validity: column.validity.as_deref(), values };
        let bits = cells.validity.is_none_or(|bits| bits.len() >= length.div_ceil(8));
        if !bits || cells.len().is_some_and(|held| held != length) {
            return Err(Fault::new(
                FaultKind::Changes,
                format!("table `{}`: column `{}` does not hold {length} values", table.name, declared.name),
            ));
        }
        if !declared.nullable
            && let Some(row) = (0..length).find(|&row| cells.is_absent(row))
        {
            return Err(Fault::new(
                FaultKind::Changes,
                format!(
                    "table `{}`: column `{}` is not nullable, but row {row} has no value",
                    table.name, declared.name
                ),
            ));
        }
        Ok(cells)
    }

    fn len(&self) -> Option<usize> {
        match self.values {
            Slices::Nothing => None,
            Slices::Booleans(values) => Some(values.len()),
            Slices::Integers(values) => Some(values.len()),
            Slices::Reals(values) => Some(values.len()),
            Slices::Texts { offsets, .. } | Slices::Blobs { offsets, .. } => Some(offsets.len().saturating_sub(1)),
        }
    }

    /// Whether the row has no value.
    #[inline]
    pub fn is_absent(&self, row: usize) -> bool {
        match (self.values, self.validity) {
            (Slices::Nothing, _) => true,
            (_, None) => false,
            (_, Some(bits)) => bits[row / 8] >> (row % 8) & 1 == 0,
        }
    }

    /// The value of `row` as SQLite takes it.
    pub fn get(&self, row: usize) -> ValueRef<'a> {
        if self.is_absent(row) {
            return ValueRef::Null;
        }
        match self.values {
            Slices::Nothing => ValueRef::Null,
            Slices::Booleans(values) => ValueRef::Integer(i64::from(values[row] != 0)),
            Slices::Integers(values) => ValueRef::Integer(values[row]),
            Slices::Reals(values) => ValueRef::Real(values[row]),
            Slices::Texts { offsets, data } => ValueRef::Text(slice(offsets, data, row)),
            Slices::Blobs { offsets, data } => ValueRef::Blob(slice(offsets, data, row)),
        }
    }

    /// The value of `row` for a statement's parameter.
    pub fn bind(&self, row: usize) -> ToSqlOutput<'a> {
        ToSqlOutput::Borrowed(self.get(row))
    }
}

fn slice<'a>(offsets: &[u32], data: &'a [u8], row: usize) -> &'a [u8] {
    &data[offsets[row] as usize..offsets[row + 1] as usize]
}

/// Builds a column value by value, from what SQLite returns.
pub(super) struct Builder {
    validity: Vec<u8>,
    rows: usize,
    absent: usize,
    values: Growing,
}

enum Growing {
    Booleans(Vec<u8>),
    Integers(Vec<i64>),
    Reals(Vec<f64>),
    Texts(Vec<u32>, String, Kind),
    Blobs(Vec<u32>, Vec<u8>),
}

impl Builder {
    /// A column of this kind, of about `length` rows.
    pub fn new(kind: Kind, length: usize) -> Builder {
        let offsets = || {
            let mut offsets = Vec::with_capacity(length + 1);
            offsets.push(0);
            offsets
        };
        let values = match kind {
            Kind::Boolean => Growing::Booleans(Vec::with_capacity(length)),
            Kind::Integer => Growing::Integers(Vec::with_capacity(length)),
            Kind::Real => Growing::Reals(Vec::with_capacity(length)),
            Kind::Text | Kind::Json => Growing::Texts(offsets(), String::new(), kind),
            Kind::Blob => Growing::Blobs(offsets(), Vec::new()),
        };
        Builder { validity: Vec::with_capacity(length.div_ceil(8)), rows: 0, absent: 0, values }
    }

    /// Appends a value. The error says what is wrong with it; a file written by the host has no such values.
    pub fn push(&mut self, value: ValueRef<'_>) -> Result<(), String> {
        let present = value != ValueRef::Null;
        match (&mut self.values, value) {
            (Growing::Booleans(values), ValueRef::Integer(value)) => values.push(u8::from(value != 0)),
            (Growing::Booleans(values), ValueRef::Null) => values.push(0),
            (Growing::Integers(values), ValueRef::Integer(value)) => values.push(value),
            (Growing::Integers(values), ValueRef::Null) => values.push(0),
            (Growing::Reals(values), ValueRef::Real(value)) => values.push(value),
            (Growing::Reals(values), ValueRef::Null) => values.push(0.0),
            (Growing::Texts(offsets, data, _), ValueRef::Text(value)) => {
                data.push_str(std::str::from_utf8(value).map_err(|error| error.to_string())?);
                offsets.push(end(data.len())?);
            }
            (Growing::Texts(offsets, data, _), ValueRef::Null) => offsets.push(end(data.len())?),
            (Growing::Blobs(offsets, data), ValueRef::Blob(value)) => {
                data.extend_from_slice(value);
                offsets.push(end(data.len())?);
            }
            (Growing::Blobs(offsets, data), ValueRef::Null) => offsets.push(end(data.len())?),
            (_, value) => return Err(format!("it holds a value of another type: {}", value.data_type())),
        }
        if self.rows.is_multiple_of(8) {
            self.validity.push(0);
        }
        if present {
            self.validity[self.rows / 8] |= 1 << (self.rows % 8);
        } else {
            self.absent += 1;
        }
        self.rows += 1;
        Ok(())
    }

    /// The column.
    pub fn finish(self) -> Column {
        let values = match self.values {
            Growing::Booleans(values) => Values::Booleans(values.into()),
            Growing::Integers(values) => Values::Integers(values.into()),
            Growing::Reals(values) => Values::Reals(values.into()),
            Growing::Texts(offsets, data, kind) => {
                let text = Text { offsets: offsets.into(), data: data.into() };
                if kind == Kind::Json { Values::Json(text) } else { Values::Texts(text) }
            }
            Growing::Blobs(offsets, data) => Values::Blobs(Binary { offsets: offsets.into(), data: data.into() }),
        };
        let validity = (self.absent > 0).then(|| ScalarBuffer::from(self.validity));
        Column { validity, nulls: None, values }
    }
}

fn end(length: usize) -> Result<u32, String> {
    u32::try_from(length).map_err(|_| "the values looked up exceed 4 GiB".to_owned())
}
