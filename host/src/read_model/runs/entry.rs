//! An **entry** of a run: a key, and the record of its row or that the row was deleted.

use std::ops::Range;

use crate::read_model::tree::push_varint;

/// Where the parts of an entry lie in the bytes that it was read from.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub key: Range<usize>,
    pub record: Range<usize>,
    pub is_deleted: bool,
}

impl Entry {
    /// Appends an entry; without a record it says that the row was deleted.
    pub fn push(key: &[u8], record: Option<&[u8]>, out: &mut Vec<u8>) {
        push_varint(out, key.len() as u64);
        match record {
            Some(record) => push_varint(out, (record.len() as u64) << 1),
            None => push_varint(out, 1),
        }
        out.extend_from_slice(key);
        out.extend_from_slice(record.unwrap_or_default());
    }

    /// The entry that begins at `at`; it ends where its record does.
    pub fn read(bytes: &[u8], mut at: usize) -> Entry {
        let key = read_varint(bytes, &mut at) as usize;
        let record = read_varint(bytes, &mut at);
        let key = at..at + key;
        let end = key.end + (record >> 1) as usize;
        Entry { record: key.end..end, key, is_deleted: record & 1 == 1 }
    }
}

/// Reads what [`push_varint`] wrote.
fn read_varint(bytes: &[u8], at: &mut usize) -> u64 {
    let mut value = 0;
    loop {
        let byte = bytes[*at];
        *at += 1;
        // Lengths are far below 2^56, where a ninth byte would have all its bits.
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back() {
        let (long, mut bytes) = (vec![7; 20_000], Vec::new());
        let entries: [(&[u8], Option<&[u8]>); 4] =
            [(b"key", Some(b"record")), (b"", None), (&long, Some(&long)), (b"k", Some(b""))];
        entries.iter().for_each(|(key, record)| Entry::push(key, *record, &mut bytes));
        let mut at = 0;
        for (key, record) in entries {
            let entry = Entry::read(&bytes, at);
            assert_eq!((&bytes[entry.key], entry.is_deleted), (key, record.is_none()));
            at = entry.record.end;
            assert_eq!(&bytes[entry.record], record.unwrap_or_default());
        }
        assert_eq!(at, bytes.len());
    }
}
