//! The **dictionaries** of a segment: one for each field of each event type, and one for the streams.
//!
//! Every key in a segment's columns points into one of them, so whoever reads a segment learns each string once. A
//! field whose dictionary was given up or became too large may have several, one after the other.

use crate::event::{StreamNumber, Text};
use crate::history::json::strings::Strings;
use crate::history::numbers::DictionaryNumber;

/// The dictionaries of a segment while it is made.
#[derive(Default)]
pub(in crate::history) struct SegmentDictionaries {
    growing: Vec<Option<Strings>>,
    ended: Vec<EndedDictionary>,
    bytes: usize,
}

/// A dictionary that nothing will be added to any more.
pub(in crate::history) struct EndedDictionary {
    pub number: DictionaryNumber,
    pub words: Text,
    /// Of names of streams, the store's number of each.
    pub streams: Option<Vec<StreamNumber>>,
}

impl SegmentDictionaries {
    /// Appends what a field's dictionary has `added` to its `first` values. Returns, and keeps in `number`, which one
    /// of the segment's it is: a new one when it starts anew.
    pub fn learn(&mut self, number: &mut Option<DictionaryNumber>, first: u32, added: &Text) -> DictionaryNumber {
        if first == 0 {
            self.end(number, None);
        }
        let number = *number.get_or_insert_with(|| {
            self.growing.push(Some(Strings::default()));
            DictionaryNumber((self.growing.len() - 1) as u32) // bounded by the columns of a segment
        });
        if let Some(words) = &mut self.growing[number.0 as usize] {
            words.append(added);
            self.bytes += added.data.as_str().len() + added.len() * size_of::<u32>();
        }
        number
    }

    /// Nothing will be added to dictionary `number` any more; if it is one of streams, `streams` has their numbers.
    pub fn end(&mut self, number: &mut Option<DictionaryNumber>, streams: Option<Vec<StreamNumber>>) {
        if let Some(number) = number.take()
            && let Some(words) = self.growing[number.0 as usize].take()
        {
            self.bytes -= words.bytes() + words.len() * size_of::<u32>();
            self.ended.push(EndedDictionary { number, words: words.finish(), streams });
        }
    }

    /// The dictionaries that ended since this was last asked, to be written.
    pub fn take_ended(&mut self) -> Vec<EndedDictionary> {
        std::mem::take(&mut self.ended)
    }

    /// About how many bytes of memory the growing ones hold.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
