//! A **dictionary remap** holds the words that a plugin instance knows of one column, whatever segment they come from.
//!
//! Each segment has dictionaries of its own. An instance that would get all of them would look the same words up
//! again with each; so the keys of later segments are turned into those that the instance knows already, and only
//! words that it does not know cross. Where most words are new anyway (a note for each order), that does not
//! pay, and the dictionary of the segment replaces what was there.

use hashbrown::HashTable;

use crate::event::{Bitmap, Symbols, Text};
use crate::history::json::strings::Strings;
use crate::history::numbers::{DictionaryId, InstanceKey, SealedKeys};
use crate::history::segment::Words;

/// More words are not kept for one column,
const WORDS_MAX: usize = 1_000_000;
/// nor more bytes of them: the next segment starts anew.
const BYTES_MAX: usize = 64 << 20;

/// Words that sealed keys stand for, and which dictionary they are.
#[derive(Clone)]
pub(super) struct SealedDictionary {
    pub id: DictionaryId,
    pub words: Words,
}

#[derive(Default)]
pub(super) struct DictionaryRemap {
    current: Option<SealedDictionary>,
    /// The instance's key for each of the current dictionary's; none while they are the same.
    keys: Option<Vec<Option<InstanceKey>>>,
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
    /// Forgets everything: the next words are for an instance that knows none.
    pub fn restart(&mut self) {
        *self = DictionaryRemap::default();
    }

    /// What the instance gets where there are no rows.
    pub fn nothing(&self) -> Symbols {
        Symbols { first: self.sent as u32, ..Symbols::default() }
    }

    /// What the instance gets for keys of `dictionary`; where a row has no value, its key means nothing. `rows` is about
    /// how many values the dictionary stands for; `all` says that most of its words will be needed, so that the keys
    /// may stay as they are.
    pub fn symbols(
        &mut self,
        dictionary: &SealedDictionary,
        keys: &SealedKeys,
        validity: Option<&Bitmap>,
        rows: usize,
        all: bool,
    ) -> Symbols {
        self.enter(dictionary, rows, all);
        let first = self.sent as u32;
        let Some(mut table) = self.keys.take() else {
            let words = &dictionary.words.values;
            let added = if self.sent == words.len() { Text::default() } else { words.clone() };
            self.sent = words.len();
            return Symbols { first, added, keys: keys.0.clone() };
        };
        let mut translated = Vec::with_capacity(keys.len());
        for (row, &key) in keys.iter().enumerate() {
            if validity.is_some_and(|bits| bits[row / 8] >> (row % 8) & 1 == 0) {
                translated.push(0);
                continue;
            }
            let known = table[key as usize];
            translated.push(known.unwrap_or_else(|| self.learn(&dictionary.words, &mut table, key)).0);
        }
        self.keys = Some(table);
        let known = &self.known.words;
        let added = if self.sent == known.len() { Text::default() } else { known.since(self.sent) };
        self.sent = known.len();
        Symbols { first, added, keys: translated.into() }
    }

    /// Goes on to a dictionary, unless it is the current one.
    fn enter(&mut self, dictionary: &SealedDictionary, rows: usize, all: bool) {
        if self.current.as_ref().is_some_and(|current| current.id == dictionary.id) {
            return;
        }
        // What was taken over as it is becomes known word by word now that there is another dictionary.
        if let (Some(former), None) = (&self.current, &self.keys) {
            self.known = Known::from(&former.words);
        }
        let is_first = self.current.is_none();
        let words = dictionary.words.values.len();
        let pays = words * 4 <= rows && !self.known.is_full();
        self.current = Some(dictionary.clone());
        self.is_kept = !is_first && pays;
        if self.is_kept {
            self.known.index();
        } else {
            self.known = Known::default();
            self.sent = 0;
        }
        self.keys = (self.is_kept || !all).then(|| vec![None; words]);
    }

    #[cold]
    fn learn(&mut self, words: &Words, table: &mut [Option<InstanceKey>], key: u32) -> InstanceKey {
        let (word, hash) = (words.values.get(key as usize), words.hashes[key as usize]);
        let found = if self.is_kept { self.known.find(word, hash) } else { None };
        let known = found.unwrap_or_else(|| self.known.add(word, hash));
        table[key as usize] = Some(known);
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

    fn find(&mut self, word: &str, hash: u64) -> Option<InstanceKey> {
        self.index();
        self.table.find(hash, |&key| self.words.is(key as usize, word)).map(|&key| InstanceKey(key))
    }

    /// Bounded by [`WORDS_MAX`] and the words of one segment.
    fn add(&mut self, word: &str, hash: u64) -> InstanceKey {
        self.words.push(word);
        self.hashes.push(hash);
        InstanceKey((self.words.len() - 1) as u32)
    }
}
