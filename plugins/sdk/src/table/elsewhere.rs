//! **Elsewhere**: which rows are in the read model and not held in memory, as far as that is known, so that a key which
//! is new need not be looked up.

use hashbrown::HashTable;

/// The hashes of the keys of those rows; two keys may share one, which costs a lookup.
#[derive(Default)]
pub(super) enum Elsewhere {
    /// Any row may be there.
    #[default]
    Unknown,
    /// These alone.
    Only(HashTable<u64>),
}

impl Elsewhere {
    /// Of a read model without rows, or of one with any.
    pub(super) fn of(empty: bool) -> Elsewhere {
        if empty { Elsewhere::Only(HashTable::new()) } else { Elsewhere::Unknown }
    }

    pub(super) fn is_known(&self) -> bool {
        matches!(self, Elsewhere::Only(_))
    }

    /// Whether a row whose key has this hash may be there.
    #[inline]
    pub(super) fn may_have(&self, hash: u64) -> bool {
        match self {
            Elsewhere::Unknown => true,
            Elsewhere::Only(hashes) => hashes.find(hash, |&known| known == hash).is_some(),
        }
    }

    /// Takes note of a row that is let go. Past `most` of them nothing is known any more.
    pub(super) fn add(&mut self, hash: u64, most: u64) {
        let Elsewhere::Only(hashes) = self else { return };
        if hashes.find(hash, |&known| known == hash).is_some() {
            return;
        }
        if hashes.len() as u64 >= most {
            *self = Elsewhere::Unknown;
        } else {
            hashes.insert_unique(hash, hash, |&hash| hash);
        }
    }
}
