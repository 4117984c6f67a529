//! **Strings** and **bits** while a column grows.

use crate::event::{Bitmap, Text};

/// Strings, one after the other; becomes a [`Text`].
#[derive(Debug)]
pub(in crate::history) struct Strings {
    offsets: Vec<u32>,
    data: String,
}

impl Default for Strings {
    fn default() -> Self {
        Strings { offsets: vec![0], data: String::new() }
    }
}

impl Strings {
    /// Panics past 4 GiB; the shredder ends batches far below.
    #[inline]
    pub fn push(&mut self, string: &str) {
        self.data.push_str(string);
        self.end();
    }

    #[inline]
    fn end(&mut self) {
        self.offsets.push(u32::try_from(self.data.len()).expect("a batch holds far less than 4 GiB"));
    }

    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    pub fn get(&self, index: usize) -> &str {
        &self.data[self.offsets[index] as usize..self.offsets[index + 1] as usize]
    }

    /// The bytes `range` of all strings, one after the other; none when that is no text of theirs.
    pub fn slice(&self, range: std::ops::Range<usize>) -> Option<&str> {
        self.data.get(range)
    }

    /// Whether string `index` is `string`.
    #[inline]
    pub fn is(&self, index: usize, string: &str) -> bool {
        // As bytes: what is equal to a string needs no look at where characters begin.
        self.data.as_bytes()[self.offsets[index] as usize..self.offsets[index + 1] as usize] == *string.as_bytes()
    }

    /// The strings from `start` on.
    pub fn since(&self, start: usize) -> Text {
        (start..self.len()).map(|index| self.get(index)).collect()
    }

    /// What it has so far, in exchange for an empty one with room for as much.
    pub fn take(&mut self) -> Strings {
        let mut offsets = Vec::with_capacity(self.offsets.len());
        offsets.push(0);
        std::mem::replace(self, Strings { offsets, data: String::with_capacity(self.data.len()) })
    }

    pub fn append(&mut self, text: &Text) {
        text.iter().for_each(|string| self.push(string));
    }

    pub fn finish(self) -> Text {
        Text { offsets: self.offsets.into(), data: self.data.into() }
    }
}

/// One bit a row, while the rows grow; none until the first row that differs from all before it.
#[derive(Debug, Default)]
pub(in crate::history) struct Bits(Option<Vec<u8>>);

impl Bits {
    /// Says that `row`, the next one, has `bit`, when all rows before it had `usual` as long as nothing was said.
    #[inline]
    pub fn push(&mut self, row: usize, bit: bool, usual: bool) {
        if self.0.is_none() {
            if bit == usual {
                return;
            }
            self.0 = Some(filled(row, usual));
        }
        if let Some(bytes) = &mut self.0 {
            if row.is_multiple_of(8) {
                bytes.push(0);
            }
            bytes[row / 8] |= u8::from(bit) << (row % 8);
        }
    }

    /// Whether a row has differed from the usual.
    pub fn is_said(&self) -> bool {
        self.0.is_some()
    }

    /// `rows` bits, all 0.
    pub fn unset(rows: usize) -> Bits {
        Bits(Some(filled(rows, false)))
    }

    pub fn finish(self) -> Option<Bitmap> {
        self.0.map(Bitmap::from)
    }

    /// Whether `row` has its bit, or `usual` when nothing was said.
    pub fn get(&self, row: usize, usual: bool) -> bool {
        self.0.as_ref().map_or(usual, |bytes| bytes[row / 8] >> (row % 8) & 1 == 1)
    }
}

fn filled(rows: usize, bit: bool) -> Vec<u8> {
    let mut bytes = vec![if bit { 0xFF } else { 0 }; rows.div_ceil(8)];
    if !rows.is_multiple_of(8)
        && let Some(last) = bytes.last_mut()
    {
        *last &= (1 << (rows % 8)) - 1;
    }
    bytes
}
