//! Which rows of a block are **chosen** for a batch: those of the types, the streams and the partition asked for.

use std::ops::Range as Span;

use arrow_buffer::ScalarBuffer;
use twox_hash::XxHash3_64;

use super::opened::{Named, Opened, Taken, Valued};
use super::window::Rows;
use crate::event::{Partitioning, Subscription, Values};

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

/// Tells, for one block, which of its rows are taken.
pub(super) struct Chooser {
    /// For each stream of the segment whether its events are taken; all when absent.
    streams: Option<Vec<bool>>,
    /// For each taken type, for each of its events, whether it is in the partition; all when absent.
    partition: Option<Vec<Vec<bool>>>,
}

impl Chooser {
    pub fn new(opened: &Opened, subscription: &Subscription, part: Option<&Part>) -> Chooser {
        let by_stream = part.filter(|part| part.by == Partitioning::ByStream);
        let prefix = subscription.stream_prefix.as_deref();
        let streams = opened.streams.as_ref().filter(|_| by_stream.is_some() || prefix.is_some());
        let partition = match part {
            Some(part) => match &part.by {
                Partitioning::ByField(field) => Some(by_field(opened, subscription, part, field)),
                Partitioning::ByStream | Partitioning::Whole => None,
            },
            None => None,
        };
        Chooser { streams: streams.map(|named| by_name(named, by_stream, prefix)), partition }
    }

    /// The rows of `span`.
    pub fn choose(&self, opened: &Opened, span: &Span<usize>) -> Chosen {
        let windows = opened.taken.iter().map(|taken| window(taken, span));
        if self.streams.is_none() && self.partition.is_none() {
            let groups: Vec<Picked> = windows.map(Picked::Window).collect();
            let spine = match opened.is_all_taken() {
                true => Picked::Window(span.clone()),
                false => Picked::Rows(merge(opened, &groups, span)),
            };
            return Chosen { spine, groups };
        }
        let keys: Option<(&[bool], &[u32])> = match (&self.streams, &opened.streams) {
            (Some(streams), Some(named)) => Some((streams, &named.keys)),
            _ => None,
        };
        let in_stream = |row: u32| keys.is_none_or(|(streams, keys)| streams[keys[row as usize] as usize]);
        let mut groups = Vec::new();
        for (number, (taken, window)) in opened.taken.iter().zip(windows).enumerate() {
            let rows: &[u32] = &taken.rows;
            groups.push(Picked::Rows(match &self.partition {
                None => filter(window, |at| in_stream(rows[at])),
                Some(partition) => filter(window, |at| partition[number][at] && in_stream(rows[at])),
            }));
        }
        let spine = match self.partition {
            None if opened.is_all_taken() => filter(span.clone(), |row| in_stream(row as u32)),
            _ => merge(opened, &groups, span),
        };
        Chosen { spine: Picked::Rows(spine), groups }
    }
}

/// The rows of one batch.
pub(super) struct Chosen {
    spine: Picked,
    /// For each taken type, its events by their place among their type.
    groups: Vec<Picked>,
}

enum Picked {
    Window(Span<usize>),
    Rows(Vec<u32>),
}

impl Picked {
    fn rows(&self) -> Rows<'_> {
        match self {
            Picked::Window(window) => Rows::Window(window),
            Picked::Rows(rows) => Rows::Chosen(rows),
        }
    }
}

impl Chosen {
    /// The rows in log order.
    pub fn spine(&self) -> Rows<'_> {
        self.spine.rows()
    }

    /// For each taken type.
    pub fn groups(&self) -> impl Iterator<Item = Rows<'_>> {
        self.groups.iter().map(Picked::rows)
    }

    /// Whether nothing was left out.
    pub fn is_everything(&self) -> bool {
        matches!(self.spine, Picked::Window(_))
    }
}

/// The events of a type that stand in `span`, by their place among their type.
pub(super) fn window(taken: &Taken, span: &Span<usize>) -> Span<usize> {
    let rows: &[u32] = &taken.rows;
    let before = |end: usize| rows.partition_point(|&row| (row as usize) < end);
    before(span.start)..before(span.end)
}

/// The numbers of `span` that pass, without a branch for each.
fn filter(span: Span<usize>, passes: impl Fn(usize) -> bool) -> Vec<u32> {
    let mut kept = vec![0u32; span.len()];
    let mut length = 0;
    for number in span {
        kept[length] = number as u32;
        length += usize::from(passes(number));
    }
    kept.truncate(length);
    kept
}

/// The rows of all groups in log order.
fn merge(opened: &Opened, groups: &[Picked], span: &Span<usize>) -> Vec<u32> {
    let row_of = |taken: &Taken, at: usize| taken.rows[at];
    let spine = |number: usize| {
        let taken = &opened.taken[number];
        match &groups[number] {
            Picked::Window(window) => window.clone().map(|at| row_of(taken, at)).collect::<Vec<u32>>(),
            Picked::Rows(rows) => rows.iter().map(|&at| row_of(taken, at as usize)).collect(),
        }
    };
    match groups.len() {
        0 => return Vec::new(),
        1 => return spine(0),
        _ => {}
    }
    let mut bits = vec![0u64; span.len().div_ceil(64)];
    let mut length = 0;
    for number in 0..groups.len() {
        for row in spine(number) {
            let place = row as usize - span.start;
            bits[place / 64] |= 1 << (place % 64);
            length += 1;
        }
    }
    let mut rows = Vec::with_capacity(length);
    for (word, mut bits) in bits.into_iter().enumerate() {
        while bits != 0 {
            rows.push((span.start + word * 64) as u32 + bits.trailing_zeros());
            bits &= bits - 1;
        }
    }
    rows
}

fn by_name(named: &Named, part: Option<&Part>, prefix: Option<&str>) -> Vec<bool> {
    let has_prefix = |name: &str| prefix.is_none_or(|prefix| name.starts_with(prefix));
    let in_part = |hash: u64| part.is_none_or(|part| part.holds(hash));
    let words = &named.words;
    match prefix {
        None => words.hashes.iter().map(|&hash| in_part(hash)).collect(),
        Some(_) => {
            words.values.iter().zip(words.hashes.iter()).map(|(n, &hash)| has_prefix(n) && in_part(hash)).collect()
        }
    }
}

fn by_field(opened: &Opened, subscription: &Subscription, part: &Part, field: &str) -> Vec<Vec<bool>> {
    let one = |taken: &Taken| {
        let place = subscription.types()[taken.place].fields.iter().position(|name| name == field);
        let valued = place.and_then(|place| taken.fields.get(place)?.as_ref());
        by_value(valued, taken.rows.len(), part)
    };
    opened.taken.iter().map(one).collect()
}

/// For each value whether it is in the partition. Equal values of one kind are in the same one; should a value come
/// as another kind elsewhere, both partitions touch its row, which is noticed.
fn by_value(valued: Option<&Valued>, length: usize, part: &Part) -> Vec<bool> {
    let nothing = part.number == 0;
    let Some(Valued { column, words }) = valued else { return vec![nothing; length] };
    let text = |text: &crate::event::Text| -> Vec<bool> {
        text.iter().map(|value| part.holds(XxHash3_64::oneshot(value.as_bytes()))).collect()
    };
    let mut holds: Vec<bool> = match (&column.values, words) {
        (Values::Symbols(symbols), Some((_, words))) => {
            let holds: Vec<bool> = words.hashes.iter().map(|&hash| part.holds(hash)).collect();
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
