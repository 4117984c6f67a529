//! Lifting one **column** out of a guest: every rule of `wit/*/columns.wit` is checked, so that nothing behind the
//! boundary has to.

use serde::de::IgnoredAny;

use super::bindings::columns;
use super::blame::clean;
use crate::event::{Binary, Bitmap, Column, Kind, Str, TableColumn, Text, Values};

/// What is wrong with a column, and in which row when it is one row.
pub(super) struct Wrong {
    pub row: Option<usize>,
    pub message: String,
}

impl From<String> for Wrong {
    fn from(message: String) -> Wrong {
        Wrong { row: None, message }
    }
}

impl Wrong {
    fn at(row: usize, message: impl Into<String>) -> Wrong {
        Wrong { row: Some(row), message: message.into() }
    }
}

type Lifted<T> = std::result::Result<T, Wrong>;

/// The column of `rows` rows that the manifest describes as `shape`.
pub(super) fn lift(guest: columns::ColumnResult, rows: usize, shape: &TableColumn) -> Lifted<Column> {
    if guest.nulls.is_some() {
        return Err(String::from("it marks rows as recorded `null`, which only the host does").into());
    }
    let validity = guest.validity.map(|bits| bitmap(bits, rows)).transpose()?.flatten();
    if !shape.nullable
        && let Some(validity) = &validity
    {
        let row = (0..rows).find(|&row| !is_set(validity, row)).unwrap_or_default();
        return Err(Wrong::at(row, "no value, and the column is not nullable"));
    }
    let values = values(guest.values, rows, shape, validity.as_deref())?;
    Ok(Column { validity, nulls: None, values })
}

/// The bytes that a column takes.
pub(super) fn bytes(guest: &columns::ColumnResult) -> usize {
    let text = |text: &columns::TextResult| text.offsets.len() * 4 + text.data.len();
    let values = match &guest.values {
        columns::ValuesResult::Nothing => 0,
        columns::ValuesResult::Booleans(values) => values.len(),
        columns::ValuesResult::Integers(values) => values.len() * 8,
        columns::ValuesResult::Reals(values) => values.len() * 8,
        columns::ValuesResult::Texts(values) | columns::ValuesResult::Json(values) => text(values),
        columns::ValuesResult::Symbols(values) => text(&values.added) + values.keys.len() * 4,
        columns::ValuesResult::Blobs(values) => values.offsets.len() * 4 + values.data.len(),
    };
    values + guest.validity.as_ref().map_or(0, Vec::len) + guest.nulls.as_ref().map_or(0, Vec::len)
}

/// A bitmap of `rows` bits; none when all are set.
fn bitmap(bits: Vec<u8>, rows: usize) -> Lifted<Option<Bitmap>> {
    if bits.len() != rows.div_ceil(8) {
        return Err(format!("a bitmap of {rows} rows has {} bytes, not {}", rows.div_ceil(8), bits.len()).into());
    }
    let set: usize = bits.iter().map(|byte| byte.count_ones() as usize).sum();
    let unused = bits.last().map_or(0, |last| u32::from(*last) >> (rows - (bits.len() - 1) * 8));
    if unused != 0 {
        return Err(String::from("a bitmap has bits set beyond its rows").into());
    }
    Ok((set != rows).then(|| bits.into()))
}

fn values(guest: columns::ValuesResult, rows: usize, shape: &TableColumn, validity: Option<&[u8]>) -> Lifted<Values> {
    let is_valid = |row: usize| validity.is_none_or(|bits| is_set(bits, row));
    match (shape.kind, guest) {
        (_, columns::ValuesResult::Nothing) if shape.nullable => Ok(Values::Nothing),
        (Kind::Boolean, columns::ValuesResult::Booleans(values)) => {
            length(values.len(), rows)?;
            match first(&values, |&value| value > 1, is_valid) {
                Some(row) => Err(Wrong::at(row, format!("a boolean is 0 or 1, not {}", values[row]))),
                None => Ok(Values::Booleans(values.into())),
            }
        }
        (Kind::Integer, columns::ValuesResult::Integers(values)) => {
            length(values.len(), rows)?;
            Ok(Values::Integers(values.into()))
        }
        (Kind::Real, columns::ValuesResult::Reals(values)) => {
            length(values.len(), rows)?;
            match first(&values, |value| value.is_nan(), is_valid) {
                Some(row) => Err(Wrong::at(row, "NaN cannot be stored")),
                None => Ok(Values::Reals(values.into())),
            }
        }
        (Kind::Text, columns::ValuesResult::Texts(values)) => Ok(Values::Texts(text(values, rows)?)),
        (Kind::Json, columns::ValuesResult::Json(values)) => {
            let values = text(values, rows)?;
            let broken = |row: &usize| serde_json::from_str::<IgnoredAny>(values.get(*row)).err();
            match (0..rows).filter(|&row| is_valid(row)).find_map(|row| broken(&row).map(|error| (row, error))) {
                Some((row, error)) => Err(Wrong::at(row, clean(&format!("not JSON: {error}"), 200))),
                None => Ok(Values::Json(values)),
            }
        }
        (Kind::Blob, columns::ValuesResult::Blobs(values)) => {
            offsets(&values.offsets, values.data.len(), rows)?;
            Ok(Values::Blobs(Binary { offsets: values.offsets.into(), data: values.data.into() }))
        }
        (kind, guest) => Err(format!("the manifest says {}, but it holds {}", expected(kind), held(&guest)).into()),
    }
}

/// The first row with a value that is wrong.
fn first<T>(values: &[T], is_wrong: impl Fn(&T) -> bool, is_valid: impl Fn(usize) -> bool) -> Option<usize> {
    values.iter().enumerate().find(|&(row, value)| is_wrong(value) && is_valid(row)).map(|(row, _)| row)
}

fn text(guest: columns::TextResult, rows: usize) -> Lifted<Text> {
    offsets(&guest.offsets, guest.data.len(), rows)?;
    if !guest.data.is_ascii()
        && let Some(row) = (0..rows).find(|&row| !guest.data.is_char_boundary(guest.offsets[row + 1] as usize))
    {
        return Err(Wrong::at(row, "an offset cuts a character in two"));
    }
    Ok(Text { offsets: guest.offsets.into(), data: Str::from(guest.data) })
}

/// Whether offsets start at 0, never fall, and end at the data's length, one more than there are rows.
fn offsets(offsets: &[u32], data_bytes: usize, rows: usize) -> Lifted<()> {
    if offsets.len() != rows + 1 {
        return Err(format!("{rows} rows need {} offsets, not {}", rows + 1, offsets.len()).into());
    }
    if offsets[0] != 0 {
        return Err(format!("the first offset is {}, not 0", offsets[0]).into());
    }
    if let Some(row) = offsets.windows(2).position(|ends| ends[0] > ends[1]) {
        return Err(Wrong::at(row, format!("the offsets fall from {} to {}", offsets[row], offsets[row + 1])));
    }
    if offsets[rows] as usize != data_bytes {
        return Err(format!("the last offset is {}, but there are {data_bytes} bytes", offsets[rows]).into());
    }
    Ok(())
}

fn length(values: usize, rows: usize) -> Lifted<()> {
    if values == rows { Ok(()) } else { Err(format!("it has {values} values for {rows} rows").into()) }
}

fn is_set(bits: &[u8], row: usize) -> bool {
    bits[row / 8] >> (row % 8) & 1 == 1
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "booleans",
        Kind::Integer => "integers",
        Kind::Real => "reals",
        Kind::Text => "texts",
        Kind::Json => "json",
        Kind::Blob => "blobs",
    }
}

fn held(guest: &columns::ValuesResult) -> &'static str {
    match guest {
        columns::ValuesResult::Nothing => "nothing",
        columns::ValuesResult::Booleans(_) => "booleans",
        columns::ValuesResult::Integers(_) => "integers",
        columns::ValuesResult::Reals(_) => "reals",
        columns::ValuesResult::Texts(_) => "texts",
        columns::ValuesResult::Symbols(_) => "a dictionary, which only the host sends",
        columns::ValuesResult::Json(_) => "json",
        columns::ValuesResult::Blobs(_) => "blobs",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape(kind: Kind, nullable: bool) -> TableColumn {
        TableColumn { name: "column".into(), kind, nullable }
    }

    proptest! {
        /// Whatever a guest sends as offsets, data and bitmap: it is refused, or every row can be read.
        #[test]
        fn lifted_text_can_be_read(
            offsets in prop::collection::vec(0u32..8, 0..6),
            data in "[aé✓]{0,3}",
            validity in prop::option::of(prop::collection::vec(any::<u8>(), 0..3)),
            rows in 1usize..5,
            nullable in any::<bool>(),
        ) {
            let values = columns::ValuesResult::Texts(columns::TextResult { offsets, data: data.clone() });
            let guest = columns::ColumnResult { validity, nulls: None, values };
            if let Ok(column) = lift(guest, rows, &shape(Kind::Text, nullable)) {
                let Values::Texts(text) = &column.values else { panic!("{column:?}") };
                prop_assert_eq!(text.iter().collect::<String>(), data);
                prop_assert_eq!(text.len(), rows);
                prop_assert!(nullable || (0..rows).all(|row| column.is_valid(row)));
            }
        }

        /// Sound text is never refused.
        #[test]
        fn sound_text_is_lifted(strings in prop::collection::vec("[aé✓]{0,3}", 1..20)) {
            let mut text = columns::TextResult { offsets: vec![0], data: String::new() };
            for string in &strings {
                text.data.push_str(string);
                text.offsets.push(text.data.len() as u32);
            }
            let values = columns::ValuesResult::Texts(text);
            let guest = columns::ColumnResult { validity: None, nulls: None, values };
            let column = lift(guest, strings.len(), &shape(Kind::Text, false)).ok().unwrap();
            let Values::Texts(text) = &column.values else { panic!("{column:?}") };
            prop_assert_eq!(text.iter().collect::<Vec<_>>(), strings);
        }
    }
}
