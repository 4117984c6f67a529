//! **InferredColumns** fields: every top-level field that the objects of one event type (or the metadata) turn out to
//! have, each as a column. The counterpart of [`Fields`](super::object::Fields), which looks for given names.

use std::ops::Range;

use hashbrown::HashMap;

use super::field::Field;
use super::numbers::DictionaryNumber;
use super::object::{KEY_BYTES_MAX, Member, NotJson, members, unescaped};
use super::segment_dictionaries::SegmentDictionaries;
use crate::event::{Column, Values};

/// Fields of one event type in one block that become columns; of those beyond, the block says that it does not list
/// them, and they are read out of the whole payload.
pub const FIELDS_MAX: usize = 256;
/// Keys whose meaning is remembered by their place in the object.
const PLACES_MAX: usize = 256;
/// What a column takes at least: its own bookkeeping, its entries in the index, alignment.
pub(super) const COLUMN_BYTES: usize = 512;

/// The fields of one event type, from block to block of a segment.
#[derive(Default)]
pub(super) struct InferredColumns {
    known: Vec<Known>,
    by_name: HashMap<Box<str>, u32, foldhash::fast::RandomState>,
    /// The key that stood at each place of the last object, and its field unless the block does not list it.
    places: Vec<(Box<str>, Option<u32>)>,
    /// Of the current object: fields and where their values stand.
    found: Vec<(u32, Range<usize>)>,
    /// The fields of this block, in order of first appearance.
    listed: Vec<u32>,
    is_partial: bool,
    is_broken: bool,
}

struct Known {
    name: Box<str>,
    field: Field,
    is_listed: bool,
    /// The last object that had it, counted from 1, and where it stands in `found`.
    object: usize,
    slot: usize,
    /// The segment's dictionary that its keys point into.
    words: Option<DictionaryNumber>,
}

/// The columns of one event type in one block.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub columns: Vec<ListedColumn>,
    /// Whether events had fields that are no columns here.
    pub is_partial: bool,
}

#[derive(Debug)]
pub(super) struct ListedColumn {
    pub name: String,
    pub column: Column,
    /// The segment's dictionary, when the column is symbols.
    pub words: Option<DictionaryNumber>,
}

impl InferredColumns {
    /// Takes the fields of the object that `text` is as row `row`; `room` is how many more columns the block may
    /// have. Returns the bytes that the block grew by.
    pub fn push(&mut self, row: usize, text: &str, room: &mut usize) -> usize {
        if self.is_broken {
            return 0;
        }
        let bytes = self.find(row, text, room).and_then(|()| self.take(row, text));
        self.found.clear();
        bytes.unwrap_or_else(|NotJson| {
            // Whoever asks for fields gets the same fault from the whole payload as from the source.
            self.is_broken = true;
            0
        })
    }

    fn find(&mut self, row: usize, text: &str, room: &mut usize) -> Result<(), NotJson> {
        members(text, |member| {
            let is_full = *room == 0 || self.listed.len() == FIELDS_MAX;
            let field = match self.places.get(member.place) {
                Some((known, field)) if **known == *member.key => *field,
                _ => self.look_up(&member, is_full),
            };
            let Some(index) = field else { return Ok(()) };
            let known = &mut self.known[index as usize];
            if !known.is_listed {
                if is_full {
                    self.is_partial = true;
                    return Ok(());
                }
                *room -= 1;
                known.is_listed = true;
                self.listed.push(index);
            }
            if known.object == row + 1 {
                self.found[known.slot].1 = member.value; // of a key that stands there twice, the last
            } else {
                (known.object, known.slot) = (row + 1, self.found.len());
                self.found.push((index, member.value));
            }
            Ok(())
        })
    }

    fn take(&mut self, row: usize, text: &str) -> Result<usize, NotJson> {
        let mut bytes = 0;
        for (index, value) in self.found.drain(..) {
            let field = &mut self.known[index as usize].field;
            field.pad(row);
            bytes += field.push(Some(text.get(value).ok_or(NotJson)?))?;
        }
        Ok(bytes)
    }

    #[cold]
    fn look_up(&mut self, member: &Member<'_>, is_full: bool) -> Option<u32> {
        let field = if member.escaped {
            unescaped(member.key).and_then(|name| self.named(&name, is_full))
        } else {
            self.named(member.key, is_full)
        };
        if member.place < PLACES_MAX && member.key.len() <= KEY_BYTES_MAX {
            if let Some(known) = self.places.get_mut(member.place) {
                *known = (member.key.into(), field);
            } else if self.places.len() == member.place {
                self.places.push((member.key.into(), field));
            }
        }
        field
    }

    fn named(&mut self, name: &str, is_full: bool) -> Option<u32> {
        if let Some(&known) = self.by_name.get(name) {
            return Some(known);
        }
        if name.len() > KEY_BYTES_MAX || is_full {
            self.is_partial = true;
            return None;
        }
        // Far fewer than u32 holds: what is known is bounded by the bytes it takes.
        let index = self.known.len() as u32;
        self.known.push(Known {
            name: name.into(),
            field: Field::default(),
            is_listed: false,
            object: 0,
            slot: 0,
            words: None,
        });
        self.by_name.insert(name.into(), index);
        Some(index)
    }

    /// How many fields it remembers.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// How many columns the block has of it.
    pub fn listed(&self) -> usize {
        self.listed.len()
    }

    /// The columns of the block, of `rows` rows, with which it ends.
    pub fn finish(&mut self, rows: usize, words: &mut SegmentDictionaries) -> Listed {
        if self.is_broken {
            self.forget(words);
            return Listed { columns: Vec::new(), is_partial: true };
        }
        let mut columns = Vec::with_capacity(self.listed.len());
        for index in self.listed.drain(..) {
            let known = &mut self.known[index as usize];
            known.field.pad(rows);
            let mut column = known.field.finish();
            if let Values::Symbols(symbols) = &mut column.values {
                let added = std::mem::take(&mut symbols.added);
                words.learn(&mut known.words, symbols.first, &added);
                symbols.first = 0;
            }
            let words = matches!(column.values, Values::Symbols(_)).then_some(known.words).flatten();
            columns.push(ListedColumn { name: known.name.to_string(), column, words });
            (known.is_listed, known.object) = (false, 0);
        }
        let is_partial = std::mem::take(&mut self.is_partial);
        if is_partial {
            self.places.clear(); // the next block may list what this one did not
        }
        Listed { columns, is_partial }
    }

    /// Ends its dictionaries and forgets every field.
    pub fn forget(&mut self, words: &mut SegmentDictionaries) {
        self.known.iter_mut().for_each(|known| words.end(&mut known.words));
        *self = InferredColumns::default();
    }
}
