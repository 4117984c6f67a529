//! An **index** finds numbers by hash: where a row is held, by the hash of its key. Open addressing with linear probing;
//! small, since every plugin carries it and its host compiles it, and without deletion, which nobody needs.
//!
//! A hash begins its search at its own part of the way through the places, so that places stay in the order of hashes, and
//! an index that grows by a quarter at a time does so in one pass over both.

/// Numbers by hash.
#[derive(Default)]
pub(super) struct Index {
    /// The low half of the hash above, the number plus one below; 0 where a place is free.
    places: Vec<u64>,
    length: usize,
}

impl Index {
    /// The first number under this hash that is `right`. Numbers under hashes with the same low half are asked for too.
    #[inline]
    pub fn find(&self, hash: u64, mut right: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = first(hash as u32, self.places.len());
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
            at = next(at, self.places.len());
        }
        None
    }

    /// Adds a number below `u32::MAX`, which is not there yet.
    pub fn insert(&mut self, hash: u64, number: u32) {
        if self.length + 1 > self.places.len() / 5 * 4 {
            let length = (self.places.len() + self.places.len() / 4).max(10);
            for place in std::mem::replace(&mut self.places, vec![0; length]).into_iter().filter(|&place| place != 0) {
                self.put(place);
            }
        }
        self.put(hash << 32 | u64::from(number + 1));
        self.length += 1;
    }

    fn put(&mut self, place: u64) {
        let mut at = first((place >> 32) as u32, self.places.len());
        while self.places[at] != 0 {
            at = next(at, self.places.len());
        }
        self.places[at] = place;
    }

    /// The same numbers under other names; those for which there is none are left out.
    pub fn renumbered(&self, name: impl Fn(u32) -> Option<u32>) -> Index {
        let named = || {
            self.places
                .iter()
                .filter(|&&place| place != 0)
                .filter_map(|&place| Some((place >> 32, name(place as u32 - 1)?)))
        };
        let length = named().count();
        let mut index = Index { places: vec![0; (length + length / 2).max(10)], length };
        named().for_each(|(hash, number)| index.put(hash << 32 | u64::from(number + 1)));
        index
    }

    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.length
    }
}

/// Where the search for a hash begins among so many places.
#[inline]
fn first(hash: u32, places: usize) -> usize {
    ((u64::from(hash) * places as u64) >> 32) as usize
}

#[inline]
fn next(at: usize, places: usize) -> usize {
    if at + 1 == places { 0 } else { at + 1 }
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
        let half = index.renumbered(|number| (number % 2 == 0).then_some(number / 2));
        assert_eq!(half.len(), 5_000);
        for number in 0..10_000 {
            assert_eq!(index.find(hash(number), |found| found == number), Some(number));
            assert_eq!(index.find(hash(number), |found| found == number + 10_000), None);
        }
        assert!((0..5_000).all(|number| half.find(hash(number * 2), |found| found == number).is_some()));
        assert_eq!(index.find(7, |_| true), None);
        index.insert(u64::MAX, u32::MAX - 1);
        assert_eq!(index.find(u64::MAX, |_| true), Some(u32::MAX - 1));
        assert!(index.places.len() < 10_001 * 8 / 5, "{} places", index.places.len());
    }
}
