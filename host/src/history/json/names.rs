//! Stream and type **names** as symbols: keyed by the store's own numbers, so no text is hashed.

use std::hash::Hash;

use hashbrown::HashMap;

use super::strings::Strings;
use crate::event::Symbols;

const NAMES_MAX: usize = 1_000_000;
const BYTES_MAX: usize = 64 << 20;

/// The names of one envelope part, while a batch grows. The names themselves are the guest's to keep.
pub(in crate::history) struct NameColumn<Number> {
    keys: HashMap<Number, u32, foldhash::fast::RandomState>,
    bytes: usize,
    sent: usize,
    added: Strings,
    rows: Vec<u32>,
}

impl<Number> Default for NameColumn<Number> {
    fn default() -> Self {
        NameColumn { keys: HashMap::default(), bytes: 0, sent: 0, added: Strings::default(), rows: Vec::new() }
    }
}

impl<Number: Copy + Eq + Hash> NameColumn<Number> {
    /// Returns the bytes that the batch grew by.
    #[inline]
    pub fn push(&mut self, number: Number, name: &str) -> usize {
        if let Some(&key) = self.keys.get(&number) {
            self.rows.push(key);
            return size_of::<u32>();
        }
        // A batch adds fewer than the shredder's bound on rows to at most NAMES_MAX.
        let key = self.keys.len() as u32;
        self.keys.insert(number, key);
        self.bytes += name.len();
        self.added.push(name);
        self.rows.push(key);
        name.len() + 2 * size_of::<u32>()
    }

    /// The column; after it the names are kept, or forgotten when they have become too many.
    pub fn finish(&mut self) -> Symbols {
        let symbols = Symbols {
            first: self.sent as u32,
            added: std::mem::take(&mut self.added).finish(),
            keys: std::mem::take(&mut self.rows).into(),
        };
        self.sent = self.keys.len();
        if self.keys.len() > NAMES_MAX || self.bytes > BYTES_MAX {
            *self = NameColumn::default();
        }
        symbols
    }
}
