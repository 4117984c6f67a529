//! **Trimming** a table: what its rows weigh, and which unchanged ones stay in memory. Rows that wait for a flush
//! always do.

use super::Table;
use super::held::{DIRTY, Held, LIVE, REACHED, STORED};
use crate::row::Row;

/// A row that is let go leaves a hash, for which a table has up to 13 bytes. There may be so many that they take a fifth
/// of the budget, beside it.
const ELSEWHERE_WEIGHT: u64 = 64;

/// What each row takes besides itself: what is known of it, its place in the index (up to 13 bytes) and among those that
/// wait for a flush (up to 5).
const BESIDE: usize = size_of::<Held>() + 13 + 5;

/// About how much memory a row takes here.
pub(super) fn weight<R: Row>(row: &R) -> u32 {
    let beside = BESIDE + if R::GROWS { size_of::<u32>() } else { 0 };
    (size_of::<R>() + beside + row.heap()).try_into().unwrap_or(u32::MAX)
}

impl<R: Row> Table<R> {
    /// What the row was counted with.
    pub(super) fn weight_at(&self, index: usize) -> u64 {
        (if R::GROWS { self.weights[index] } else { weight(&self.rows[index]) }).into()
    }

    /// The weight of the rows that did not change.
    pub(super) fn clean_bytes(&self) -> u64 {
        self.bytes.saturating_sub(self.dirty_bytes)
    }

    /// Counts a dirty row anew that was counted with so many bytes.
    pub(super) fn weigh(&mut self, index: usize, before: u64) {
        let now = weight(&self.rows[index]);
        for bytes in [&mut self.bytes, &mut self.dirty_bytes] {
            *bytes = bytes.saturating_sub(before) + u64::from(now);
        }
        if R::GROWS {
            self.weights[index] = now;
        }
    }

    /// Counts the bytes of rows that may have grown; they are marked as reached again when they are.
    pub(super) fn weigh_reached(&mut self) {
        for index in std::mem::take(&mut self.reached) {
            let index = index as usize;
            self.held[index].set(REACHED, false);
            self.weigh(index, self.weight_at(index));
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
        let dirty = std::mem::take(&mut self.dirty);
        for index in dirty {
            let place = index as usize;
            if self.held[place].is(LIVE | STORED) {
                self.dirty.push(index);
                continue;
            }
            self.held[place].set(DIRTY, false);
            self.dirty_bytes = self.dirty_bytes.saturating_sub(self.weight_at(place));
            if self.asked.is_on() {
                let row = &self.rows[place];
                self.asked.add(row, self.hash(row.key()));
            }
        }
        self.keep(&|held| held.is(LIVE | STORED));
    }

    /// Keeps what the budget allows of the rows that did not change: all; else, where it is known which rows are
    /// elsewhere, those that are there; else those of them that were reached last.
    pub(super) fn trim(&mut self) {
        if self.clean_bytes() > self.opening.cache_bytes {
            self.make_room(self.opening.cache_bytes);
        }
    }

    #[cold]
    pub(super) fn make_room(&mut self, budget: u64) {
        // To be worth the walk, this has to make room for a while.
        let most = budget / 4 * 3;
        // Then it is also known, without holding them, that rows are nowhere.
        let is_known = self.elsewhere.is_known();
        if is_known && self.weight_of_clean(&|held| held.is(LIVE)) <= most {
            return self.keep(&|held| held.is(LIVE));
        }
        // The first batch since which no more were reached than there is room for.
        let (mut since, mut end) = (0, self.batches + 1);
        while since < end {
            let middle = since + (end - since) / 2;
            match self.weight_of_clean(&|held| held.batch() >= middle && (held.is(LIVE) || !is_known)) <= most {
                true => end = middle,
                false => since = middle + 1,
            }
        }
        let stays = |held: Held| held.batch() >= since && (held.is(LIVE) || !is_known);
        for (held, row) in self.held.iter().zip(self.rows.iter()) {
            if held.is(LIVE) && !held.is(DIRTY) && !stays(*held) && self.elsewhere.is_known() {
                let hash = self.hash(row.key());
                self.elsewhere.add(hash, self.opening.cache_bytes / ELSEWHERE_WEIGHT);
            }
        }
        self.keep(&stays);
    }

    #[inline(never)]
    fn weight_of_clean(&self, counts: &dyn Fn(Held) -> bool) -> u64 {
        let held = self.held.iter().enumerate().filter(|(_, held)| !held.is(DIRTY) && counts(**held));
        held.map(|(index, _)| self.weight_at(index)).sum()
    }

    /// Lets go of the unchanged rows that `keep` does not name.
    #[inline(never)]
    fn keep(&mut self, keep: &dyn Fn(Held) -> bool) {
        const NONE: u32 = u32::MAX;
        let (mut next, mut places) = (0, Vec::with_capacity(self.held.len()));
        for &held in self.held.iter() {
            let stays = held.is(DIRTY) || keep(held);
            places.push(if stays { next } else { NONE });
            next += u32::from(stays);
        }
        self.dirty.iter_mut().for_each(|index| *index = places[*index as usize]);
        self.by_key = self.by_key.renumbered(|index| Some(places[index as usize]).filter(|&place| place != NONE));
        self.rows.retain(|index| places[index] != NONE);
        self.held.retain(|index| places[index] != NONE);
        if R::GROWS {
            self.weights.retain(|index| places[index] != NONE);
        }
        self.bytes = (0..self.held.len()).map(|index| self.weight_at(index)).sum();
        self.slots.clear();
    }
}
