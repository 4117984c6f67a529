//! Which rows of a block are **chosen** for a batch: those of the types, the streams and the partition asked for.

use std::cell::OnceCell;
use std::ops::Range as Span;
use std::sync::Arc;

use arrow_buffer::{ArrowNativeType, ScalarBuffer};
use twox_hash::XxHash3_64;

use super::block_reader::{BlockField, OpenBlock, TakenEvents};
use super::dictionary_remap::SealedDictionary;
use super::field_columns::RowsWithField;
use super::merge_by_row::RowMerge;
use super::window::{self, Rows};
use crate::event::{Column, Partitioning, Subscription, Text, Values};
use crate::history::json::field::Field;
use crate::history::json::object::Fields;
use crate::history::numbers::{DictionaryId, TakenType};
use crate::history::segment::mixed;
use crate::history::segment::{FieldRows, Words};

/// One partition of a partitioned projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which, from 0.
    pub number: u32,
    /// Of how many.
    pub of: u32,
    /// By what events are told apart.
    pub by: Partitioning,
}

impl Part {
    fn holds(&self, hash: u64) -> bool {
        // The upper half, multiplied down: hashes of numbers have good bits everywhere.
        ((hash >> 32) * u64::from(self.of)) >> 32 == u64::from(self.number)
    }

    fn holds_text(&self, text: &str) -> bool {
        self.holds(XxHash3_64::oneshot(text.as_bytes()))
    }

    /// Whether events without a value are in it.
    fn holds_no_value(&self) -> bool {
        self.number == 0
    }
}

/// The rows of one block that are taken.
pub(super) struct RowSelector {
    /// For each taken type, its events by their place among their type; all when absent.
    picked: Option<Vec<Vec<u32>>>,
}

impl RowSelector {
    pub fn new(
        block: &OpenBlock,
        subscription: &Subscription,
        part: Option<&Part>,
        known: &mut WordsTaken,
    ) -> RowSelector {
        let prefix = subscription.stream_prefix.as_deref();
        let (by_stream, by_field) = match part.map(|part| (part, &part.by)) {
            Some((part, Partitioning::ByStream)) => (Some(part), None),
            Some((part, Partitioning::ByField(field))) => (None, Some((part, field))),
            _ => (None, None),
        };
        let streams = block.streams.as_ref().filter(|_| by_stream.is_some() || prefix.is_some());
        let streams = streams.map(|names| known.get(names, |words| by_name(words, by_stream, prefix)));
        if streams.is_none() && by_field.is_none() {
            return RowSelector { picked: None };
        }
        let mut one = |taken: &TakenEvents| {
            let in_stream = match (&streams, &taken.streams) {
                (Some(streams), Some(keys)) => Some((&streams[..], &keys[..])),
                _ => None,
            };
            let in_part = by_field.map(|(part, field)| {
                let asked = &subscription.types()[taken.place.index()].fields;
                let place = asked.iter().position(|name| name == field);
                let held = place.and_then(|place| taken.fields.get(place)).unwrap_or(&BlockField::Absent);
                by_value(held, field, taken, part, known)
            });
            let length = taken.rows.len();
            match (in_stream, in_part) {
                (Some((streams, keys)), None) => filter(length, |at| streams[keys[at] as usize]),
                (None, Some(in_part)) => filter(length, |at| in_part[at]),
                (Some((streams, keys)), Some(in_part)) => {
                    filter(length, |at| in_part[at] && streams[keys[at] as usize])
                }
                (None, None) => filter(length, |_| true),
            }
        };
        RowSelector { picked: Some(block.taken.iter().map(&mut one).collect()) }
    }

    /// The rows of `span`.
    pub fn choose<'a>(&'a self, block: &'a OpenBlock, span: &Span<usize>) -> RowSelection<'a> {
        let windows = block.taken.iter().map(|taken| window(taken, span));
        let picks: Vec<Rows<'a>> = match &self.picked {
            None => windows.map(Rows::Window).collect(),
            Some(picked) => picked.iter().zip(windows).map(|(picked, window)| within(picked, window)).collect(),
        };
        let groups: Vec<_> = block.taken.iter().map(|taken| &taken.rows[..]).zip(picks).collect();
        let is_everything = self.picked.is_none() && block.is_all_taken;
        let merge = RowMerge::new(&groups, span);
        RowSelection { merge, groups, span: span.clone(), is_everything, order: OnceCell::new() }
    }
}

/// Those of a type's picked events that stand in a window of all of its events.
fn within(picked: &[u32], window: Span<usize>) -> Rows<'_> {
    let before = |end: usize| picked.partition_point(|&at| (at as usize) < end);
    Rows::Picked(&picked[before(window.start)..before(window.end)])
}

/// The rows of one batch.
pub(super) struct RowSelection<'a> {
    /// For each taken type the rows of its events in the block, and which of its events are chosen.
    groups: Vec<(&'a [u16], Rows<'a>)>,
    /// How the groups make up the log's order.
    merge: RowMerge,
    span: Span<usize>,
    is_everything: bool,
    order: OnceCell<Vec<(TakenType, u32)>>,
}

impl RowSelection<'_> {
    /// How many events.
    pub fn len(&self) -> usize {
        self.merge.len()
    }

    /// For each taken type, which of its events.
    pub fn groups(&self) -> impl Iterator<Item = &Rows<'_>> {
        self.groups.iter().map(|(_, picks)| picks)
    }

    /// Whether nothing was left out.
    pub fn is_everything(&self) -> bool {
        self.is_everything
    }

    /// Something known of each event by its row in the block, in log order.
    pub fn by_row<T>(&self, of: impl Fn(u16) -> T) -> Vec<T> {
        self.merge.rows().iter().map(|&row| of(row)).collect()
    }

    /// Something known of each event by its type, in log order.
    pub fn by_type<T: Copy>(&self, of: impl Fn(TakenType) -> T) -> Vec<T> {
        let known: Vec<T> = (0..self.groups.len()).map(|number| of(TakenType(number as u16))).collect();
        self.merge.types().map(|kind| known[kind.index()]).collect()
    }

    /// The rows of the block in log order.
    pub fn with_rows<T>(&self, use_rows: impl FnOnce(&Rows<'_>) -> T) -> T {
        match self.is_everything {
            true => use_rows(&Rows::Window(self.span.clone())),
            false => use_rows(&Rows::Picked(&self.by_row(u32::from))),
        }
    }

    /// For each event in log order its type, and its place among those of its type.
    fn order(&self) -> &[(TakenType, u32)] {
        self.order.get_or_init(|| {
            let mut order = vec![(TakenType(0), 0); self.len()];
            for (group, (_, picks)) in self.groups.iter().enumerate() {
                // No more groups than a block has types.
                self.merge.put(group, &mut order, picks.iter().map(|at| (TakenType(group as u16), at as u32)));
            }
            order
        })
    }

    /// A column that stands by type, in log order.
    pub fn values<T: ArrowNativeType>(&self, columns: &[&ScalarBuffer<T>]) -> ScalarBuffer<T> {
        if let ([column], [(_, picks)]) = (columns, &self.groups[..]) {
            return window::values(column, picks);
        }
        let mut merged = vec![T::default(); self.len()];
        for (group, (column, (_, picks))) in columns.iter().zip(&self.groups).enumerate() {
            let column: &[T] = column;
            match picks {
                Rows::Window(window) => self.merge.put(group, &mut merged, column[window.clone()].iter().copied()),
                Rows::Picked(picks) => {
                    self.merge.put(group, &mut merged, picks.iter().map(|&at| column[at as usize]));
                }
            }
        }
        merged.into()
    }

    /// Texts that stand by type, in log order.
    pub fn texts(&self, texts: &[&Text]) -> Text {
        match (texts, &self.groups[..]) {
            ([text], [(_, picks)]) => window::text(text, picks),
            _ => window::gathered(self.order().iter().map(|&(kind, at)| texts[kind.index()].get(at as usize))),
        }
    }
}

/// The events of a type that stand in `span`, by their place among their type.
pub(super) fn window(taken: &TakenEvents, span: &Span<usize>) -> Span<usize> {
    let rows: &[u16] = &taken.rows;
    let before = |end: usize| rows.partition_point(|&row| usize::from(row) < end);
    before(span.start)..before(span.end)
}

/// The numbers below `length` that pass, without a branch for each.
fn filter(length: usize, passes: impl Fn(usize) -> bool) -> Vec<u32> {
    let mut kept = vec![0u32; length];
    let mut next = 0;
    for number in 0..length {
        kept[next] = number as u32;
        next += usize::from(passes(number));
    }
    kept.truncate(next);
    kept
}

/// Which words of the dictionaries of one segment are taken.
#[derive(Default)]
pub(super) struct WordsTaken {
    known: Vec<(DictionaryId, Arc<[bool]>)>,
}

impl WordsTaken {
    /// Whether each word of a dictionary is taken, found out once for a segment.
    fn get(&mut self, dictionary: &SealedDictionary, find_out: impl FnOnce(&Words) -> Arc<[bool]>) -> Arc<[bool]> {
        if self.known.first().is_some_and(|(known, _)| known.segment() != dictionary.id.segment()) {
            self.known.clear();
        }
        if let Some((_, known)) = self.known.iter().find(|(known, _)| *known == dictionary.id) {
            return known.clone();
        }
        let found = find_out(&dictionary.words);
        self.known.push((dictionary.id, found.clone())); // no more than the segment has dictionaries
        found
    }
}

fn by_name(words: &Words, part: Option<&Part>, prefix: Option<&str>) -> Arc<[bool]> {
    let has_prefix = |name: &str| prefix.is_none_or(|prefix| name.starts_with(prefix));
    let in_part = |hash: u64| part.is_none_or(|part| part.holds(hash));
    match prefix {
        None => words.hashes.iter().map(|&hash| in_part(hash)).collect(),
        Some(_) => {
            words.values.iter().zip(words.hashes.iter()).map(|(n, &hash)| has_prefix(n) && in_part(hash)).collect()
        }
    }
}

/// For each event of a type whether its value of the field `name` is in the partition. Equal values of one kind are in
/// the same one; should a value come as another kind elsewhere, both partitions touch its row, which is noticed.
fn by_value(held: &BlockField, name: &str, taken: &TakenEvents, part: &Part, known: &mut WordsTaken) -> Vec<bool> {
    let length = taken.rows.len();
    match held {
        BlockField::Absent => vec![part.holds_no_value(); length],
        BlockField::Plain(column) => by_plain(column, length, part),
        BlockField::Keys(column, dictionary) => {
            let holds = known.get(dictionary, |words| by_name(words, Some(part), None));
            by_key(&column.keys, &holds, part, |row| column.is_valid(row))
        }
        BlockField::InText(rows) => {
            let column = shredded(name, rows, taken);
            match &column.values {
                Values::Symbols(symbols) => {
                    let holds: Vec<bool> = symbols.added.iter().map(|word| part.holds_text(word)).collect();
                    by_key(&symbols.keys, &holds, part, |row| column.is_valid(row))
                }
                _ => by_plain(&column, length, part),
            }
        }
    }
}

fn by_key(keys: &[u32], holds: &[bool], part: &Part, is_valid: impl Fn(usize) -> bool) -> Vec<bool> {
    let one = |(row, &key): (usize, &u32)| match holds.get(key as usize) {
        Some(&holds) if is_valid(row) => holds,
        _ => part.holds_no_value(),
    };
    keys.iter().enumerate().map(one).collect()
}

fn by_plain(column: &Column, length: usize, part: &Part) -> Vec<bool> {
    let mut holds = match &column.values {
        Values::Texts(values) | Values::Json(values) => values.iter().map(|value| part.holds_text(value)).collect(),
        Values::Integers(values) => numbers(values, part, |value| value.cast_unsigned()),
        Values::Reals(values) => numbers(values, part, f64::to_bits),
        Values::Booleans(values) => numbers(values, part, u64::from),
        Values::Nothing | Values::Symbols(_) | Values::Blobs(_) => vec![part.holds_no_value(); length],
    };
    if column.validity.is_some() {
        (0..length).filter(|&row| !column.is_valid(row)).for_each(|row| holds[row] = part.holds_no_value());
    }
    holds
}

/// A field out of the recorded payloads. Whoever takes an event whose payload is not JSON finds that again.
fn shredded(name: &str, rows: &FieldRows, taken: &TakenEvents) -> Column {
    let mut finder = Fields::new(&[name.to_owned()]);
    let mut field = Field::default();
    let mut rows = RowsWithField::new(rows);
    for at in (0..taken.rows.len()).filter(|&at| rows.may_have(at)) {
        field.pad(at);
        let text = taken.document(at);
        let found = finder.find(text).ok().and_then(|()| finder.found[0].clone()).and_then(|place| text.get(place));
        if field.push(found).is_err() {
            field.pad(at + 1);
        }
    }
    field.pad(taken.rows.len());
    field.finish()
}

fn numbers<T: arrow_buffer::ArrowNativeType>(
    values: &ScalarBuffer<T>,
    part: &Part,
    bits: impl Fn(T) -> u64,
) -> Vec<bool> {
    values.iter().map(|&value| part.holds(mixed(bits(value)))).collect()
}
