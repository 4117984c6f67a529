//! A **sorter** brings entries into key order.
//!
//! They are sorted by the first 16 bytes of each key after those that all have in common, so that comparing two rarely
//! touches the keys, which lie far apart. Entries that come in order are not sorted at all.

use std::ops::Range;

use super::entry::Entry;
use super::piece::{Hasher, Piece, PieceBuilder};

/// Entries in any order.
#[derive(Debug)]
pub struct Sorter {
    bytes: Vec<u8>,
    entries: usize,
    last_key: Range<usize>,
    is_sorted: bool,
}

impl Default for Sorter {
    fn default() -> Sorter {
        Sorter { bytes: Vec::new(), entries: 0, last_key: 0..0, is_sorted: true }
    }
}

/// A key that came twice, and whether it was deleted each time.
#[derive(Debug)]
pub struct Twice {
    pub key: Vec<u8>,
    pub is_deleted: [bool; 2],
}

/// An entry to be sorted.
struct SortEntry {
    /// Some bytes of the key, in its order.
    head: [u64; 2],
    at: usize,
}

impl Sorter {
    /// How many bytes of entries it has.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Adds an entry; without a record it says that the row was deleted.
    pub fn push(&mut self, key: &[u8], record: Option<&[u8]>) {
        self.is_sorted &= self.entries == 0 || self.bytes[self.last_key.clone()] < *key;
        Entry::push(key, record, &mut self.bytes);
        let end = self.bytes.len() - record.map_or(0, <[u8]>::len);
        self.last_key = end - key.len()..end;
        self.entries += 1;
    }

    /// All entries in order, with a filter if there is a hasher; nothing when there are none. Refuses a key that came
    /// twice.
    pub fn finish(self, hasher: Option<&Hasher>) -> Result<Option<Piece>, Twice> {
        let mut builder = PieceBuilder::new(self.bytes.len(), hasher);
        let push = |builder: &mut PieceBuilder<'_>, entry: &Entry| {
            let record = (!entry.is_deleted).then(|| &self.bytes[entry.record.clone()]);
            builder.push(&self.bytes[entry.key.clone()], record);
        };
        if self.is_sorted {
            self.entries().for_each(|(_, entry)| push(&mut builder, &entry));
            return Ok(builder.finish());
        }
        let mut last: Option<Entry> = None;
        for sort_entry in self.sort_entries() {
            let entry = Entry::read(&self.bytes, sort_entry.at);
            if let Some(last) = last
                && self.bytes[last.key.clone()] == self.bytes[entry.key.clone()]
            {
                let key = self.bytes[entry.key].to_vec();
                return Err(Twice { key, is_deleted: [last.is_deleted, entry.is_deleted] });
            }
            push(&mut builder, &entry);
            last = Some(entry);
        }
        Ok(builder.finish())
    }

    fn sort_entries(&self) -> Vec<SortEntry> {
        let common = self.common();
        let head = |key: &[u8]| {
            let mut head = [0; 16];
            let rest = &key[common..key.len().min(common + 16)];
            head[..rest.len()].copy_from_slice(rest);
            let number = |at: usize| u64::from_be_bytes(head[at..at + 8].try_into().expect("8 bytes"));
            [number(0), number(8)]
        };
        let mut sort_entries = Vec::with_capacity(self.entries);
        sort_entries.extend(self.entries().map(|(at, entry)| SortEntry { head: head(&self.bytes[entry.key]), at }));
        let key = |sort_entry: &SortEntry| &self.bytes[Entry::read(&self.bytes, sort_entry.at).key];
        sort_entries.sort_unstable_by(|a, b| a.head.cmp(&b.head).then_with(|| key(a).cmp(key(b))));
        sort_entries
    }

    /// How many bytes all keys begin with.
    fn common(&self) -> usize {
        let mut entries = self.entries().map(|(_, entry)| &self.bytes[entry.key]);
        let Some(mut common) = entries.next() else { return 0 };
        for key in entries {
            if !key.starts_with(common) {
                let length = common.iter().zip(key).take_while(|(a, b)| a == b).count();
                common = &common[..length];
            }
        }
        common.len()
    }

    /// Entries as they came, with their sort_entries.
    fn entries(&self) -> impl Iterator<Item = (usize, Entry)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let entry = (at < self.bytes.len()).then(|| (at, Entry::read(&self.bytes, at)))?;
            at = entry.1.record.end;
            Some(entry)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(keys: &[&[u8]]) -> Result<Vec<Vec<u8>>, Twice> {
        let mut sorter = Sorter::default();
        keys.iter().for_each(|key| sorter.push(key, Some(b"record")));
        let piece = sorter.finish(None)?.expect("there are entries");
        let (bytes, mut at, mut keys) = (piece.in_memory().unwrap(), 0, Vec::new());
        while at < bytes.len() {
            let entry = Entry::read(bytes, at);
            at = entry.record.end;
            keys.push(bytes[entry.key].to_vec());
        }
        Ok(keys)
    }

    #[test]
    fn entries_come_out_in_the_order_of_their_keys() {
        let all: Vec<Vec<u8>> = (0..2_000u32)
            .map(|number| {
                format!("account-{}{}", "0".repeat(number as usize % 23), number * 7_919 % 2_000).into_bytes()
            })
            .collect();
        let mut expected = all.clone();
        expected.sort();
        assert_eq!(sorted(&all.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap(), expected);
        // Zeros at the end are not the same as nothing.
        assert_eq!(sorted(&[b"a\0\0", b"a", b"a\0"]).unwrap(), [&b"a"[..], b"a\0", b"a\0\0"]);
        assert!(Sorter::default().finish(None).unwrap().is_none());
    }

    #[test]
    fn a_key_that_comes_twice_is_refused() {
        let mut sorter = Sorter::default();
        sorter.push(b"b", Some(b"record"));
        sorter.push(b"a", None);
        sorter.push(b"b", None);
        let twice = sorter.finish(None).unwrap_err();
        assert_eq!(twice.key, b"b");
        assert!(twice.is_deleted.contains(&true) && twice.is_deleted.contains(&false));
    }
}
