//! A **window** of a column: rows `from..to` as they lie, or chosen rows gathered.
//!
//! Fixed-width values are never copied for a window; only the offsets of texts have to start at 0 again.

use std::ops::Range;

use arrow_buffer::{ArrowNativeType, ScalarBuffer};

use crate::event::{Binary, Bitmap, Column, Symbols, Text, Values};
use crate::history::numbers::SealedKeys;
use crate::history::segment::KeyColumn;

/// Which rows of a column.
#[derive(Clone)]
pub(super) enum Rows<'a> {
    /// These, as they follow each other.
    Window(Range<usize>),
    /// These, in this order.
    Picked(&'a [u32]),
}

impl Rows<'_> {
    pub fn len(&self) -> usize {
        match self {
            Rows::Window(window) => window.len(),
            Rows::Picked(rows) => rows.len(),
        }
    }

    pub fn iter(&self) -> Box<dyn Iterator<Item = usize> + '_> {
        match self {
            Rows::Window(window) => Box::new(window.clone()),
            Rows::Picked(rows) => Box::new(rows.iter().map(|&row| row as usize)),
        }
    }
}

/// The rows of fixed-width values.
pub(super) fn values<T: ArrowNativeType>(values: &ScalarBuffer<T>, rows: &Rows<'_>) -> ScalarBuffer<T> {
    match rows {
        Rows::Window(window) => values.slice(window.start, window.len()),
        Rows::Picked(rows) => {
            let values: &[T] = values;
            rows.iter().map(|&row| values[row as usize]).collect::<Vec<T>>().into()
        }
    }
}

/// The rows of a text.
pub(super) fn text(text: &Text, rows: &Rows<'_>) -> Text {
    match rows {
        Rows::Window(window) => text.slice(window.clone()),
        Rows::Picked(rows) => gathered(rows.iter().map(|&row| text.get(row as usize))),
    }
}

/// Strings one after the other.
pub(super) fn gathered<'a>(strings: impl Iterator<Item = &'a str> + Clone) -> Text {
    let mut offsets = vec![0u32];
    let mut end = 0;
    offsets.extend(strings.clone().map(|string| {
        end += string.len();
        u32::try_from(end).expect("a batch holds far less than 4 GiB of text")
    }));
    let mut data = String::with_capacity(end);
    strings.for_each(|string| data.push_str(string));
    Text { offsets: offsets.into(), data: data.into() }
}

fn binary(binary: &Binary, rows: &Rows<'_>) -> Binary {
    let (mut offsets, mut data) = (vec![0u32], Vec::new());
    for row in rows.iter() {
        data.extend_from_slice(binary.get(row));
        offsets.push(u32::try_from(data.len()).expect("a window of a column that held less than 4 GiB"));
    }
    Binary { offsets: offsets.into(), data: data.into() }
}

fn bitmap(bits: &Bitmap, rows: &Rows<'_>) -> Bitmap {
    match rows {
        Rows::Window(window) if window.start.is_multiple_of(8) && window.len().is_multiple_of(8) => {
            bits.slice(window.start / 8, window.len() / 8)
        }
        Rows::Window(window) => packed(bits, window.clone(), window.len()),
        Rows::Picked(rows) => packed(bits, rows.iter().map(|&row| row as usize), rows.len()),
    }
}

fn packed(bits: &[u8], rows: impl Iterator<Item = usize>, length: usize) -> Bitmap {
    let mut packed = vec![0u8; length.div_ceil(8)];
    for (place, row) in rows.enumerate() {
        packed[place / 8] |= (bits[row / 8] >> (row % 8) & 1) << (place % 8);
    }
    packed.into()
}

/// The rows of a column.
pub(super) fn column(column: &Column, rows: &Rows<'_>) -> Column {
    let validity = column.validity.as_ref().map(|bits| bitmap(bits, rows));
    let chosen = match &column.values {
        Values::Nothing => Values::Nothing,
        Values::Booleans(all) => Values::Booleans(values(all, rows)),
        Values::Integers(all) => Values::Integers(values(all, rows)),
        Values::Reals(all) => Values::Reals(values(all, rows)),
        Values::Texts(all) => Values::Texts(text(all, rows)),
        Values::Json(all) => Values::Json(text(all, rows)),
        Values::Blobs(all) => Values::Blobs(binary(all, rows)),
        Values::Symbols(all) => Values::Symbols(Symbols { keys: values(&all.keys, rows), ..all.clone() }),
    };
    Column { validity, nulls: column.nulls.as_ref().map(|bits| bitmap(bits, rows)), values: chosen }
}

/// The rows of a column of keys; `symbols` makes of the chosen ones what the receiver is to get.
pub(super) fn keys(
    column: &KeyColumn,
    rows: &Rows<'_>,
    symbols: impl FnOnce(&SealedKeys, Option<&Bitmap>) -> Symbols,
) -> Column {
    let validity = column.validity.as_ref().map(|bits| bitmap(bits, rows));
    let symbols = symbols(&SealedKeys(values(&column.keys.0, rows)), validity.as_ref());
    let nulls = column.nulls.as_ref().map(|bits| bitmap(bits, rows));
    Column { validity, nulls, values: Values::Symbols(symbols) }
}

/// About how many bytes the rows of a column take beyond some bytes a row.
pub(super) fn text_bytes(column: &Column, window: &Range<usize>) -> usize {
    match &column.values {
        Values::Texts(all) | Values::Json(all) => long(all, window),
        Values::Blobs(all) => (all.offsets[window.end] - all.offsets[window.start]) as usize,
        _ => 0,
    }
}

/// The bytes of the strings of a window.
pub(super) fn long(text: &Text, window: &Range<usize>) -> usize {
    (text.offsets[window.end] - text.offsets[window.start]) as usize
}
