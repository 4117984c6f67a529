//! **Chunks**: a list that grows without moving what it holds, and without room for twice as much.

use std::ops::{Index, IndexMut};

/// How many values a chunk holds.
const LENGTH: usize = 1 << 10;

/// Values by number. The first chunk grows up to its length, the others have it from the beginning.
pub(super) struct Chunks<T>(Vec<Vec<T>>);

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Chunks(Vec::new())
    }
}

impl<T> Chunks<T> {
    pub(super) fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * LENGTH + last.len())
    }

    pub(super) fn push(&mut self, value: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < LENGTH => last.push(value),
            last => {
                let mut chunk = Vec::with_capacity(if last.is_some() { LENGTH } else { 0 });
                chunk.push(value);
                self.0.push(chunk);
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().flatten()
    }

    /// Keeps the values with these numbers, in their order. Each chunk is freed as soon as it was gone through.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        for (number, value) in std::mem::take(&mut self.0).into_iter().flatten().enumerate() {
            if keep(number) {
                self.push(value);
            }
        }
    }
}

impl<T> Index<usize> for Chunks<T> {
    type Output = T;
    #[inline]
    fn index(&self, number: usize) -> &T {
        &self.0[number / LENGTH][number % LENGTH]
    }
}

impl<T> IndexMut<usize> for Chunks<T> {
    #[inline]
    fn index_mut(&mut self, number: usize) -> &mut T {
        &mut self.0[number / LENGTH][number % LENGTH]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_numbers_and_those_that_stay_their_order() {
        let mut chunks = Chunks::default();
        for number in 0..5_000 {
            assert_eq!(chunks.len(), number);
            chunks.push(number);
        }
        assert!((0..5_000).all(|number| chunks[number] == number));
        chunks[4_999] = 1;
        chunks.iter_mut().for_each(|value| *value += 1);
        chunks.retain(|number| number % 3 == 1);
        assert_eq!(chunks.len(), 1_667);
        assert_eq!((chunks[0], chunks[1_665], chunks[1_666]), (2, 4_997, 2));
        assert_eq!(chunks.iter().count(), 1_667);
        let room: usize = chunks.0.iter().map(Vec::capacity).sum();
        assert!(room <= 2 * LENGTH, "room for {room}");
        chunks.retain(|_| false);
        assert_eq!(chunks.len(), 0);
    }
}
