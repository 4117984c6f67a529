//! **Trimming** a table: what its rows weigh, and which unchanged ones stay in memory. Rows that wait for a flush
//! always do.

use super::index::Index;
use super::{Held, Table};
use crate::row::Row;

/// A row that is let go leaves a hash, for which a table has up to 20 bytes. There may be so many that they take a third
/// of the budget, beside it.
const ELSEWHERE_WEIGHT: u64 = 64;

/// About how much memory a row takes here. Its place counts twice, since a vector that just grew has as much room again.
pub(super) fn weight<R: Row>(row: &R) -> u32 {
    let place = size_of::<R>() + size_of::<Held>() + size_of::<u32>() + size_of::<u64>();
    (place * 2 + row.heap()).try_into().unwrap_or(u32::MAX)
}

impl<R: Row> Table<R> {
    /// Counts a dirty row's bytes anew.
    pub(super) fn weigh(&mut self, index: usize) {
        let held = &mut self.held[index];
        let bytes = weight(&self.rows[index]);
        self.bytes = self.bytes - u64::from(held.bytes) + u64::from(bytes);
        self.dirty_bytes = self.dirty_bytes - u64::from(held.bytes) + u64::from(bytes);
        held.bytes = bytes;
    }

    /// Counts the bytes of rows that may have grown; they are marked as reached again when they are.
    pub(super) fn weigh_reached(&mut self) {
        for index in std::mem::take(&mut self.reached) {
            self.weigh(index as usize);
        }
        if R::GROWS {
            self.next_mark();
        }
    }

    /// Lets go of the rows that came and went since the last flush, once they are most of those that are held: what a
    /// projection keeps for a while only, to find it again, neither fills its memory nor crosses.
    pub(super) fn forget_gone(&mut self) {
        if self.gone > self.held.len() / 2 {
            self.forget();
        }
    }

    #[cold]
    fn forget(&mut self) {
        self.gone = 0;
        if self.asked.is_on() {
            for index in 0..self.held.len() {
                let Held { hash, dirty, live, stored, .. } = self.held[index];
                if dirty && !live && !stored {
                    self.asked.add(&self.rows[index], hash);
                }
            }
        }
        let Table { dirty, held, dirty_bytes, .. } = self;
        dirty.retain(|&index| {
            let held = &mut held[index as usize];
            held.dirty = held.live || held.stored;
            *dirty_bytes -= if held.dirty { 0 } else { u64::from(held.bytes) };
            held.dirty
        });
        self.keep(&|held| held.live || held.stored);
    }

    /// Keeps what the budget allows of the rows that did not change: all; else, where it is known which rows are
    /// elsewhere, those that are there; else those of them that were reached last.
    pub(super) fn trim(&mut self) {
        if self.bytes - self.dirty_bytes > self.opening.cache_bytes {
            self.make_room();
        }
    }

    #[cold]
    fn make_room(&mut self) {
        let budget = self.opening.cache_bytes;
        // To be worth the walk, this has to make room for a while.
        let most = budget / 4 * 3;
        // Then it is also known, without holding them, that rows are nowhere.
        let is_known = self.elsewhere.is_known();
        if is_known && self.clean_bytes(&|held| held.live) <= most {
            return self.keep(&|held| held.live);
        }
        // The first batch since which no more were reached than there is room for.
        let (mut since, mut end) = (0, self.batches + 1);
        while since < end {
            let middle = since + (end - since) / 2;
            match self.clean_bytes(&|held| held.reached >= middle && (held.live || !is_known)) <= most {
                true => end = middle,
                false => since = middle + 1,
            }
        }
        let stays = |held: &Held| held.reached >= since && (held.live || !is_known);
        for held in self.held.iter().filter(|held| !held.dirty && held.live && !stays(held)) {
            self.elsewhere.add(held.hash, budget / ELSEWHERE_WEIGHT);
        }
        self.keep(&stays);
    }

    #[inline(never)]
    fn clean_bytes(&self, counts: &dyn Fn(&Held) -> bool) -> u64 {
        self.held.iter().filter(|held| !held.dirty && counts(held)).map(|held| u64::from(held.bytes)).sum()
    }

    /// Lets go of the unchanged rows that `keep` does not name.
    #[inline(never)]
    fn keep(&mut self, keep: &dyn Fn(&Held) -> bool) {
        let stays = |held: &Held| held.dirty || keep(held);
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
        let mut held = self.held.iter();
        self.rows.retain(|_| held.next().is_some_and(stays));
        self.rows.shrink_to(self.rows.len() * 2);
        self.held.retain(stays);
        self.held.shrink_to(self.held.len() * 2);
        self.bytes = self.held.iter().map(|held| u64::from(held.bytes)).sum();
        self.slots.clear();
        self.by_key = Index::default();
        for (index, held) in self.held.iter().enumerate() {
            self.by_key.insert(held.hash, index as u32);
        }
    }
}
