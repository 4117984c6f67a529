//! A **dictionary** holds the few values of one place (the streams, a field of an event type) from batch to batch;
//! a [`Text`] out of one carries its key, by which tables find rows without hashing.

use std::fmt;
use std::ops::Deref;

use crate::Fault;
use crate::bindings::columns;

/// The values of one place, and how often its keys began anew.
pub(crate) struct Dictionary {
    /// What a symbol says of it: the place (dense, from 0) above, below how often its keys began anew; never 0.
    id: u64,
    offsets: Vec<u32>,
    data: String,
}

impl Dictionary {
    pub(crate) fn new(place: usize) -> Dictionary {
        Dictionary { id: (place as u64) << 32 | 1, offsets: vec![0], data: String::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    #[inline]
    pub(crate) fn get(&self, key: u32) -> &str {
        text_at(&self.data, &self.offsets, key as usize)
    }

    /// Cuts to `first` values and appends `added`.
    pub(crate) fn update(&mut self, news: &columns::Dictionary) -> Result<(), Fault> {
        let first = news.first as usize;
        if first > self.len() {
            return Err(Fault::host("a dictionary continues beyond what was sent of it"));
        }
        if first < self.len() {
            self.id += 1;
            self.offsets.truncate(first + 1);
            self.data.truncate(self.offsets[first] as usize);
        }
        let base = self.data.len() as u32;
        // A quarter more at a time, since there may be a million values.
        let (texts, bytes) = (news.added.offsets.len(), news.added.data.len());
        if self.data.capacity() - self.data.len() < bytes {
            self.data.reserve_exact(bytes.max(self.data.len() / 4));
        }
        if self.offsets.capacity() - self.offsets.len() < texts {
            self.offsets.reserve_exact(texts.max(self.offsets.len() / 4));
        }
        self.data.push_str(&news.added.data);
        self.offsets.extend(news.added.offsets.iter().skip(1).map(|offset| base + offset));
        Ok(())
    }
}

/// The text at `row`; nothing where there is none, which the host does not do: a panic that shows the text would add
/// 5 KB to every plugin.
#[inline]
pub(crate) fn text_at<'a>(data: &'a str, offsets: &[u32], row: usize) -> &'a str {
    // The row of a text that is none is the last number of 32 bits, as large as the guest's numbers are.
    let ends = offsets.get(row).zip(offsets.get(row.wrapping_add(1)));
    ends.and_then(|(&start, &end)| data.get(start as usize..end as usize)).unwrap_or_default()
}

/// The dictionaries of an instance, by place.
#[derive(Default)]
pub(crate) struct Dictionaries(Vec<Dictionary>);

impl Dictionaries {
    /// Empty ones for the first `places`.
    pub(crate) fn new(places: usize) -> Dictionaries {
        Dictionaries((0..places).map(Dictionary::new).collect())
    }

    /// Brings the dictionary of `place` up to date.
    pub(crate) fn update(&mut self, place: usize, news: &columns::Dictionary) -> Result<(), Fault> {
        while self.0.len() <= place {
            self.0.push(Dictionary::new(self.0.len()));
        }
        self.0[place].update(news)
    }

    pub(crate) fn get(&self, place: usize) -> &Dictionary {
        &self.0[place]
    }
}

/// A borrowed string that remembers its place in a dictionary; made for keys.
///
/// It is a `&str` in every respect ([`Deref`]), and [`crate::Table::entry`] finds the row of one that came as a
/// dictionary key without hashing it.
///
/// ```
/// use projectionist_sdk::Text;
///
/// let text = Text::from("account-1");
/// assert_eq!(text.strip_prefix("account-"), Some("1"));
/// assert_eq!(text.as_str().to_owned(), text.to_string());
/// ```
#[derive(Clone, Copy)]
pub struct Text<'a>(Kept<'a>);

#[derive(Clone, Copy)]
enum Kept<'a> {
    Plain(&'a str),
    Symbol(&'a Dictionary, u32),
}

/// Where a text stands in a dictionary, if it does. Two numbers, so that it travels in registers.
#[derive(Clone, Copy)]
pub struct Symbol {
    /// The dictionary's [`Dictionary::id`]; 0 = none.
    pub(crate) dictionary: u64,
    pub(crate) key: u32,
}

impl Symbol {
    /// Of a text that stands in no dictionary.
    pub(crate) const NONE: Symbol = Symbol { dictionary: 0, key: u32::MAX };
}

impl<'a> Text<'a> {
    #[inline]
    pub(crate) fn symbol_of(dictionary: &'a Dictionary, key: u32) -> Text<'a> {
        Text(Kept::Symbol(dictionary, key))
    }

    /// The string.
    #[inline]
    pub fn as_str(self) -> &'a str {
        match self.0 {
            Kept::Plain(text) => text,
            Kept::Symbol(dictionary, key) => dictionary.get(key),
        }
    }

    /// The string, where it is rarely needed: that it has to be found adds nothing to the code around.
    #[inline]
    pub(crate) fn spelled(self) -> &'a str {
        #[cold]
        #[inline(never)]
        fn find(dictionary: &Dictionary, key: u32) -> &str {
            dictionary.get(key)
        }
        match self.0 {
            Kept::Plain(text) => text,
            Kept::Symbol(dictionary, key) => find(dictionary, key),
        }
    }

    #[inline]
    pub(crate) fn symbol(self) -> Symbol {
        match self.0 {
            Kept::Plain(_) => Symbol::NONE,
            Kept::Symbol(dictionary, key) => Symbol { dictionary: dictionary.id, key },
        }
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Text(Kept::Plain(text))
    }
}

impl From<Text<'_>> for String {
    fn from(text: Text<'_>) -> String {
        text.as_str().to_owned()
    }
}

impl Deref for Text<'_> {
    type Target = str;
    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text<'_> {}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_not_there_reads_as_nothing() {
        assert_eq!(text_at("ab", &[0, 1, 2], 1), "b");
        assert_eq!([2, 3, usize::MAX].map(|row| text_at("ab", &[0, 1, 2], row)), [""; 3]);
    }
}
