//! **Sorting** rows by some of their columns, as SQLite orders keys.
//!
//! Rows are sorted by numbers, 16 bytes of each that are put together from its columns, and not by their values, which
//! lie far apart in memory. What all texts of a column begin with is left out, so 16 bytes often hold all there is; where they
//! do not, those that are the same so far are sorted again by what follows.

use std::cmp::Ordering;
use std::thread;

use super::cells::Cells;

/// One row to be sorted: of which columns, and where in them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    key: [u64; 2],
    /// Index of the side.
    pub side: u32,
    /// Index of the row in it.
    pub row: u32,
}

impl Place {
    pub fn new(side: u32, row: u32) -> Place {
        Place { key: [0; 2], side, row }
    }
}

/// So few rows are compared value by value.
const FEW: usize = 8;
/// So many are sorted in two halves, each on a core, which are then merged.
const MANY: usize = 1 << 16;
/// So often rows are sorted by numbers; what is still the same then has kilobytes in common, or differs only in how many
/// zeros it ends with, which numbers do not tell.
const ROUNDS: usize = 32;

/// Sorts places by the columns that each side has. Those with the same values stay as they were.
pub(super) fn sort(places: &mut [Place], sides: &[Vec<Cells<'_>>]) {
    sort_in(ROUNDS, places, sides);
}

fn sort_in(rounds: usize, places: &mut [Place], sides: &[Vec<Cells<'_>>]) {
    if places.len() <= FEW || rounds == 0 {
        return places.sort_by(|a, b| compare(a, b, sides));
    }
    let sort_key = SortKey::of(places, sides);
    let by_number = |places: &mut [Place]| {
        for place in places.iter_mut() {
            place.key = sort_key.get(&sides[place.side as usize], place.row as usize);
        }
        places.sort_by_key(|place| place.key);
    };
    if places.len() < MANY {
        by_number(places);
    } else {
        let (left, right) = places.split_at_mut(places.len() / 2);
        thread::scope(|scope| {
            scope.spawn(|| by_number(right));
            by_number(left);
        });
        // Finds the two halves in order, and only merges them.
        places.sort_by_key(|place| place.key);
    }
    if !sort_key.is_exact {
        places.chunk_by_mut(|a, b| a.key == b.key).for_each(|same| sort_in(rounds - 1, same, sides));
    }
}

/// Whether two neighbours that were sorted, as new places, have the same values.
pub(super) fn is_same(a: &Place, b: &Place, sides: &[Vec<Cells<'_>>]) -> bool {
    // The same values have come to the same numbers, however often they were sorted again.
    a.key == b.key && compare(a, b, sides) == Ordering::Equal
}

fn compare(a: &Place, b: &Place, sides: &[Vec<Cells<'_>>]) -> Ordering {
    let columns = sides[a.side as usize].iter().zip(&sides[b.side as usize]);
    columns
        .map(|(left, right)| left.compare(a.row as usize, right, b.row as usize))
        .find(|&order| order != Ordering::Equal)
        .unwrap_or(Ordering::Equal)
}

/// How the columns of many rows make up their sort keys.
#[derive(Debug)]
struct SortKey {
    parts: Vec<Part>,
    /// Whether equal keys mean equal values.
    is_exact: bool,
}

/// What one column gives to a key.
#[derive(Debug)]
struct Part {
    /// Whether a byte says that there is a value, where some have none; those come first, as in SQLite.
    has_absent: bool,
    /// Bytes that all values have in common, and that are left out.
    skip: usize,
    /// Bytes of the value, filled up with zeros.
    bytes: usize,
    /// Whether a byte tells how long the value is, where others are as long with zeros at their end.
    has_length: bool,
}

/// How many bytes a key has.
const ROOM: usize = 16;

impl SortKey {
    /// For these rows.
    fn of(places: &[Place], sides: &[Vec<Cells<'_>>]) -> SortKey {
        let columns = places.first().map_or(0, |place| sides[place.side as usize].len());
        let (mut parts, mut room, mut is_exact) = (Vec::new(), ROOM, true);
        for column in 0..columns {
            if room == 0 || !is_exact {
                is_exact = false;
                break;
            }
            let mut part = Part::of(places, sides, column);
            let needed = usize::from(part.has_absent) + part.bytes + usize::from(part.has_length);
            is_exact = needed <= room;
            room -= usize::from(part.has_absent);
            part.bytes = part.bytes.min(room);
            room -= part.bytes;
            part.has_length &= room > 0;
            room -= usize::from(part.has_length);
            parts.push(part);
        }
        SortKey { parts, is_exact }
    }

    /// The key of a row, as two numbers to be compared one after the other.
    #[inline]
    fn get(&self, columns: &[Cells<'_>], row: usize) -> [u64; 2] {
        let (mut key, mut at) = ([0u8; ROOM], 0);
        for (part, cells) in self.parts.iter().zip(columns) {
            let is_absent = part.has_absent && cells.is_absent(row);
            if part.has_absent {
                key[at] = u8::from(!is_absent);
                at += 1;
            }
            if !is_absent {
                part.put(cells, row, &mut key[at..]);
            }
            at += part.bytes + usize::from(part.has_length);
        }
        let number = |at: usize| u64::from_be_bytes(key[at..at + 8].try_into().expect("8 bytes"));
        [number(0), number(8)]
    }
}

impl Part {
    /// What a column of these rows gives, if there is room for it.
    fn of(places: &[Place], sides: &[Vec<Cells<'_>>], column: usize) -> Part {
        let cells = places.iter().map(|place| (&sides[place.side as usize][column], place.row as usize));
        let mut part = Part { has_absent: false, skip: 0, bytes: 0, has_length: false };
        let (mut first, mut least, mut most) = (None, usize::MAX, 0);
        let (mut number_bytes, mut least_number, mut most_number) = (0, u64::MAX, 0);
        for (cells, row) in cells {
            if cells.is_absent(row) {
                part.has_absent = true;
                continue;
            }
            let Some(value) = cells.bytes(row) else {
                let number = cells.number(row);
                number_bytes = cells.number_bytes();
                (least_number, most_number) = (least_number.min(number), most_number.max(number));
                continue;
            };
            (least, most) = (least.min(value.len()), most.max(value.len()));
            let first = *first.get_or_insert_with(|| {
                part.skip = value.len();
                value
            });
            if value.get(..part.skip) != first.get(..part.skip) {
                part.skip = first.iter().zip(value).take(part.skip).take_while(|(a, b)| a == b).count();
            }
        }
        if number_bytes > 0 {
            // What lies between two numbers begins with what both begin with.
            part.skip = number_bytes.min((least_number ^ most_number).leading_zeros() as usize / 8);
            part.bytes = number_bytes - part.skip;
        } else if first.is_some() {
            (part.bytes, part.has_length) = (most - part.skip, least != most);
        } else {
            part.has_absent = false; // all are
        }
        part
    }

    fn put(&self, cells: &Cells<'_>, row: usize, key: &mut [u8]) {
        match cells.bytes(row) {
            Some(bytes) => {
                let bytes = &bytes[self.skip..];
                let fitting = bytes.len().min(self.bytes);
                key[..fitting].copy_from_slice(&bytes[..fitting]);
                if self.has_length {
                    key[self.bytes] = bytes.len().min(255) as u8;
                }
            }
            None => key[..self.bytes].copy_from_slice(&cells.number(row).to_be_bytes()[self.skip..][..self.bytes]),
        }
    }
}
