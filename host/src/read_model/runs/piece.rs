//! A **piece** of a run: entries in key order, in memory or in a temporary file, with an index of its blocks and a filter
//! of its keys, which stay in memory.

use std::fs::File;
use std::hash::BuildHasher;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::entry::Entry;
use super::filter::Filter;

/// A block ends with the entry that makes it so long; one block is read to find a key.
const BLOCK_BYTES: usize = 4096;

/// Sorted entries that do not change any more.
#[derive(Debug)]
pub struct Piece {
    bytes: Bytes,
    /// Where each block begins.
    blocks: Vec<usize>,
    /// The first key of each block, one after the other, and where each ends.
    first_keys: Vec<u8>,
    first_key_ends: Vec<usize>,
    last_key: Vec<u8>,
    filter: Option<Filter>,
}

#[derive(Debug)]
enum Bytes {
    Memory(Vec<u8>),
    File { file: Arc<File>, offset: u64, length: usize },
}

impl Piece {
    /// How many bytes of entries it has.
    pub fn length(&self) -> usize {
        match &self.bytes {
            Bytes::Memory(bytes) => bytes.len(),
            Bytes::File { length, .. } => *length,
        }
    }

    /// Its entries, unless they are in a file.
    pub fn in_memory(&self) -> Option<&[u8]> {
        match &self.bytes {
            Bytes::Memory(bytes) => Some(bytes),
            Bytes::File { .. } => None,
        }
    }

    /// Lets go of its entries, which were written to a file.
    pub fn move_to(&mut self, file: &Arc<File>, offset: u64) {
        self.bytes = Bytes::File { file: file.clone(), offset, length: self.length() };
    }

    /// How many blocks it has.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The least key.
    pub fn first_key(&self) -> &[u8] {
        self.first_key_of(0)
    }

    /// The greatest key.
    pub fn last_key(&self) -> &[u8] {
        &self.last_key
    }

    fn first_key_of(&self, block: usize) -> &[u8] {
        let start = if block == 0 { 0 } else { self.first_key_ends[block - 1] };
        &self.first_keys[start..self.first_key_ends[block]]
    }

    /// The block that has the key, if it is there at all.
    pub fn block_of(&self, key: &[u8], hash: u64) -> Option<usize> {
        let may_be = self.filter.as_ref().is_none_or(|filter| filter.may_have(hash)) && key <= self.last_key();
        let (mut low, mut high) = (0, if may_be { self.blocks.len() } else { 0 });
        while low < high {
            let middle = (low + high) / 2;
            if self.first_key_of(middle) <= key { low = middle + 1 } else { high = middle }
        }
        low.checked_sub(1)
    }

    /// Where some blocks lie.
    pub fn range_of(&self, blocks: Range<usize>) -> Range<usize> {
        let place = |block: usize| self.blocks.get(block).copied().unwrap_or_else(|| self.length());
        place(blocks.start)..place(blocks.end)
    }

    /// Reads a range of the bytes of a piece that is in a file.
    pub fn read(&self, range: Range<usize>, buffer: &mut Vec<u8>) -> io::Result<()> {
        buffer.resize(range.len(), 0);
        match &self.bytes {
            Bytes::Memory(bytes) => buffer.copy_from_slice(&bytes[range]),
            Bytes::File { file, offset, .. } => read_at(file, buffer, offset + range.start as u64)?,
        }
        Ok(())
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => (buffer, offset) = (&mut buffer[read..], offset + read as u64),
        }
    }
    Ok(())
}

/// Makes a piece of entries that come in order.
pub struct PieceBuilder<'a> {
    bytes: Vec<u8>,
    blocks: Vec<usize>,
    first_keys: Vec<u8>,
    first_key_ends: Vec<usize>,
    last_key: Range<usize>,
    hashes: Vec<u64>,
    hasher: Option<&'a Hasher>,
}

/// How keys are hashed for filters; seeded anew for each process.
pub type Hasher = foldhash::quality::RandomState;

impl<'a> PieceBuilder<'a> {
    /// Of about so many bytes; with a hasher it gets a filter.
    pub fn new(bytes: usize, hasher: Option<&'a Hasher>) -> PieceBuilder<'a> {
        PieceBuilder {
            bytes: Vec::with_capacity(bytes),
            blocks: Vec::new(),
            first_keys: Vec::new(),
            first_key_ends: Vec::new(),
            last_key: 0..0,
            hashes: Vec::new(),
            hasher,
        }
    }

    /// How many bytes of entries it has.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Appends an entry, whose key is greater than those before; without a record a deleted row.
    pub fn push(&mut self, key: &[u8], record: Option<&[u8]>) {
        let at = self.bytes.len();
        if self.blocks.last().is_none_or(|&block| at - block >= BLOCK_BYTES) {
            self.blocks.push(at);
            self.first_keys.extend_from_slice(key);
            self.first_key_ends.push(self.first_keys.len());
        }
        if let Some(hasher) = self.hasher {
            self.hashes.push(hasher.hash_one(key));
        }
        Entry::push(key, record, &mut self.bytes);
        let end = self.bytes.len() - record.map_or(0, <[u8]>::len);
        self.last_key = end - key.len()..end;
    }

    /// The piece, if there are any entries.
    pub fn finish(self) -> Option<Piece> {
        let last_key = self.bytes[self.last_key].to_vec();
        let filter = self.hasher.map(|_| Filter::new(&self.hashes));
        (!self.blocks.is_empty()).then_some(Piece {
            bytes: Bytes::Memory(self.bytes),
            blocks: self.blocks,
            first_keys: self.first_keys,
            first_key_ends: self.first_key_ends,
            last_key,
            filter,
        })
    }
}
