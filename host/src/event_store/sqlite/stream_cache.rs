//! The **stream cache** of a writer: streams by name, with their number and last version, compactly and bounded.

use std::hash::BuildHasher;

use hashbrown::HashTable;

/// Streams that a writer has met.
pub(super) struct StreamCache {
    entries: HashTable<Entry>,
    /// The names, one after another.
    names: String,
    hasher: foldhash::fast::RandomState,
    bytes_max: usize,
}

/// A stream as the store knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    pub number: i64,
    pub last_version: u64,
}

struct Entry {
    start: u32,
    length: u32,
    stream: Stream,
}

impl StreamCache {
    /// A cache that takes about `bytes_max`, at most 1 GiB.
    pub fn new(bytes_max: usize) -> StreamCache {
        StreamCache {
            entries: HashTable::new(),
            names: String::new(),
            hasher: foldhash::fast::RandomState::default(),
            bytes_max: bytes_max.min(1 << 30),
        }
    }

    pub fn get(&self, name: &str) -> Option<Stream> {
        self.entries.find(self.hasher.hash_one(name), |entry| self.name(entry) == name).map(|entry| entry.stream)
    }

    /// Remembers a stream that it does not know yet.
    pub fn insert(&mut self, name: &str, stream: Stream) {
        let entry = Entry { start: self.names.len() as u32, length: name.len() as u32, stream };
        self.names.push_str(name);
        let (names, hasher) = (&self.names, &self.hasher);
        self.entries.insert_unique(hasher.hash_one(name), entry, |entry| hasher.hash_one(text(names, entry)));
    }

    /// Takes note of the last version of a stream, if it knows the stream.
    pub fn set_last_version(&mut self, name: &str, last_version: u64) {
        let names = &self.names;
        let is_it = |entry: &Entry| text(names, entry) == name;
        if let Some(entry) = self.entries.find_mut(self.hasher.hash_one(name), is_it) {
            entry.stream.last_version = last_version;
        }
    }

    /// Forgets everything once it is larger than allowed; whether it did.
    pub fn trim(&mut self) -> bool {
        // An eighth of the places is empty, and one byte more a place tells them apart.
        let entry_bytes = size_of::<Entry>() + size_of::<Entry>() / 8 + 1;
        let is_full = self.names.capacity() + self.entries.capacity() * entry_bytes > self.bytes_max;
        if is_full {
            self.clear();
        }
        is_full
    }

    pub fn clear(&mut self) {
        self.entries = HashTable::new();
        self.names = String::new();
    }

    fn name(&self, entry: &Entry) -> &str {
        text(&self.names, entry)
    }
}

fn text<'n>(names: &'n str, entry: &Entry) -> &'n str {
    &names[entry.start as usize..][..entry.length as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_remembers_until_it_is_full() {
        let mut cache = StreamCache::new(1 << 20);
        let stream = |number| Stream { number, last_version: number as u64 * 2 };
        for number in 0..10_000 {
            assert_eq!(cache.get(&format!("stream-{number}")), None);
            cache.insert(&format!("stream-{number}"), stream(number));
        }
        assert!(!cache.trim());
        for number in 0..10_000 {
            assert_eq!(cache.get(&format!("stream-{number}")), Some(stream(number)));
        }
        cache.set_last_version("stream-7", 99);
        cache.set_last_version("nobody", 99);
        assert_eq!(cache.get("stream-7"), Some(Stream { number: 7, last_version: 99 }));
        for number in 10_000..40_000 {
            cache.insert(&format!("stream-{number}"), stream(number));
        }
        assert!(cache.trim());
        assert_eq!(cache.get("stream-7"), None);
    }
}
