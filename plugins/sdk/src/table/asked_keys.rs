//! **Asked keys**: keys that a projection asked a table for and that have no row.
//!
//! When several instances fill a read model at the same time, each from a partition of the events, every one of them
//! opens it as empty: a key of another partition counts as absent. Absent keys that were read, or came and went, are
//! therefore flushed as deletes, so that the host notices a row that two partitions depend on.

use super::index::Index;
use super::is_storable;
use crate::key::Key;
use crate::row::Row;

/// The absent keys since the last flush, each once.
pub(super) struct AskedKeys<R: Row> {
    /// Whether the host wants to know.
    is_on: bool,
    keys: Vec<(u64, R::Key)>,
    by_hash: Index,
    bytes: u64,
}

impl<R: Row> Default for AskedKeys<R> {
    fn default() -> Self {
        AskedKeys { is_on: false, keys: Vec::new(), by_hash: Index::default(), bytes: 0 }
    }
}

impl<R: Row> AskedKeys<R> {
    pub(super) fn new(is_on: bool) -> Self {
        AskedKeys { is_on, ..Self::default() }
    }

    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// About how much memory they take.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds the key of a row that is not there.
    #[cold]
    pub(super) fn add(&mut self, row: &R, hash: u64) {
        let AskedKeys { keys, by_hash, .. } = self;
        let key = row.key();
        let is_same = |index: u32| {
            let (known_hash, known) = &keys[index as usize];
            *known_hash == hash && R::Key::same(known.view(), key)
        };
        if by_hash.find(hash, is_same).is_some() || !is_storable(row) {
            return;
        }
        by_hash.insert(hash, keys.len() as u32);
        keys.push((hash, R::Key::own(key)));
        // Twice, since a vector that just grew has as much room again.
        self.bytes += 2 * (size_of::<(u64, R::Key)>() + size_of::<u64>()) as u64 + row.heap() as u64;
    }

    /// Takes all keys out, with their hashes.
    pub(super) fn take(&mut self) -> Vec<(u64, R::Key)> {
        (self.by_hash, self.bytes) = (Index::default(), 0);
        std::mem::take(&mut self.keys)
    }
}
