//! **Columns** as the contract wants them, from plain values.

use crate::contract::projectionist::projection::columns::{Binary, Column, Text, Values};

pub fn column(values: Values) -> Column {
    Column { validity: None, nulls: None, values }
}

pub fn text<S: AsRef<str>>(strings: impl IntoIterator<Item = S>) -> Text {
    let mut text = Text { offsets: vec![0], data: String::new() };
    for string in strings {
        text.data.push_str(string.as_ref());
        text.offsets.push(text.data.len() as u32);
    }
    text
}

pub fn texts<S: AsRef<str>>(strings: impl IntoIterator<Item = S>) -> Column {
    column(Values::Texts(text(strings)))
}

pub fn integers(values: impl IntoIterator<Item = i64>) -> Column {
    column(Values::Integers(values.into_iter().collect()))
}

/// A column in which the rows without a value are marked.
pub fn some_integers(values: &[Option<i64>]) -> Column {
    let mut column = integers(values.iter().map(|value| value.unwrap_or(-1)));
    column.validity = Some(bitmap(values.iter().map(Option::is_some)));
    column
}

pub fn blob(bytes: &[u8]) -> Values {
    Values::Blobs(Binary { offsets: vec![0, bytes.len() as u32], data: bytes.to_vec() })
}

pub fn bitmap(bits: impl ExactSizeIterator<Item = bool>) -> Vec<u8> {
    let mut bytes = vec![0; bits.len().div_ceil(8)];
    for (row, bit) in bits.enumerate() {
        bytes[row / 8] |= u8::from(bit) << (row % 8);
    }
    bytes
}
