//! **Inferred columns**: the top-level fields that the objects of one event type (or the metadata) turn out to have, as
//! columns as far as that is in proportion. The counterpart of [`Fields`](crate::history::json::object::Fields), which looks for given
//! names.
//!
//! Fields become columns by how often they occur, as long as all columns together take no more than about one and a half
//! times the recorded texts. Of the others (ids as keys, what one event in hundreds has) the block says which rows
//! have them: a reader shreds them out of those texts.

use std::cmp::Reverse;

use hashbrown::HashMap;
use twox_hash::XxHash3_64;

use super::dictionaries::SegmentDictionaries;
use crate::event::{Column, Values};
use crate::history::json::field::Field;
use crate::history::json::object::{KEY_BYTES_MAX, Member, NotJson, members, unescaped};
use crate::history::json::strings::Strings;
use crate::history::numbers::DictionaryNumber;

/// Fields of one event type in one block that become columns.
pub const FIELDS_MAX: usize = 256;
/// Keys whose meaning is remembered by their place in the object.
const PLACES_MAX: usize = 256;
/// What a column takes in memory at least.
pub(in crate::history) const COLUMN_BYTES: usize = 512;
/// What a column takes in a file besides its values: its entry in the index, and alignment.
const COLUMN_FILE_BYTES: usize = 256;
/// What columns may take for each row, beside one and a half times the texts.
const ROW_BYTES: usize = 24;
/// What the columns of a block may take beside that: blocks of few events have columns too.
const BLOCK_SPARE_BYTES: usize = 256 << 10;
/// What a name takes in memory until its block ends, besides its letters.
const NAME_BYTES: usize = 96;

/// How many more columns a block may have.
pub(in crate::history) struct ColumnRoom {
    pub columns: usize,
    spare_bytes: usize,
    /// A field that fewer than one in so many events have is no column.
    rare_field: usize,
}

impl ColumnRoom {
    /// The room of a new block.
    pub fn new(columns: usize, rare_field: usize) -> ColumnRoom {
        ColumnRoom { columns, spare_bytes: BLOCK_SPARE_BYTES, rare_field }
    }
}

/// The fields of one event type, from block to block of a segment.
#[derive(Default)]
pub(in crate::history) struct InferredColumns {
    /// Those of this block, and the columns of the block before it.
    fields: Vec<InferredField>,
    by_name: HashMap<Box<str>, u32, foldhash::fast::RandomState>,
    /// The key that stood at each place of the last object, and its field unless it can have none.
    places: Vec<(Box<str>, Option<u32>)>,
    /// Where the values of this block stand, object by object.
    values: Vec<Value>,
    is_broken: bool,
}

#[derive(Default)]
struct InferredField {
    name: Box<str>,
    /// Events of this block that have it, and the bytes of their values.
    events: usize,
    bytes: usize,
    /// The last object that had it, counted from 1, and where its value is noted.
    object: usize,
    noted: usize,
    column: Field,
    /// The segment's dictionary that its keys point into.
    words: Option<DictionaryNumber>,
}

/// A value in the texts of the block.
struct Value {
    field: u32,
    row: u32,
    start: u32,
    end: u32,
}

/// What a block knows of the fields of one event type.
#[derive(Debug, Default)]
pub(in crate::history) struct BlockFields {
    pub columns: Vec<InferredColumn>,
    pub rare: RareFields,
    /// Whether nothing is known: any field may stand in any text.
    pub is_in_text: bool,
}

#[derive(Debug)]
pub(in crate::history) struct InferredColumn {
    pub name: String,
    pub column: Column,
    /// The segment's dictionary, when the column is symbols.
    pub words: Option<DictionaryNumber>,
}

/// Fields that are no columns, and which rows have them.
#[derive(Debug, Default)]
pub(in crate::history) struct RareFields {
    /// XXH3-64 (seed 0) of each name, ascending.
    pub hashes: Vec<u64>,
    /// Where the rows of each begin; one more than there are names.
    pub offsets: Vec<u32>,
    pub rows: Vec<u16>,
}

impl BlockFields {
    /// Of events whose fields nobody looked at.
    pub fn in_text() -> BlockFields {
        BlockFields { is_in_text: true, ..BlockFields::default() }
    }
}

impl InferredColumns {
    /// Notes the fields of the object that `text` is as row `row`; in the texts of the block it begins at `start`.
    /// Returns the bytes of memory that it took.
    pub fn push(&mut self, row: usize, text: &str, start: usize) -> usize {
        if self.is_broken {
            return 0;
        }
        let (noted, mut bytes) = (self.values.len(), 0);
        let found = members(text, |member| {
            let known = match self.places.get(member.place) {
                Some((known, field)) if **known == *member.key => *field,
                _ => self.look_up(&member, &mut bytes),
            };
            let Some(number) = known else { return Ok(()) };
            let field = &mut self.fields[number as usize];
            let length = member.value.len();
            // Blocks are far below 4 GiB.
            let (from, to) = ((start + member.value.start) as u32, (start + member.value.end) as u32);
            if field.object == row + 1 {
                let value = &mut self.values[field.noted]; // of a key that stands there twice, the last
                field.bytes = field.bytes + length - (value.end - value.start) as usize;
                (value.start, value.end) = (from, to);
            } else {
                (field.object, field.noted) = (row + 1, self.values.len());
                field.events += 1;
                field.bytes += length;
                self.values.push(Value { field: number, row: row as u32, start: from, end: to });
            }
            Ok(())
        });
        // Whoever asks for fields gets the same fault from the whole payload as from the source.
        self.is_broken = found.is_err();
        bytes + (self.values.len() - noted) * size_of::<Value>()
    }

    #[cold]
    fn look_up(&mut self, member: &Member<'_>, bytes: &mut usize) -> Option<u32> {
        let field = if member.escaped {
            unescaped(member.key).map(|name| self.named(&name, bytes))
        } else {
            Some(self.named(member.key, bytes))
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

    fn named(&mut self, name: &str, bytes: &mut usize) -> u32 {
        if let Some(&known) = self.by_name.get(name) {
            return known;
        }
        let number = self.fields.len() as u32; // far fewer than the bytes of a block
        self.fields.push(InferredField { name: name.into(), ..InferredField::default() });
        self.by_name.insert(name.into(), number);
        *bytes += NAME_BYTES + 2 * name.len();
        number
    }

    /// How many fields it remembers.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// The fields of the block, of `rows` rows whose texts are `texts`, with which it ends.
    pub fn finish(
        &mut self,
        rows: usize,
        texts: &Strings,
        room: &mut ColumnRoom,
        words: &mut SegmentDictionaries,
    ) -> BlockFields {
        let chosen = self.choose(rows, texts.bytes(), room);
        if self.is_broken || self.fill(&chosen, texts).is_err() {
            self.forget(words);
            return BlockFields::in_text();
        }
        let rare = self.rare(&chosen);
        let mut columns = Vec::new();
        for (field, _) in self.fields.iter_mut().zip(&chosen).filter(|(_, chosen)| **chosen) {
            field.column.pad(rows);
            let mut column = field.column.finish();
            if let Values::Symbols(symbols) = &mut column.values {
                let added = std::mem::take(&mut symbols.added);
                words.learn(&mut field.words, symbols.first, &added);
                symbols.first = 0;
            }
            let words = matches!(column.values, Values::Symbols(_)).then_some(field.words).flatten();
            columns.push(InferredColumn { name: field.name.to_string(), column, words });
        }
        self.keep(&chosen, words);
        BlockFields { columns, rare, is_in_text: false }
    }

    /// Which fields become columns: the most frequent first, while there is room.
    fn choose(&self, rows: usize, text_bytes: usize, room: &mut ColumnRoom) -> Vec<bool> {
        let is_frequent = |field: &InferredField| {
            field.events > 0 && field.events * room.rare_field >= rows && field.name.len() <= KEY_BYTES_MAX
        };
        let mut candidates: Vec<usize> = (0..self.fields.len()).filter(|&n| is_frequent(&self.fields[n])).collect();
        candidates.sort_by_key(|&n| (Reverse(self.fields[n].events), n));
        let mut chosen = vec![false; self.fields.len()];
        let mut bytes = text_bytes + text_bytes / 2 + rows * ROW_BYTES;
        let mut left = FIELDS_MAX;
        for number in candidates {
            let cost = COLUMN_FILE_BYTES + rows * size_of::<u64>() + self.fields[number].bytes;
            if left > 0 && room.columns > 0 && cost <= bytes + room.spare_bytes {
                chosen[number] = true;
                (left, room.columns) = (left - 1, room.columns - 1);
                room.spare_bytes -= cost.saturating_sub(bytes);
                bytes = bytes.saturating_sub(cost);
            }
        }
        chosen
    }

    fn fill(&mut self, chosen: &[bool], texts: &Strings) -> Result<(), NotJson> {
        for value in &self.values {
            if chosen[value.field as usize] {
                let column = &mut self.fields[value.field as usize].column;
                column.pad(value.row as usize);
                column.push(Some(texts.slice(value.start as usize..value.end as usize).ok_or(NotJson)?))?;
            }
        }
        Ok(())
    }

    /// Which rows have the fields that are not chosen.
    fn rare(&self, chosen: &[bool]) -> RareFields {
        let hash = |field: &InferredField| XxHash3_64::oneshot(field.name.as_bytes());
        let hashes: Vec<Option<u64>> =
            self.fields.iter().zip(chosen).map(|(field, chosen)| (!chosen).then(|| hash(field))).collect();
        let place = |value: &Value| Some((hashes[value.field as usize]?, value.row as u16)); // rows are 16 bits
        let mut places: Vec<(u64, u16)> = self.values.iter().filter_map(place).collect();
        places.sort_unstable();
        places.dedup();
        let mut rare = RareFields::default();
        for (hash, row) in places {
            if rare.hashes.last() != Some(&hash) {
                rare.hashes.push(hash);
                rare.offsets.push(rare.rows.len() as u32);
            }
            rare.rows.push(row);
        }
        rare.offsets.push(rare.rows.len() as u32);
        rare
    }

    /// Keeps the fields that were chosen, with their dictionaries, and forgets the others.
    fn keep(&mut self, chosen: &[bool], words: &mut SegmentDictionaries) {
        self.values.clear();
        if chosen.iter().all(|chosen| *chosen) {
            self.fields.iter_mut().for_each(InferredField::end_block);
            return;
        }
        let mut kept = Vec::new();
        for (mut field, chosen) in std::mem::take(&mut self.fields).into_iter().zip(chosen) {
            if *chosen {
                field.end_block();
                kept.push(field);
            } else {
                words.end(&mut field.words, None);
            }
        }
        self.by_name = (0..).zip(&kept).map(|(number, field)| (field.name.clone(), number)).collect();
        self.fields = kept;
        self.places.clear(); // numbers have changed
    }

    /// Ends its dictionaries and forgets every field.
    pub fn forget(&mut self, words: &mut SegmentDictionaries) {
        self.fields.iter_mut().for_each(|field| words.end(&mut field.words, None));
        *self = InferredColumns::default();
    }
}

impl InferredField {
    fn end_block(&mut self) {
        (self.events, self.bytes, self.object) = (0, 0, 0);
    }
}
