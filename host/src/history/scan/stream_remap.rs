//! A **stream remap** holds the streams that a plugin instance knows, whatever segment they come from.
//!
//! Segments hold the store's number of each stream. A stream that the instance knows is found by that number, in an
//! array: its name crosses once and is hashed once, however many segments it occurs in and however many streams there
//! are. Beyond [`STREAMS_MAX`] everything starts anew with the next segment, as with other dictionaries.
//!
//! A number counts only together with the hash of the name that segments hold. Should a store have given a number twice,
//! its numbers are not used any more, and names are compared instead.

use super::dictionary_remap::{DictionaryRemap, SealedDictionary};
use super::number_table::NumberTable;
use crate::event::{Symbols, Text};
use crate::history::json::strings::Strings;
use crate::history::numbers::{InstanceKey, SealedKeys};

/// More streams are not kept for one instance, each at 12 bytes,
const STREAMS_MAX: usize = 4_000_000;
/// nor names that the instance keeps in more bytes.
const BYTES_MAX: usize = 64 << 20;

#[derive(Default)]
pub(super) struct StreamRemap {
    current: Option<SealedDictionary>,
    /// The instance's key for each of the current dictionary's; none while they are the same.
    keys: Option<Vec<Option<InstanceKey>>>,
    by_number: NumberTable,
    /// The hash of each name that the instance knows, in the order of its keys.
    hashes: Vec<u64>,
    /// The bytes of those names.
    bytes: usize,
    /// Names that the instance does not have yet, and how many it has.
    added: Strings,
    sent: usize,
    /// In use instead of all this where there are no numbers, or none to be relied on.
    by_name: Option<Box<DictionaryRemap>>,
}

/// The store gave a number to two streams.
struct NumberTwice;

impl StreamRemap {
    /// What the instance gets where there are no rows.
    pub fn nothing(&self) -> Symbols {
        match &self.by_name {
            Some(by_name) => by_name.nothing(),
            None => Symbols { first: self.sent as u32, ..Symbols::default() },
        }
    }

    /// What the instance gets for keys of `dictionary`; see [`DictionaryRemap::symbols`].
    pub fn symbols(&mut self, dictionary: &SealedDictionary, keys: &SealedKeys, rows: usize, all: bool) -> Symbols {
        if self.by_name.is_none()
            && let Some(numbers) = &dictionary.words.streams
        {
            match self.by_number(dictionary, numbers, keys, all) {
                Ok(symbols) => return symbols,
                Err(NumberTwice) => tracing::warn!("the event store gave a number to two streams; names are compared"),
            }
        }
        // A fresh one begins a new dictionary in the instance.
        let by_name = self.by_name.get_or_insert_default();
        by_name.symbols(dictionary, keys, None, rows, all)
    }

    fn by_number(
        &mut self,
        dictionary: &SealedDictionary,
        numbers: &[i64],
        keys: &SealedKeys,
        all: bool,
    ) -> Result<Symbols, NumberTwice> {
        self.enter(dictionary, all)?;
        let first = self.sent as u32;
        let words = &dictionary.words;
        let Some(mut table) = self.keys.take() else {
            let added = if self.sent == words.values.len() { Text::default() } else { words.values.clone() };
            self.sent = words.values.len();
            return Ok(Symbols { first, added, keys: keys.0.clone() });
        };
        let mut translated = Vec::with_capacity(keys.len());
        for &key in keys.iter() {
            let place = key as usize;
            let known = match table[place] {
                Some(known) => known,
                None => {
                    let known = self.learn(numbers[place], words.hashes[place], || words.values.get(place))?;
                    table[place] = Some(known);
                    known
                }
            };
            translated.push(known.0);
        }
        self.keys = Some(table);
        self.sent = self.hashes.len();
        Ok(Symbols { first, added: std::mem::take(&mut self.added).finish(), keys: translated.into() })
    }

    /// Goes on to a dictionary, unless it is the current one.
    fn enter(&mut self, dictionary: &SealedDictionary, all: bool) -> Result<(), NumberTwice> {
        if self.current.as_ref().is_some_and(|current| current.id == dictionary.id) {
            return Ok(());
        }
        let is_first = self.current.is_none();
        if let (Some(former), None) = (self.current.take(), &self.keys) {
            // The instance has taken it over as it is.
            let numbers = former.words.streams.iter().flat_map(|numbers| numbers.iter());
            for (place, (&number, &hash)) in numbers.zip(former.words.hashes.iter()).enumerate() {
                self.learn(number, hash, || former.words.values.get(place))?;
            }
            self.added = Strings::default();
        }
        if self.hashes.len() > STREAMS_MAX || self.bytes > BYTES_MAX {
            *self = StreamRemap::default();
        }
        self.current = Some(dictionary.clone());
        self.keys = (!is_first || !all).then(|| vec![None; dictionary.words.values.len()]);
        Ok(())
    }

    #[inline]
    fn learn<'w>(
        &mut self,
        number: i64,
        hash: u64,
        name: impl FnOnce() -> &'w str,
    ) -> Result<InstanceKey, NumberTwice> {
        if let Some(known) = self.by_number.get(number) {
            let is_it = self.hashes[known as usize] == hash;
            return if is_it { Ok(InstanceKey(known)) } else { Err(NumberTwice) };
        }
        let key = self.hashes.len() as u32; // bounded by STREAMS_MAX and the streams of one segment
        let name = name();
        self.by_number.set(number, key);
        self.hashes.push(hash);
        self.bytes += name.len();
        self.added.push(name);
        Ok(InstanceKey(key))
    }
}

#[cfg(test)]
mod tests {
    use twox_hash::XxHash3_64;

    use super::*;
    use crate::history::numbers::{DictionaryId, DictionaryNumber, SegmentId};
    use crate::history::segment::Words;

    fn dictionary(names: &[(&str, i64)], with_numbers: bool) -> SealedDictionary {
        let hashes: Vec<u64> = names.iter().map(|(name, _)| XxHash3_64::oneshot(name.as_bytes())).collect();
        let numbers: Vec<i64> = names.iter().map(|(_, number)| *number).collect();
        let words = Words {
            values: names.iter().map(|(name, _)| name).collect(),
            hashes: hashes.into(),
            streams: with_numbers.then(|| numbers.into()),
        };
        SealedDictionary { id: DictionaryId::OfSegment(SegmentId::next(), DictionaryNumber(0)), words }
    }

    /// What an instance understands, and how many names crossed.
    fn given(dictionaries: &[SealedDictionary], all: bool) -> (Vec<String>, usize) {
        let (mut remap, mut kept, mut crossed) = (StreamRemap::default(), Vec::<String>::new(), 0);
        let mut understood = Vec::new();
        for dictionary in dictionaries {
            for step in [1, 2] {
                let keys = (0..dictionary.words.values.len() as u32).step_by(step).collect::<Vec<_>>();
                let symbols = remap.symbols(dictionary, &SealedKeys(keys.into()), 0, all);
                kept.truncate(symbols.first as usize);
                kept.extend(symbols.added.iter().map(str::to_owned));
                crossed += symbols.added.len();
                understood.extend(symbols.keys.iter().map(|&key| kept[key as usize].clone()));
                let mut distinct = kept.clone();
                distinct.sort();
                distinct.dedup();
                assert_eq!(distinct.len(), kept.len(), "the names of one dictionary are distinct");
            }
        }
        (understood, crossed)
    }

    #[test]
    fn each_name_crosses_once_and_names_are_understood_as_without_numbers() {
        let segments: [&[(&str, i64)]; 4] = [
            &[("a", 1), ("b", 2), ("c", 3)],
            &[("c", 3), ("d", 4), ("a", 1)],
            &[("e", -5), ("f", 1 << 40)],
            &[("b", 2), ("f", 1 << 40), ("g", 7), ("e", -5)],
        ];
        for all in [true, false] {
            let numbered: Vec<_> = segments.iter().map(|names| dictionary(names, true)).collect();
            let plain: Vec<_> = segments.iter().map(|names| dictionary(names, false)).collect();
            let (understood, crossed) = given(&numbered, all);
            assert_eq!((&understood, crossed), (&given(&plain, all).0, 7));
            assert!(given(&plain, all).1 > 7, "which throws away what it knew: words are many");
        }
    }

    #[test]
    fn a_number_that_was_given_twice_is_not_relied_on() {
        let segments: [&[(&str, i64)]; 3] = [&[("a", 1), ("b", 2)], &[("c", 1), ("b", 2)], &[("a", 9), ("c", 1)]];
        for all in [true, false] {
            let numbered: Vec<_> = segments.iter().map(|names| dictionary(names, true)).collect();
            assert_eq!(given(&numbered, all).0, ["a", "b", "a", "c", "b", "c", "a", "c", "a"]);
        }
    }
}
