//! **Trimming** a table: which unchanged rows stay in memory. Rows that wait for a flush always do.

use super::{Held, Table};
use crate::row::Row;

impl<R: Row> Table<R> {
    /// Keeps what the budget allows of the rows that did not change: all; else, of a complete table, those that are
    /// there; else those that were reached since the last flush; else none.
    pub(super) fn trim(&mut self) {
        let budget = self.opening.cache_bytes;
        if self.bytes - self.dirty_bytes <= budget {
            return;
        }
        // A complete table knows without holding them that rows are nowhere. To be worth the walk, this has to make
        // room for a while.
        if self.complete && self.clean_bytes(|held| held.live) <= budget / 4 * 3 {
            return self.keep(|held| held.live);
        }
        let flushes = self.flushes;
        let fits = self.clean_bytes(|held| held.reached == flushes) <= budget;
        self.complete = false;
        self.keep(|held| fits && held.reached == flushes);
    }

    fn clean_bytes(&self, counts: impl Fn(&Held<R>) -> bool) -> u64 {
        self.held.iter().filter(|held| !held.dirty && counts(held)).map(|held| u64::from(held.bytes)).sum()
    }

    /// Lets go of the unchanged rows that `keep` does not name.
    fn keep(&mut self, keep: impl Fn(&Held<R>) -> bool) {
        let stays = |held: &Held<R>| held.dirty || keep(held);
        if !self.dirty.is_empty() {
            let mut next = 0;
            let place = |held| {
                let place = next;
                next += u32::from(stays(held));
                place
            };
            let places: Vec<u32> = self.held.iter().map(place).collect();
            self.dirty.iter_mut().for_each(|index| *index = places[*index as usize]);
        }
        self.held.retain(stays);
        self.held.shrink_to(self.held.len() * 2);
        self.bytes = self.held.iter().map(|held| u64::from(held.bytes)).sum();
        self.slots.clear();
        self.by_key.clear();
        self.by_key.shrink_to(self.held.len() * 2, |&index| self.held[index as usize].hash);
        for (index, held) in self.held.iter().enumerate() {
            self.by_key.insert_unique(held.hash, index as u32, |&index| self.held[index as usize].hash);
        }
    }
}
