//! A **cursor** goes over the entries of pieces that follow each other, from front to back.

use std::io;
use std::slice;

use super::entry::Entry;
use super::piece::Piece;

/// At one entry, or beyond the last.
pub struct Cursor<'a> {
    rest: slice::Iter<'a, Piece>,
    window: Window<'a>,
    /// Where the next entry begins in the window.
    next: usize,
    entry: Entry,
    /// The first bytes of its key, by which most comparisons are decided.
    head: u64,
    buffer_bytes: usize,
}

/// The bytes that entries are read from.
enum Window<'a> {
    Memory(&'a [u8]),
    /// Blocks of a piece that is in a file, and the next block that is not in the buffer.
    File {
        piece: &'a Piece,
        block: usize,
        buffer: Vec<u8>,
    },
}

impl<'a> Cursor<'a> {
    /// At the first entry; nothing when there is none. Pieces in files are read by about so many bytes at once.
    pub fn new(pieces: &'a [Piece], buffer_bytes: usize) -> io::Result<Option<Cursor<'a>>> {
        let (rest, window) = (pieces.iter(), Window::Memory(&[]));
        let mut cursor = Cursor { rest, window, next: 0, entry: Entry::default(), head: 0, buffer_bytes };
        Ok(cursor.advance()?.then_some(cursor))
    }

    pub fn key(&self) -> &[u8] {
        &self.bytes()[self.entry.key.clone()]
    }

    /// The record, unless the row was deleted.
    pub fn record(&self) -> Option<&[u8]> {
        (!self.entry.is_deleted).then(|| &self.bytes()[self.entry.record.clone()])
    }

    /// Whether its key comes before the other's.
    pub fn order(&self, other: &Cursor<'_>) -> std::cmp::Ordering {
        self.head.cmp(&other.head).then_with(|| self.key().cmp(other.key()))
    }

    /// Goes to the next entry; false when there is none.
    pub fn advance(&mut self) -> io::Result<bool> {
        while self.next == self.bytes().len() {
            if !self.refill()? {
                return Ok(false);
            }
        }
        self.entry = Entry::read(self.bytes(), self.next);
        self.next = self.entry.record.end;
        let mut head = [0; 8];
        let key = self.key();
        let length = key.len().min(8);
        head[..length].copy_from_slice(&key[..length]);
        self.head = u64::from_be_bytes(head);
        Ok(true)
    }

    fn bytes(&self) -> &[u8] {
        match &self.window {
            Window::Memory(bytes) => bytes,
            Window::File { buffer, .. } => buffer,
        }
    }

    /// Reads some blocks more, of the next piece if need be; false when there is none.
    fn refill(&mut self) -> io::Result<bool> {
        self.next = 0;
        if let Window::File { piece, block, buffer } = &mut self.window
            && *block < piece.blocks()
        {
            let mut end = *block + 1;
            while end < piece.blocks() && piece.range_of(*block..end + 1).len() <= self.buffer_bytes {
                end += 1;
            }
            piece.read(piece.range_of(*block..end), buffer)?;
            *block = end;
            return Ok(true);
        }
        let Some(piece) = self.rest.next() else { return Ok(false) };
        self.window = match piece.in_memory() {
            Some(bytes) => Window::Memory(bytes),
            None => Window::File { piece, block: 0, buffer: Vec::new() },
        };
        Ok(true)
    }
}
