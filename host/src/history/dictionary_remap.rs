//! A **naming** holds the words that a plugin instance knows of one column, whatever segment they come from.
//!
//! Each segment has dictionaries of its own. An instance that would get all of them would look the same words up
//! again with each; so the keys of later segments are turned into those that the instance knows already, and only
//! words that it does not know cross. Where most words are new anyway (a stream for each order), that does not
//! pay, and the dictionary of the segment replaces what was there.

use arrow_buffer::ScalarBuffer;
use hashbrown::HashTable;

use super::segment::Words;
use super::strings::Strings;
use crate::event::{Symbols, Text};

/// More words are not kept for one column,
const WORDS_MAX: usize = 1_000_000;
/// nor more bytes of them: the next segment starts anew.
const BYTES_MAX: usize = 64 << 20;

/// No key yet.
const NONE: u32 = u32::MAX;

#[derive(Default)]
pub(super) struct DictionaryRemap {
    /// The dictionary that the current keys belong to: segment and number.
    current: Option<(u64, u32)>,
    words: Option<Words>,
    /// The instance's key for each of the current dictionary's; none while they are the same.
    keys: Option<Vec<u32>>,
    known: Known,
    /// Whether a new word is looked for among the known ones.
    is_kept: bool,
    /// How many of the known words the instance has.
    sent: usize,
}

/// What the instance knows, in the order of its keys.
#[derive(Default)]
struct Known {
    words: Strings,
    hashes: Vec<u64>,
    /// Keys by hash, of the first so many words.
    table: HashTable<u32>,
}

impl DictionaryRemap {
    /// Goes on to a dictionary. `rows` is about how many values it stands for; `all` says that most of its words
    /// will be needed, so that the keys may stay as they are.
    pub fn enter(&mut self, dictionary: (u64, u32), words: &Words, rows: usize, all: bool) {
        if self.current == Some(dictionary) {
            return;
        }
        // What was taken over as it is becomes known word by word now that there is another dictionary.
        if let (Some(former), None) = (&self.words, &self.keys) {
            self.known = Known::from(former);
        }
        let is_first = self.current.is_none();
        let pays = words.values.len() * 4 <= rows && !self.known.is_full();
        self.current = Some(dictionary);
        self.words = Some(words.clone());
        self.is_kept = !is_first && pays;
        if self.is_kept {
            self.known.index();
        } else {
            self.known = Known::default();
            self.sent = 0;
        }
        self.keys = (self.is_kept || !all).then(|| vec![NONE; words.values.len()]);
    }

    /// Forgets everything: the next words are for an instance that knows none.
    pub fn restart(&mut self) {
        *self = DictionaryRemap::default();
    }

    /// What the instance gets for `keys`; where a row has no value, its key means nothing.
    pub fn symbols(&mut self, keys: &ScalarBuffer<u32>, validity: Option<&[u8]>) -> Symbols {
        let first = self.sent as u32;
        let Some(mut table) = self.keys.take() else {
            let words = self.words.as_ref().map(|words| words.values.clone()).unwrap_or_default();
            let added = if self.sent == words.len() { Text::default() } else { words.clone() };
            self.sent = words.len();
            return Symbols { first, added, keys: keys.clone() };
        };
        let mut translated = Vec::with_capacity(keys.len());
        for (row, &key) in keys.iter().enumerate() {
            if validity.is_some_and(|bits| bits[row / 8] >> (row % 8) & 1 == 0) {
                translated.push(0);
                continue;
            }
            let known = table[key as usize];
            translated.push(if known == NONE { self.learn(&mut table, key) } else { known });
        }
        self.keys = Some(table);
        let known = &self.known.words;
        let added = if self.sent == known.len() { Text::default() } else { known.since(self.sent) };
        self.sent = known.len();
        Symbols { first, added, keys: translated.into() }
    }

    #[cold]
    fn learn(&mut self, table: &mut [u32], key: u32) -> u32 {
        let words = self.words.as_ref().expect("keys belong to a dictionary");
        let (word, hash) = (words.values.get(key as usize), words.hashes[key as usize]);
        let found = if self.is_kept { self.known.find(word, hash) } else { None };
        let known = found.unwrap_or_else(|| self.known.add(word, hash));
        table[key as usize] = known;
        known
    }
}

impl Known {
    fn from(words: &Words) -> Known {
        let mut known = Known { hashes: words.hashes.to_vec(), ..Known::default() };
        words.values.iter().for_each(|word| known.words.push(word));
        known
    }

    fn is_full(&self) -> bool {
        self.words.len() > WORDS_MAX || self.words.bytes() > BYTES_MAX
    }

    /// Brings the table up to the words.
    fn index(&mut self) {
        let hashes = &self.hashes;
        for key in self.table.len()..hashes.len() {
            self.table.insert_unique(hashes[key], key as u32, |&key| hashes[key as usize]);
        }
    }

    fn find(&mut self, word: &str, hash: u64) -> Option<u32> {
        self.index();
        self.table.find(hash, |&key| self.words.is(key as usize, word)).copied()
    }

    /// Bounded by [`WORDS_MAX`] and the words of one segment.
    fn add(&mut self, word: &str, hash: u64) -> u32 {
        self.words.push(word);
        self.hashes.push(hash);
        (self.words.len() - 1) as u32
    }
}
