//! **Runs** keep the row changes of a build until it is finished: what was flushed is sorted by key once, waits in memory or
//! in a temporary file, and is merged at the end, so that each row of the read model is written once.
//!
//! ```text
//! flush ── sorter ──> piece ──> run of a table and a partition ──┐
//!                       └── too much for the memory ──> file     ├── merge ──> each key once, in order
//! flush ── sorter ──> piece ──> run, newer ──────────────────────┘
//! ```
//!
//! A piece whose keys all come after those of the run before it is appended to that run: rows that are inserted in key
//! order are one run, however many they are. When there are many runs of one size, they are merged into one.

mod key;
mod entry;
mod sorter;
mod filter;
mod piece;
mod run;
mod spill;
mod cursor;
mod merge;
mod lookup;

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};

pub(super) use key::KeyLayout;
pub(super) use lookup::FoundRecords;
pub(super) use merge::MergeError;
pub(super) use piece::{Hasher, Piece};
pub(super) use sorter::{Sorter, Twice};

use merge::{Visit, merge};
use piece::PieceBuilder;
use run::Run;

/// So many runs of one level are merged into one of the next.
const RUNS_MERGED: usize = 16;
/// About how long the pieces of a merged run are.
const PIECE_BYTES: usize = 8 << 20;

/// The runs of some tables.
#[derive(Debug)]
pub(super) struct Runs {
    /// For each table, the runs of each partition, oldest first.
    tables: Vec<BTreeMap<usize, Vec<Run>>>,
    /// Bytes of entries in memory, and how many there may be.
    held: usize,
    held_max: usize,
    /// Where temporary files are made.
    folder: PathBuf,
    hasher: Hasher,
}

impl Runs {
    /// Of so many tables. Entries beyond `memory_bytes_max` go to files in the folder.
    pub fn new(tables: usize, folder: &Path, memory_bytes_max: usize) -> Runs {
        Runs {
            tables: (0..tables).map(|_| BTreeMap::new()).collect(),
            held: 0,
            held_max: memory_bytes_max,
            folder: folder.to_owned(),
            hasher: Hasher::default(),
        }
    }

    /// What keys are hashed with for the filter of a piece.
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Adds what a partition flushed, which is newer than what it flushed before. `is_once` says that no key of the table
    /// may come twice.
    pub fn add(&mut self, table: usize, part: usize, piece: Piece, is_once: bool) -> Result<(), MergeError> {
        self.held += piece.length();
        let runs = self.tables[table].entry(part).or_default();
        match runs.last_mut().filter(|last| last.ends_before(&piece)) {
            Some(last) => last.push(piece),
            None => runs.push(Run::new(vec![piece], 0)),
        }
        while self.merge_newest(table, part, is_once)? {}
        if self.held > self.held_max {
            let pieces = self.tables.iter_mut().flat_map(BTreeMap::values_mut).flatten().flat_map(Run::pieces_mut);
            spill::spill(pieces, &self.folder)?;
            self.held = 0;
        }
        Ok(())
    }

    /// Merges the newest runs of a partition if there are many of one level.
    fn merge_newest(&mut self, table: usize, part: usize, is_once: bool) -> Result<bool, MergeError> {
        let runs = self.tables[table].entry(part).or_default();
        let Some(level) = runs.last().map(|run| run.level) else { return Ok(false) };
        if runs.iter().rev().take_while(|run| run.level == level).count() < RUNS_MERGED {
            return Ok(false);
        }
        let newest = &runs[runs.len() - RUNS_MERGED..];
        // Only keys that were updated have to be looked up.
        let hasher = (!is_once).then_some(&self.hasher);
        let mut merged = Merged { pieces: Vec::new(), held: 0, held_max: self.held_max / 2, folder: &self.folder };
        let mut builder = PieceBuilder::new(PIECE_BYTES, hasher);
        merge(&[(part, newest)], is_once, &mut |key, record| {
            builder.push(key, record);
            if builder.length() >= PIECE_BYTES {
                let piece = mem::replace(&mut builder, PieceBuilder::new(PIECE_BYTES, hasher)).finish();
                merged.push(piece)?;
            }
            Ok::<_, MergeError>(())
        })?;
        merged.push(builder.finish())?;
        let (pieces, held) = (merged.pieces, merged.held);
        let in_memory = |run: &Run| run.pieces().iter().filter_map(Piece::in_memory).map(<[u8]>::len).sum::<usize>();
        let gone: usize = newest.iter().map(in_memory).sum();
        runs.truncate(runs.len() - RUNS_MERGED);
        runs.push(Run::new(pieces, level + 1));
        self.held = self.held + held - gone;
        Ok(true)
    }

    /// Visits each key of a table once, in order, with the newest record unless the row was deleted. A key of two
    /// partitions is an overlap; `is_once` says that no key may come twice.
    pub fn merge<E: From<MergeError>>(&self, table: usize, is_once: bool, visit: &mut Visit<'_, E>) -> Result<(), E> {
        let parts: Vec<_> = self.tables[table].iter().map(|(&part, runs)| (part, runs.as_slice())).collect();
        merge(&parts, is_once, visit)
    }

    /// The newest records of some keys.
    pub fn look_up(&self, table: usize, keys: &[Vec<u8>]) -> io::Result<FoundRecords> {
        lookup::look_up(self.tables[table].values().map(Vec::as_slice), keys, &self.hasher)
    }

    /// Lets go of the runs of a table.
    pub fn clear(&mut self, table: usize) {
        self.tables[table].clear();
    }
}

/// The pieces of a merged run; those that would take too much memory go to files.
struct Merged<'a> {
    pieces: Vec<Piece>,
    held: usize,
    held_max: usize,
    folder: &'a Path,
}

impl Merged<'_> {
    fn push(&mut self, piece: Option<Piece>) -> io::Result<()> {
        self.held += piece.as_ref().map_or(0, Piece::length);
        self.pieces.extend(piece);
        if self.held > self.held_max {
            spill::spill(self.pieces.iter_mut(), self.folder)?;
            self.held = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of 100 entries, each entry of some 100 bytes.
    fn piece(runs: &Runs, keys: impl Iterator<Item = u32>) -> Piece {
        let mut sorter = Sorter::default();
        keys.for_each(|key| sorter.push(&key.to_be_bytes(), Some(&[7; 94])));
        sorter.finish(Some(runs.hasher())).unwrap().expect("there are keys")
    }

    fn runs_of(runs: &Runs) -> Vec<usize> {
        runs.tables[0][&0].iter().map(|run| run.pieces().len()).collect()
    }

    #[test]
    fn what_comes_in_key_order_is_one_run() {
        let folder = tempfile::tempdir().unwrap();
        let mut runs = Runs::new(1, folder.path(), 1 << 20);
        for number in 0..100 {
            runs.add(0, 0, piece(&runs, number * 100..number * 100 + 100), true).unwrap();
        }
        assert_eq!(runs_of(&runs), [100]);
        runs.add(0, 0, piece(&runs, 20_000..20_001), true).unwrap();
        runs.add(0, 0, piece(&runs, 15_000..15_001), true).unwrap();
        assert_eq!(runs_of(&runs), [101, 1]);
    }

    #[test]
    fn there_are_never_many_runs_nor_much_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut runs = Runs::new(1, folder.path(), 50_000);
        for number in 0..1_000 {
            // Each covers the whole range of keys.
            runs.add(0, 0, piece(&runs, (0..100).map(|key| key * 1_000 + number)), false).unwrap();
            assert!(runs.held <= 50_000, "{} bytes", runs.held);
            let in_memory = runs.tables[0][&0].iter().flat_map(Run::pieces).filter_map(Piece::in_memory);
            assert_eq!(in_memory.map(<[u8]>::len).sum::<usize>(), runs.held);
            assert!(runs_of(&runs).len() < 3 * RUNS_MERGED);
        }
        let mut keys = Vec::new();
        runs.merge(0, true, &mut |key, _| {
            keys.push(u32::from_be_bytes(key.try_into().unwrap()));
            Ok::<_, MergeError>(())
        })
        .unwrap();
        assert!(keys.iter().copied().eq(0..100_000));
    }
}
