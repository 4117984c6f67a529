//! A **dictionary** of the strings of one field, kept from batch to batch as long as it pays.
//!
//! Guests fold rows keyed by a symbol several times faster than rows keyed by text, which is worth a hash lookup a
//! value here. It does not pay for strings that hardly ever come again (notes, ids), so a dictionary that is mostly
//! new strings is given up, and one that is full starts anew.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::strings::Strings;
use crate::event::{Symbols, Text};

/// Longer strings are no symbols.
const STRING_BYTES_MAX: usize = 256;
const STRINGS_MAX: usize = 65_536;
const BYTES_MAX: usize = 4 << 20;
/// Values seen before a dictionary is judged for the first time, then at each doubling.
const TRIAL: u64 = 16_384;

#[derive(Default)]
pub(in crate::history) struct Dictionary {
    table: HashTable<u32>,
    hasher: RandomState,
    values: Strings,
    /// How many values the guest has.
    sent: usize,
    /// Values looked up since the dictionary was started.
    seen: u64,
    state: State,
}

#[derive(Default, PartialEq)]
enum State {
    #[default]
    Useful,
    /// Takes nothing until the batch ends.
    Full,
    GivenUp,
}

impl Dictionary {
    /// The key of `string`; none when the column should be plain text.
    #[inline]
    pub fn key(&mut self, string: &str) -> Option<u32> {
        if self.state != State::Useful {
            return None;
        }
        if string.len() > STRING_BYTES_MAX {
            self.state = State::GivenUp;
            return None;
        }
        self.seen += 1;
        let hash = self.hasher.hash_one(string.as_bytes());
        let values = &self.values;
        if let Some(&key) = self.table.find(hash, |&key| values.is(key as usize, string)) {
            return Some(key);
        }
        self.add(hash, string)
    }

    #[cold]
    fn add(&mut self, hash: u64, string: &str) -> Option<u32> {
        let distinct = self.values.len();
        if distinct == STRINGS_MAX || self.values.bytes() + string.len() > BYTES_MAX {
            self.state = if self.seen < 4 * distinct as u64 { State::GivenUp } else { State::Full };
            return None;
        }
        if self.seen >= TRIAL && 4 * distinct as u64 > 3 * self.seen {
            self.state = State::GivenUp;
            return None;
        }
        // Below STRINGS_MAX.
        let key = distinct as u32;
        self.values.push(string);
        let Dictionary { table, hasher, values, .. } = self;
        table.insert_unique(hash, key, |&key| hasher.hash_one(values.get(key as usize).as_bytes()));
        Some(key)
    }

    /// The string of a key.
    pub fn get(&self, key: u32) -> &str {
        self.values.get(key as usize)
    }

    /// The column of these keys, with what the guest does not have yet.
    pub fn send(&mut self, keys: Vec<u32>) -> Symbols {
        let first = self.sent;
        let added = if first == self.values.len() { Text::default() } else { self.values.since(first) };
        self.sent = self.values.len();
        Symbols { first: first as u32, added, keys: keys.into() }
    }

    /// Called when a batch ends, after what it had of this dictionary was sent.
    pub fn end_batch(&mut self) {
        match self.state {
            State::Useful => {}
            State::Full => *self = Dictionary::default(),
            State::GivenUp => *self = Dictionary { state: State::GivenUp, ..Dictionary::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_that_never_come_again_are_given_up() {
        let mut dictionary = Dictionary::default();
        let kept = (0..100_000).take_while(|n| dictionary.key(&format!("note {n}")).is_some()).count();
        assert!(kept <= TRIAL as usize, "{kept}");
        dictionary.end_batch();
        assert_eq!(dictionary.key("note 0"), None);
    }

    #[test]
    fn ten_thousand_accounts_are_kept() {
        let mut dictionary = Dictionary::default();
        let mut random = 1u64;
        for _ in 0..1_000_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            assert!(dictionary.key(&format!("acct-{:06}", (random >> 33) % 10_000)).is_some());
        }
        assert_eq!(dictionary.values.len(), 10_000);
    }

    #[test]
    fn a_full_dictionary_starts_anew_with_the_next_batch() {
        let mut dictionary = Dictionary::default();
        for n in 0..STRINGS_MAX {
            let string = n.to_string();
            assert!((0..5).all(|_| dictionary.key(&string) == Some(n as u32)));
        }
        assert_eq!(dictionary.key("one more"), None);
        assert_eq!(dictionary.send(vec![1]).added.len(), STRINGS_MAX);
        dictionary.end_batch();
        assert_eq!(dictionary.key("one more"), Some(0));
        let symbols = dictionary.send(vec![0]);
        assert_eq!((symbols.first, symbols.added.get(0)), (0, "one more"));
    }
}
