//! An **index** finds numbers by hash: where a row is held, by the hash of its key. Open addressing with linear probing;
//! small, since every plugin carries it and its host compiles it, and without deletion, which nobody needs.

/// Numbers by hash.
#[derive(Default)]
pub(super) struct Index {
    /// The low half of the hash above, the number plus one below; 0 where a place is free. A power of two of them.
    places: Vec<u64>,
    length: usize,
}

impl Index {
    /// The first number under this hash that is `right`. Numbers under hashes with the same low half are asked for too.
    #[inline]
    pub fn find(&self, hash: u64, mut right: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.places.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        // An empty index has no place at all, a full one never exists.
        while let Some(&place) = self.places.get(at)
            && place != 0
        {
            if (place >> 32) as u32 == hash as u32 {
                let number = place as u32 - 1;
                if right(number) {
                    return Some(number);
                }
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// Adds a number below `u32::MAX`, which is not there yet.
    pub fn insert(&mut self, hash: u64, number: u32) {
        if self.length >= self.places.len() / 4 * 3 {
            let room = vec![0; (self.places.len() * 2).max(8)];
            for place in std::mem::replace(&mut self.places, room).into_iter().filter(|&place| place != 0) {
                self.put((place >> 32) as usize, place);
            }
        }
        self.put(hash as usize, hash << 32 | u64::from(number + 1));
        self.length += 1;
    }

    fn put(&mut self, hash: usize, place: u64) {
        let mask = self.places.len() - 1;
        let mut at = hash & mask;
        while self.places[at] != 0 {
            at = (at + 1) & mask;
        }
        self.places[at] = place;
    }

    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_hash_and_only_those() {
        let mut index = Index::default();
        assert_eq!(index.find(0, |_| true), None);
        // Many meet at the same place, and some have the whole low half in common.
        let hash = |number: u32| u64::from(number % 1_000) << 40 | u64::from(number / 100) << 3;
        (0..10_000).for_each(|number| index.insert(hash(number), number));
        assert_eq!(index.len(), 10_000);
        for number in 0..10_000 {
            assert_eq!(index.find(hash(number), |found| found == number), Some(number));
            assert_eq!(index.find(hash(number), |found| found == number + 10_000), None);
        }
        assert_eq!(index.find(7, |_| true), None);
        index.insert(u64::MAX, u32::MAX - 1);
        assert_eq!(index.find(u64::MAX, |_| true), Some(u32::MAX - 1));
    }
}
