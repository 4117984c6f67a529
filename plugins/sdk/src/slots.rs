//! **Slots** lead from a dictionary key straight to a row, without hashing.

use crate::dictionary::Symbol;

/// No row is known for the key.
const NONE: u32 = u32::MAX;

/// For each dictionary, the row of each key as far as it is known.
#[derive(Default)]
pub(crate) struct Slots(Vec<Slot>);

#[derive(Default)]
struct Slot {
    /// The dictionary's epoch that the keys belong to; 0 = none.
    epoch: u32,
    rows: Vec<u32>,
}

impl Slots {
    /// The row of a key.
    #[inline]
    pub(crate) fn get(&self, symbol: Symbol) -> Option<usize> {
        let slot = self.0.get(symbol.place as usize)?;
        if slot.epoch != symbol.epoch {
            return None;
        }
        let row = *slot.rows.get(symbol.key as usize)?;
        (row != NONE).then_some(row as usize)
    }

    /// Remembers the row of a key.
    #[cold]
    pub(crate) fn set(&mut self, symbol: Symbol, row: usize) {
        let place = symbol.place as usize;
        if self.0.len() <= place {
            self.0.resize_with(place + 1, Slot::default);
        }
        let slot = &mut self.0[place];
        if slot.epoch != symbol.epoch {
            slot.epoch = symbol.epoch;
            slot.rows.clear();
        }
        let key = symbol.key as usize;
        if slot.rows.len() <= key {
            slot.rows.resize(key + 1, NONE);
        }
        slot.rows[key] = row as u32;
    }

    /// Forgets all rows, when they have moved.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
