//! Which rows of a block are **chosen** for a batch: those of the types, the streams and the partition asked for.

use std::ops::Range as Span;
use std::sync::Arc;

use arrow_buffer::{ArrowNativeType, ScalarBuffer};
use twox_hash::XxHash3_64;

use super::block_reader::{Opened, Taken, Valued};
use super::merge_by_row::Weave;
use super::segment::Words;
use super::window::{self, Rows};
use crate::event::{Partitioning, Subscription, Text, Values};

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
}

/// The rows of one block that are taken.
pub(super) struct RowSelector {
    /// For each taken type, its events by their place among their type; all when absent.
    picked: Option<Vec<Vec<u32>>>,
}

impl RowSelector {
    pub fn new(opened: &Opened, subscription: &Subscription, part: Option<&Part>, held: &mut Held) -> RowSelector {
        let prefix = subscription.stream_prefix.as_deref();
        let (by_stream, by_field) = match part.map(|part| (part, &part.by)) {
            Some((part, Partitioning::ByStream)) => (Some(part), None),
            Some((part, Partitioning::ByField(field))) => (None, Some((part, field))),
            _ => (None, None),
        };
        let streams = opened.stream_words.as_ref().filter(|_| by_stream.is_some() || prefix.is_some());
        let streams = streams.map(|named| held.get(named.dictionary, || by_name(&named.words, by_stream, prefix)));
        if streams.is_none() && by_field.is_none() {
            return RowSelector { picked: None };
        }
        let mut one = |taken: &Taken| {
            let in_stream = match (&streams, &taken.streams) {
                (Some(streams), Some(keys)) => Some((&streams[..], &keys[..])),
                _ => None,
            };
            let in_part = by_field.map(|(part, field)| {
                let place = subscription.types()[taken.place].fields.iter().position(|name| name == field);
                let valued = place.and_then(|place| taken.fields.get(place)?.as_ref());
                by_value(valued, taken.rows.len(), part, held)
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
        RowSelector { picked: Some(opened.taken.iter().map(&mut one).collect()) }
    }

    /// The rows of `span`.
    pub fn choose<'a>(&'a self, opened: &'a Opened, span: &Span<usize>) -> RowSelection<'a> {
        let windows = opened.taken.iter().map(|taken| window(taken, span));
        let picks: Vec<Rows<'a>> = match &self.picked {
            None => windows.map(Rows::Window).collect(),
            Some(picked) => picked.iter().zip(windows).map(|(picked, window)| within(picked, window)).collect(),
        };
        let groups: Vec<_> = opened.taken.iter().map(|taken| &taken.rows[..]).zip(picks).collect();
        let is_everything = self.picked.is_none() && opened.is_all_taken;
        RowSelection { weave: Weave::new(&groups, span), groups, span: span.clone(), is_everything }
    }
}

/// Those of a type's picked events that stand in a window of all of its events.
fn within(picked: &[u32], window: Span<usize>) -> Rows<'_> {
    let before = |end: usize| picked.partition_point(|&at| (at as usize) < end);
    Rows::RowSelection(&picked[before(window.start)..before(window.end)])
}

/// The rows of one batch.
pub(super) struct RowSelection<'a> {
    /// For each taken type the rows of its events in the block, and which of its events are chosen.
    groups: Vec<(&'a [u16], Rows<'a>)>,
    /// How the groups make up the log's order.
    pub weave: Weave,
    span: Span<usize>,
    is_everything: bool,
}

impl RowSelection<'_> {
    /// How many events.
    pub fn len(&self) -> usize {
        self.weave.len()
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
        self.weave.rows().iter().map(|&row| of(row)).collect()
    }

    /// Something known of each event by its type, in log order.
    pub fn by_group<T: Copy>(&self, of: impl Fn(usize) -> T) -> Vec<T> {
        let known: Vec<T> = (0..self.groups.len()).map(of).collect();
        self.weave.groups().iter().map(|&group| known[usize::from(group)]).collect()
    }

    /// The rows of the block in log order.
    pub fn with_rows<T>(&self, use_rows: impl FnOnce(&Rows<'_>) -> T) -> T {
        match self.is_everything {
            true => use_rows(&Rows::Window(self.span.clone())),
            false => use_rows(&Rows::RowSelection(&self.by_row(u32::from))),
        }
    }

    /// For each event in log order its group, and its place among its type.
    pub fn order(&self) -> Vec<(u16, u32)> {
        let mut order = vec![(0, 0); self.len()];
        for (group, (_, picks)) in self.groups.iter().enumerate() {
            // No more groups than a block has types.
            self.weave.put(group, &mut order, picks.iter().map(|at| (group as u16, at as u32)));
        }
        order
    }

    /// A column that stands by type, in log order.
    pub fn values<T: ArrowNativeType>(&self, columns: &[&ScalarBuffer<T>]) -> ScalarBuffer<T> {
        if let ([column], [(_, picks)]) = (columns, &self.groups[..]) {
            return window::values(column, picks);
        }
        let mut woven = vec![T::default(); self.len()];
        for (group, (column, (_, picks))) in columns.iter().zip(&self.groups).enumerate() {
            let column: &[T] = column;
            match picks {
                Rows::Window(window) => self.weave.put(group, &mut woven, column[window.clone()].iter().copied()),
                Rows::RowSelection(picks) => {
                    self.weave.put(group, &mut woven, picks.iter().map(|&at| column[at as usize]));
                }
            }
        }
        woven.into()
    }

    /// Texts that stand by type, in log order.
    pub fn texts(&self, texts: &[&Text]) -> Text {
        match (texts, &self.groups[..]) {
            ([text], [(_, picks)]) => window::text(text, picks),
            _ => self.order().iter().map(|&(group, at)| texts[usize::from(group)].get(at as usize)).collect(),
        }
    }
}

/// The events of a type that stand in `span`, by their place among their type.
pub(super) fn window(taken: &Taken, span: &Span<usize>) -> Span<usize> {
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

/// What was found out about each word of the dictionaries of one segment.
#[derive(Default)]
pub(super) struct Held {
    segment: u64,
    words: Vec<(u32, Arc<[bool]>)>,
}

impl Held {
    /// Whether each word of a dictionary is taken, found out once for a segment.
    fn get(&mut self, (segment, number): (u64, u32), find_out: impl FnOnce() -> Arc<[bool]>) -> Arc<[bool]> {
        if self.segment != segment {
            *self = Held { segment, words: Vec::new() };
        }
        if let Some((_, known)) = self.words.iter().find(|(known, _)| *known == number) {
            return known.clone();
        }
        let found = find_out();
        self.words.push((number, found.clone())); // no more than the segment has dictionaries
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

/// For each value whether it is in the partition. Equal values of one kind are in the same one; should a value come
/// as another kind elsewhere, both partitions touch its row, which is noticed.
fn by_value(valued: Option<&Valued>, length: usize, part: &Part, held: &mut Held) -> Vec<bool> {
    let nothing = part.number == 0;
    let Some(Valued { column, words }) = valued else { return vec![nothing; length] };
    let text = |text: &crate::event::Text| -> Vec<bool> {
        text.iter().map(|value| part.holds(XxHash3_64::oneshot(value.as_bytes()))).collect()
    };
    let mut holds: Vec<bool> = match (&column.values, words) {
        (Values::Symbols(symbols), Some((dictionary, words))) => {
            let holds = held.get(*dictionary, || by_name(words, Some(part), None));
            symbols.keys.iter().map(|&key| holds.get(key as usize).copied().unwrap_or(nothing)).collect()
        }
        (Values::Texts(values) | Values::Json(values), _) => text(values),
        (Values::Integers(values), _) => numbers(values, part, |value| value.cast_unsigned()),
        (Values::Reals(values), _) => numbers(values, part, f64::to_bits),
        (Values::Booleans(values), _) => numbers(values, part, u64::from),
        (Values::Nothing | Values::Symbols(_) | Values::Blobs(_), _) => vec![nothing; length],
    };
    if column.validity.is_some() {
        (0..length).filter(|&row| !column.is_valid(row)).for_each(|row| holds[row] = nothing);
    }
    holds
}

fn numbers<T: arrow_buffer::ArrowNativeType>(
    values: &ScalarBuffer<T>,
    part: &Part,
    bits: impl Fn(T) -> u64,
) -> Vec<bool> {
    // The finaliser of MurmurHash3: a bijection with well-mixed upper bits.
    let mixed = |value: u64| {
        let value = (value ^ (value >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        let value = (value ^ (value >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
        value ^ (value >> 33)
    };
    values.iter().map(|&value| part.holds(mixed(bits(value)))).collect()
}
