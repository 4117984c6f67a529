//! A **dictionary** holds the few values of one place (the streams, a field of an event type) from batch to batch;
//! a [`Text`] out of one carries its key, by which tables find rows without hashing.

use std::fmt;
use std::ops::Deref;

use crate::Fault;
use crate::bindings::columns;

/// The values of one place, and how often its keys began anew.
pub(crate) struct Dictionary {
    /// Which place: dense, from 0.
    pub(crate) place: u32,
    /// Changes whenever keys may have changed their meaning; never 0.
    pub(crate) epoch: u32,
    offsets: Vec<u32>,
    data: String,
}

impl Dictionary {
    pub(crate) fn new(place: usize) -> Dictionary {
        Dictionary { place: place as u32, epoch: 1, offsets: vec![0], data: String::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    #[inline]
    pub(crate) fn get(&self, key: u32) -> &str {
        let key = key as usize;
        &self.data[self.offsets[key] as usize..self.offsets[key + 1] as usize]
    }

    /// Cuts to `first` values and appends `added`.
    pub(crate) fn update(&mut self, news: &columns::Dictionary) -> Result<(), Fault> {
        let first = news.first as usize;
        if first > self.len() {
            return Err(Fault::host("a dictionary continues beyond what was sent of it"));
        }
        if first < self.len() {
            self.epoch += 1;
            self.offsets.truncate(first + 1);
            self.data.truncate(self.offsets[first] as usize);
        }
        let base = self.data.len() as u32;
        self.data.push_str(&news.added.data);
        self.offsets.extend(news.added.offsets.iter().skip(1).map(|offset| base + offset));
        Ok(())
    }
}

/// The dictionaries of an instance, by place.
#[derive(Default)]
pub(crate) struct Dictionaries(Vec<Dictionary>);

impl Dictionaries {
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

/// Where a text stands in a dictionary.
#[derive(Clone, Copy)]
pub struct Symbol {
    pub(crate) place: u32,
    pub(crate) epoch: u32,
    pub(crate) key: u32,
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

    #[inline]
    pub(crate) fn symbol(self) -> Option<Symbol> {
        match self.0 {
            Kept::Plain(_) => None,
            Kept::Symbol(dictionary, key) => Some(Symbol { place: dictionary.place, epoch: dictionary.epoch, key }),
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
