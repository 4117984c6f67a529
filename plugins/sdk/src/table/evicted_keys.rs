//! **Elsewhere**: which rows are in the read model and not held in memory, as far as that is known, so that a key which
//! is new need not be looked up.

use super::index::Index;

/// The hashes of the keys of those rows, each with its high half as its number; two keys may share one, which costs a
/// lookup.
#[derive(Default)]
pub(super) enum Elsewhere {
    /// Any row may be there.
    #[default]
    Unknown,
    /// These alone.
    Only(Index),
}

impl Elsewhere {
    /// Of a read model without rows, or of one with any.
    pub(super) fn of(empty: bool) -> Elsewhere {
        if empty { Elsewhere::Only(Index::default()) } else { Elsewhere::Unknown }
    }

    pub(super) fn is_known(&self) -> bool {
        matches!(self, Elsewhere::Only(_))
    }

    /// Whether a row whose key has this hash may be there.
    #[inline]
    pub(super) fn may_have(&self, hash: u64) -> bool {
        match self {
            Elsewhere::Unknown => true,
            Elsewhere::Only(hashes) => has(hashes, hash),
        }
    }

    /// Takes note of a row that is let go. Past `most` of them nothing is known any more.
    pub(super) fn add(&mut self, hash: u64, most: u64) {
        let Elsewhere::Only(hashes) = self else { return };
        if has(hashes, hash) {
            return;
        }
        if hashes.len() as u64 >= most {
            *self = Elsewhere::Unknown;
        } else {
            hashes.insert(hash, high_half(hash));
        }
    }
}

fn has(hashes: &Index, hash: u64) -> bool {
    hashes.find(hash, |high| high == high_half(hash)).is_some()
}

/// The largest number is no number of an index; sharing the one below it costs a lookup in four thousand million.
fn high_half(hash: u64) -> u32 {
    ((hash >> 32) as u32).min(u32::MAX - 1)
}
