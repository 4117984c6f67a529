//! A **key** of a run: the values of some columns as bytes that are in the order in which SQLite has the values.
//!
//! Values that are missing come first, numbers go by value, text and blobs by their bytes, and keys of several columns
//! by the first in which they differ.

use rusqlite::types::ValueRef;

use crate::event::Kind;
use crate::read_model::query::Value;

/// What the columns of a key are.
#[derive(Clone, Debug)]
pub struct KeyLayout {
    columns: Vec<(Kind, bool)>,
}

/// In a text or blob that others follow, a zero is followed by this, and two zeros end it.
const ESCAPED: u8 = 0xff;

impl KeyLayout {
    /// Of the kinds of the columns, and whether each is nullable.
    pub fn new(columns: impl IntoIterator<Item = (Kind, bool)>) -> KeyLayout {
        KeyLayout { columns: columns.into_iter().collect() }
    }

    /// Appends the key of these values, one a column.
    pub fn push<'a>(&self, values: impl IntoIterator<Item = ValueRef<'a>>, out: &mut Vec<u8>) {
        let last = self.columns.len() - 1;
        for (number, (&(kind, is_nullable), value)) in self.columns.iter().zip(values).enumerate() {
            if is_nullable {
                out.push(u8::from(value != ValueRef::Null));
            }
            match value {
                ValueRef::Null => {}
                ValueRef::Integer(value) if kind == Kind::Boolean => out.push(u8::from(value != 0)),
                ValueRef::Integer(value) => out.extend((value.cast_unsigned() ^ SIGN).to_be_bytes()),
                ValueRef::Real(value) => out.extend(real_bits(value).to_be_bytes()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) if number == last => out.extend_from_slice(bytes),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => push_escaped(bytes, out),
            }
        }
    }

    /// The values of a key.
    pub fn values(&self, mut key: &[u8]) -> Vec<Value> {
        (0..self.columns.len()).map(|number| self.take(number, &mut key)).collect()
    }

    /// The value of the first column of a key, which is a number or a boolean and not nullable.
    #[inline]
    pub fn first_integer(&self, mut key: &[u8]) -> i64 {
        match self.columns[0].0 {
            Kind::Boolean => i64::from(take_byte(&mut key)),
            _ => (take_number(&mut key) ^ SIGN).cast_signed(),
        }
    }

    /// How many bytes of a key its first columns take; nothing when a value of them is missing.
    pub fn present_prefix(&self, key: &[u8], columns: usize) -> Option<usize> {
        let mut rest = key;
        let is_present = (0..columns).all(|number| self.take(number, &mut rest) != Value::Null);
        is_present.then(|| key.len() - rest.len())
    }

    fn take(&self, number: usize, key: &mut &[u8]) -> Value {
        let (kind, is_nullable) = self.columns[number];
        if is_nullable && take_byte(key) == 0 {
            return Value::Null;
        }
        let is_last = number + 1 == self.columns.len();
        match kind {
            Kind::Boolean => Value::Integer(i64::from(take_byte(key))),
            Kind::Integer => Value::Integer((take_number(key) ^ SIGN).cast_signed()),
            Kind::Real => Value::Real(real_of_bits(take_number(key))),
            Kind::Text | Kind::Json => Value::Text(String::from_utf8_lossy(&take_bytes(key, is_last)).into_owned()),
            Kind::Blob => Value::Blob(take_bytes(key, is_last)),
        }
    }
}

const SIGN: u64 = 1 << 63;

/// Bits that are in the order of the numbers. No NaN gets here; 0.0 and -0.0 are one key, as in SQLite.
fn real_bits(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits(); // -0.0 + 0.0 is 0.0
    if bits & SIGN != 0 { !bits } else { bits ^ SIGN }
}

fn real_of_bits(bits: u64) -> f64 {
    f64::from_bits(if bits & SIGN != 0 { bits ^ SIGN } else { !bits })
}

fn push_escaped(mut bytes: &[u8], out: &mut Vec<u8>) {
    while let Some(zero) = bytes.iter().position(|&byte| byte == 0) {
        out.extend_from_slice(&bytes[..=zero]);
        out.push(ESCAPED);
        bytes = &bytes[zero + 1..];
    }
    out.extend_from_slice(bytes);
    out.extend([0, 0]);
}

fn take_byte(key: &mut &[u8]) -> u8 {
    let byte = key[0];
    *key = &key[1..];
    byte
}

fn take_number(key: &mut &[u8]) -> u64 {
    let (bytes, rest) = key.split_at(8);
    *key = rest;
    u64::from_be_bytes(bytes.try_into().expect("8 bytes"))
}

fn take_bytes(key: &mut &[u8], is_last: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    if is_last {
        bytes.extend_from_slice(key);
        *key = &[];
        return bytes;
    }
    loop {
        let zero = key.iter().position(|&byte| byte == 0).expect("it has an end");
        bytes.extend_from_slice(&key[..zero]);
        let is_end = key[zero + 1] != ESCAPED;
        *key = &key[zero + 2..];
        if is_end {
            return bytes;
        }
        bytes.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(layout: &KeyLayout, values: &[ValueRef<'_>]) -> Vec<u8> {
        let mut key = Vec::new();
        layout.push(values.iter().copied(), &mut key);
        key
    }

    #[test]
    fn keys_are_in_the_order_of_their_values_and_hold_them() {
        let layout =
            KeyLayout::new([(Kind::Blob, true), (Kind::Real, false), (Kind::Integer, false), (Kind::Text, true)]);
        let blobs: [Option<&[u8]>; 7] =
            [None, Some(b""), Some(b"\0"), Some(b"\0\0"), Some(b"\0\xff"), Some(b"a"), Some(b"a\0")];
        let reals = [f64::NEG_INFINITY, -1e300, -0.5, 0.0, 5e-324, 1.0, f64::INFINITY];
        let numbers = [i64::MIN, -1, 0, 1, i64::MAX];
        let texts: [Option<&str>; 4] = [None, Some(""), Some("\0"), Some("é")];
        let mut last: Option<Vec<u8>> = None;
        for blob in blobs {
            for real in reals {
                for number in numbers {
                    for text in texts {
                        let values = [
                            blob.map_or(ValueRef::Null, ValueRef::Blob),
                            ValueRef::Real(real),
                            ValueRef::Integer(number),
                            text.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes())),
                        ];
                        let key = key(&layout, &values);
                        let expected = [
                            blob.map_or(Value::Null, |blob| Value::Blob(blob.to_vec())),
                            Value::Real(real),
                            Value::Integer(number),
                            text.map_or(Value::Null, |text| Value::Text(text.to_owned())),
                        ];
                        assert_eq!(layout.values(&key), expected);
                        assert!(last.is_none_or(|last| last < key), "{expected:?}");
                        last = Some(key);
                    }
                }
            }
        }
        assert_eq!(real_bits(-0.0), real_bits(0.0));
    }

    #[test]
    fn the_first_columns_are_told_apart_from_the_others() {
        let layout = KeyLayout::new([(Kind::Text, true), (Kind::Boolean, true), (Kind::Text, false)]);
        let text = ValueRef::Text;
        let whole = key(&layout, &[text(b"a\0b"), ValueRef::Integer(1), text(b"key")]);
        assert_eq!(layout.present_prefix(&whole, 2), Some(whole.len() - 3));
        let missing = key(&layout, &[text(b"a"), ValueRef::Null, text(b"key")]);
        assert_eq!((layout.present_prefix(&missing, 2), layout.present_prefix(&missing, 1)), (None, Some(4)));
    }
}
