//! A **lookup** in runs finds the newest entries of many keys at once.

use std::hash::BuildHasher;
use std::io;
use std::ops::Range;

use super::entry::Entry;
use super::piece::{Hasher, Piece};
use super::run::Run;

/// The records that were found, one after the other.
#[derive(Debug, Default)]
pub struct FoundRecords {
    bytes: Vec<u8>,
    records: Vec<Option<Range<usize>>>,
}

impl FoundRecords {
    /// The record of each key, in the order in which they were asked for.
    pub fn records(&self) -> impl Iterator<Item = Option<&[u8]>> {
        self.records.iter().map(|record| record.clone().map(|record| &self.bytes[record]))
    }
}

/// Looks keys up in the runs of some partitions, each from oldest to newest.
pub fn look_up<'a>(
    parts: impl Iterator<Item = &'a [Run]>,
    keys: &[Vec<u8>],
    hasher: &Hasher,
) -> io::Result<FoundRecords> {
    let mut found = FoundRecords { bytes: Vec::new(), records: vec![None; keys.len()] };
    // In key order, so that each block is read once.
    let mut open: Vec<_> =
        keys.iter().enumerate().map(|(number, key)| (key, hasher.hash_one(key.as_slice()), number)).collect();
    open.sort_unstable();
    let mut block = Block::default();
    for runs in parts {
        for run in runs.iter().rev() {
            let mut failed = None;
            open.retain(|(key, hash, number)| match find(run, key, *hash, &mut block) {
                Ok(None) => true,
                Ok(Some(entry)) => {
                    if !entry.is_deleted {
                        let start = found.bytes.len();
                        found.bytes.extend_from_slice(&block.bytes()[entry.record]);
                        found.records[*number] = Some(start..found.bytes.len());
                    }
                    false
                }
                Err(error) => {
                    failed = Some(error);
                    true
                }
            });
            if let Some(error) = failed {
                return Err(error);
            }
        }
    }
    Ok(found)
}

/// The entry of a key in a run, whose bytes are then in `block`.
fn find<'a>(run: &'a Run, key: &[u8], hash: u64, block: &mut Block<'a>) -> io::Result<Option<Entry>> {
    let Some(piece) = run.piece_of(key) else { return Ok(None) };
    let Some(number) = piece.block_of(key, hash) else { return Ok(None) };
    block.read(piece, number)?;
    let (bytes, mut at) = (block.bytes(), 0);
    while at < bytes.len() {
        let entry = Entry::read(bytes, at);
        match bytes[entry.key.clone()].cmp(key) {
            std::cmp::Ordering::Less => at = entry.record.end,
            std::cmp::Ordering::Equal => return Ok(Some(entry)),
            std::cmp::Ordering::Greater => break,
        }
    }
    Ok(None)
}

/// The block that was looked at last.
#[derive(Default)]
struct Block<'a> {
    of: Option<(&'a Piece, usize)>,
    /// Where it lies in a piece that is in memory; a copy of it otherwise.
    range: Range<usize>,
    copy: Vec<u8>,
}

impl<'a> Block<'a> {
    fn read(&mut self, piece: &'a Piece, number: usize) -> io::Result<()> {
        if self.of.is_some_and(|(of, block)| std::ptr::eq(of, piece) && block == number) {
            return Ok(());
        }
        self.of = None;
        self.range = piece.range_of(number..number + 1);
        if piece.in_memory().is_none() {
            piece.read(self.range.clone(), &mut self.copy)?;
        }
        self.of = Some((piece, number));
        Ok(())
    }

    fn bytes(&self) -> &[u8] {
        match self.of.and_then(|(piece, _)| piece.in_memory()) {
            Some(bytes) => &bytes[self.range.clone()],
            None => &self.copy,
        }
    }
}
