//! A **record** is a row's values as they lie in a cell: a header with the type of each, then the bytes of each.

use rusqlite::types::ValueRef;

/// A record that is being put together; used again for the next row.
#[derive(Default)]
pub struct Record {
    types: Vec<u8>,
    body: Vec<u8>,
}

impl Record {
    /// Forgets all values.
    pub fn clear(&mut self) {
        self.types.clear();
        self.body.clear();
    }

    /// Appends a value; it takes the same bytes as when SQLite stores it in a column of its kind.
    #[inline]
    pub fn push(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.types.push(0),
            ValueRef::Integer(value) => self.push_integer(value),
            ValueRef::Real(value) => match as_integer(value) {
                Some(integer) => self.push_integer(integer),
                None => {
                    self.types.push(7);
                    self.body.extend_from_slice(&value.to_bits().to_be_bytes());
                }
            },
            ValueRef::Text(bytes) => self.push_bytes(bytes, 13),
            ValueRef::Blob(bytes) => self.push_bytes(bytes, 12),
        }
    }

    fn push_integer(&mut self, value: i64) {
        let (kind, bytes) = match value {
            0 => (8, 0),
            1 => (9, 0),
            -0x80..=0x7f => (1, 1),
            -0x8000..=0x7fff => (2, 2),
            -0x80_0000..=0x7f_ffff => (3, 3),
            -0x8000_0000..=0x7fff_ffff => (4, 4),
            INTEGER_48_MIN..=INTEGER_48_MAX => (5, 6),
            _ => (6, 8),
        };
        self.types.push(kind);
        self.body.extend_from_slice(&value.to_be_bytes()[8 - bytes..]);
    }

    fn push_bytes(&mut self, bytes: &[u8], kind: u64) {
        push_varint(&mut self.types, kind + 2 * bytes.len() as u64);
        self.body.extend_from_slice(bytes);
    }

    /// Appends it to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        // The header's length counts itself. At most 512 columns and 9 bytes for each: two bytes are enough.
        let types = self.types.len();
        push_varint(out, (types + if types < 0x7f { 1 } else { 2 }) as u64);
        out.extend_from_slice(&self.types);
        out.extend_from_slice(&self.body);
    }
}

/// Gives the values of a record that was written here, with their numbers.
#[inline]
pub fn read_record<'a>(record: &'a [u8], mut visit: impl FnMut(usize, ValueRef<'a>)) {
    let (head, mut at) = read_varint(record, 0);
    let (mut body, mut number) = (head as usize, 0);
    while at < head as usize {
        let (kind, next) = read_varint(record, at);
        at = next;
        let mut integer = |bytes: usize| {
            let (value, end) = (&record[body..body + bytes], body + bytes);
            body = end;
            let fill = if value[0] & 0x80 == 0 { 0 } else { 0xff };
            let mut whole = [fill; 8];
            whole[8 - bytes..].copy_from_slice(value);
            i64::from_be_bytes(whole)
        };
        let value = match kind {
            0 => ValueRef::Null,
            1..=4 => ValueRef::Integer(integer(kind as usize)),
            5 => ValueRef::Integer(integer(6)),
            6 => ValueRef::Integer(integer(8)),
            7 => ValueRef::Real(f64::from_bits(integer(8).cast_unsigned())),
            8 | 9 => ValueRef::Integer(kind as i64 - 8),
            _ => {
                let bytes = &record[body..body + (kind as usize - 12) / 2];
                body += bytes.len();
                if kind % 2 == 1 { ValueRef::Text(bytes) } else { ValueRef::Blob(bytes) }
            }
        };
        visit(number, value);
        number += 1;
    }
}

/// A number, and where it ends.
fn read_varint(bytes: &[u8], mut at: usize) -> (u64, usize) {
    let mut value = 0;
    loop {
        let byte = bytes[at];
        at += 1;
        // Nothing here is as long as 2^56 bytes, where a ninth byte would have all its bits.
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return (value, at);
        }
    }
}

const INTEGER_48_MIN: i64 = -(1 << 47);
const INTEGER_48_MAX: i64 = (1 << 47) - 1;

/// The integer that SQLite stores for a real: where nothing is lost and it is shorter. -0.0 becomes 0.
fn as_integer(value: f64) -> Option<i64> {
    let integer = value as i64; // NaN never gets here, infinities saturate
    let is_same = value == 0.0 || (integer as f64).to_bits() == value.to_bits();
    (is_same && (INTEGER_48_MIN..=INTEGER_48_MAX).contains(&integer)).then_some(integer)
}

/// Appends a number in 1 to 9 bytes, 7 bits each, the highest first.
#[inline]
pub fn push_varint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        return out.push(value as u8);
    }
    if value >= 1 << 56 {
        // The ninth byte has all its 8 bits.
        out.extend((0..8).map(|place| (value >> (57 - 7 * place)) as u8 | 0x80));
        return out.push(value as u8);
    }
    let bytes = (64 - value.leading_zeros()).div_ceil(7);
    for place in (1..bytes).rev() {
        out.push((value >> (7 * place)) as u8 | 0x80);
    }
    out.push(value as u8 & 0x7f);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varint(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        push_varint(&mut out, value);
        out
    }

    #[test]
    fn varints_are_as_short_as_they_can_be() {
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(127), [127]);
        assert_eq!(varint(128), [0x81, 0]);
        assert_eq!(varint(16_383), [0xff, 0x7f]);
        assert_eq!(varint((1 << 56) - 1), [255, 255, 255, 255, 255, 255, 255, 127]);
        assert_eq!(varint(1 << 56), [0x80, 0xc0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0]);
        assert_eq!(varint(u64::MAX), [255; 9]);
    }

    #[test]
    fn a_header_counts_its_own_length() {
        let mut record = Record::default();
        for columns in [1, 126, 127, 128, 512] {
            record.clear();
            (0..columns).for_each(|number| record.push(ValueRef::Integer(number)));
            let mut bytes = Vec::new();
            record.write(&mut bytes);
            let (head, head_length) = match bytes[0] {
                short @ ..0x80 => (usize::from(short), 1),
                long => (usize::from(long & 0x7f) << 7 | usize::from(bytes[1]), 2),
            };
            assert_eq!(head, head_length + columns as usize, "{columns} columns");
        }
    }

    #[test]
    fn values_come_back() {
        let edges = [0i64, 1, 2, -1, 127, 128, -128, -129, 1 << 15, -(1 << 31), 1 << 31, 1 << 40, -(1 << 47), 1 << 47];
        let long = "x".repeat(40_000);
        let mut values: Vec<_> = edges.into_iter().map(ValueRef::Integer).collect();
        values.extend([i64::MIN, i64::MAX].map(ValueRef::Integer));
        values.extend([0.5, -0.5, 1e300, f64::NEG_INFINITY].map(ValueRef::Real));
        values.extend([ValueRef::Null, ValueRef::Text(b"a\0b"), ValueRef::Text(long.as_bytes()), ValueRef::Blob(b"")]);
        let (mut record, mut bytes) = (Record::default(), Vec::new());
        values.iter().for_each(|&value| record.push(value));
        record.write(&mut bytes);
        let mut read = Vec::new();
        read_record(&bytes, |number, value| {
            assert_eq!(number, read.len());
            read.push(value);
        });
        assert_eq!(read, values);
    }

    #[test]
    fn reals_are_stored_as_integers_where_nothing_is_lost() {
        assert_eq!([as_integer(-0.0), as_integer(7.0), as_integer(-1.0)], [Some(0), Some(7), Some(-1)]);
        let stay = [0.5, f64::INFINITY, f64::NEG_INFINITY, 1e300, (1u64 << 47) as f64];
        assert_eq!(stay.map(as_integer), [None; 5]);
        assert_eq!(as_integer(((1u64 << 47) - 1) as f64), Some((1 << 47) - 1));
    }
}
