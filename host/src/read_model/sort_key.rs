//! A **sort key** is 16 bytes that order rows by some of their columns: comparing them is comparing two numbers. What
//! all texts of a column begin with is left out, so 16 bytes often hold all there is.

use super::cells::Cells;

/// How the columns of many rows make up their sort keys.
#[derive(Debug)]
pub(super) struct SortKey {
    parts: Vec<Part>,
    /// Whether equal keys mean equal values.
    pub is_exact: bool,
}

/// What one column gives to a key.
#[derive(Debug)]
struct Part {
    /// Whether a byte says that there is a value; those without come first, as in SQLite.
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
    /// For the rows of all `sides`: of each the columns to sort by, and how many rows it has.
    pub fn of(sides: &[(&[Cells<'_>], usize)]) -> SortKey {
        let columns = sides.first().map_or(0, |(columns, _)| columns.len());
        let (mut parts, mut room, mut is_exact) = (Vec::new(), ROOM, true);
        for column in 0..columns {
            if room == 0 {
                is_exact = false;
                break;
            }
            let (mut part, fits) = Part::of(sides, column, room);
            is_exact &= fits;
            room -= usize::from(part.has_absent).min(room);
            part.bytes = part.bytes.min(room);
            room -= part.bytes;
            part.has_length &= room > 0;
            room -= usize::from(part.has_length);
            parts.push(part);
            if !is_exact {
                break;
            }
        }
        SortKey { parts, is_exact }
    }

    /// The key of a row, as two numbers to be compared one after the other.
    #[inline]
    pub fn get(&self, columns: &[Cells<'_>], row: usize) -> [u64; 2] {
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
    /// What a column gives, and whether that is everything and fits.
    fn of(sides: &[(&[Cells<'_>], usize)], column: usize, room: usize) -> (Part, bool) {
        let cells = || sides.iter().map(|(columns, length)| (&columns[column], *length));
        let has_absent = cells().any(|(cells, length)| (0..length).any(|row| cells.is_absent(row)));
        let mut part = Part { has_absent, skip: 0, bytes: 8, has_length: false };
        let present = || {
            cells().flat_map(|(cells, length)| {
                (0..length).filter(|&row| !cells.is_absent(row)).map(move |row| (cells, row))
            })
        };
        if let Some(bytes) = present().find_map(|(cells, row)| cells.bytes(row)) {
            let (mut common, mut least, mut most) = (bytes.len(), usize::MAX, 0);
            for value in present().filter_map(|(cells, row)| cells.bytes(row)) {
                (least, most) = (least.min(value.len()), most.max(value.len()));
                if value.get(..common) != bytes.get(..common) {
                    common = bytes.iter().zip(value).take(common).take_while(|(a, b)| a == b).count();
                }
            }
            // A length of up to 255 fits its byte; a longer value does not fit anyway.
            (part.skip, part.bytes, part.has_length) = (common, most - common, least != most);
        } else if present().next().is_none() {
            part.bytes = 0;
        }
        let fits = usize::from(has_absent) + part.bytes + usize::from(part.has_length) <= room;
        (part, fits)
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
            None => key[..self.bytes].copy_from_slice(&cells.number(row).to_be_bytes()[..self.bytes]),
        }
    }
}
