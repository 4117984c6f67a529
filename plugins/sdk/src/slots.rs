//! **Slots** lead from a dictionary key straight to a row that is ready to be changed, without hashing.

use crate::dictionary::Symbol;

/// For each dictionary, the row of each key as far as it is known.
#[derive(Default)]
pub(crate) struct Slots(Vec<Keys>);

#[derive(Default)]
struct Keys {
    /// The dictionary that the keys belong to; 0 = none.
    dictionary: u64,
    slots: Vec<Slot>,
}

/// A row that is known.
#[derive(Clone, Copy)]
pub(crate) struct Slot {
    /// Its index; beyond all rows where none is known.
    pub(crate) row: u32,
    /// The table's mark when the row was last made ready.
    pub(crate) mark: u32,
}

impl Slot {
    const UNKNOWN: Slot = Slot { row: u32::MAX, mark: 0 };

    /// The row's index, if it is known.
    pub(crate) fn known(self) -> Option<usize> {
        (self.row != u32::MAX).then_some(self.row as usize)
    }
}

impl Slots {
    /// The row of a key.
    #[inline]
    pub(crate) fn get(&self, symbol: Symbol) -> Slot {
        match self.0.get((symbol.dictionary >> 32) as usize) {
            Some(keys) if keys.dictionary == symbol.dictionary => {
                keys.slots.get(symbol.key as usize).copied().unwrap_or(Slot::UNKNOWN)
            }
            _ => Slot::UNKNOWN,
        }
    }

    /// Remembers the row of a key, if it is one.
    pub(crate) fn set(&mut self, symbol: Symbol, slot: Slot) {
        if symbol.key == Symbol::NONE.key {
            return;
        }
        let place = (symbol.dictionary >> 32) as usize;
        if self.0.len() <= place {
            self.0.resize_with(place + 1, Keys::default);
        }
        let keys = &mut self.0[place];
        if keys.dictionary != symbol.dictionary {
            keys.dictionary = symbol.dictionary;
            keys.slots.clear();
        }
        let key = symbol.key as usize;
        if keys.slots.len() <= key {
            // A quarter more at a time, since there may be a million keys.
            let more = key + 1 - keys.slots.len();
            if keys.slots.capacity() <= key {
                keys.slots.reserve_exact(more.max(keys.slots.len() / 4));
            }
            keys.slots.resize(key + 1, Slot::UNKNOWN);
        }
        keys.slots[key] = slot;
    }

    /// Forgets all rows, when they have moved.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
