//! A **merge** goes over the entries of several runs in key order. Of a key that one partition has in several runs the newest
//! counts; a key that two partitions have is an overlap. This is the one place where overlaps are found.

use std::cmp::Ordering;
use std::io;

use super::cursor::Cursor;
use super::run::Run;

/// So much memory all buffers together take for runs in files.
const BUFFERS_BYTES: usize = 8 << 20;
const BUFFER_BYTES_MIN: usize = 8 << 10;
const BUFFER_BYTES_MAX: usize = 256 << 10;

/// What a merge found.
#[derive(Debug)]
pub enum MergeError {
    /// A temporary file could not be read or written.
    Io(io::Error),
    /// Two partitions have this key.
    Overlap(Vec<u8>),
    /// Two runs have this key, and may not.
    Again(Vec<u8>),
}

impl From<io::Error> for MergeError {
    fn from(error: io::Error) -> MergeError {
        MergeError::Io(error)
    }
}

/// One run of one partition.
struct Source<'a> {
    cursor: Cursor<'a>,
    part: usize,
    /// The newest run of a partition has the greatest.
    age: usize,
}

/// Gets a key, and its record unless the row was deleted.
pub type Visit<'a, E> = dyn FnMut(&[u8], Option<&[u8]>) -> Result<(), E> + 'a;

/// Goes over the entries of the runs of each partition, oldest run first. Visits each key once, with its record
/// unless the row was deleted. `is_once` says that no key may come twice.
pub fn merge<E: From<MergeError>>(parts: &[(usize, &[Run])], is_once: bool, visit: &mut Visit<'_, E>) -> Result<(), E> {
    let runs: usize = parts.iter().map(|(_, runs)| runs.len()).sum();
    let buffer_bytes = (BUFFERS_BYTES / runs.max(1)).clamp(BUFFER_BYTES_MIN, BUFFER_BYTES_MAX);
    let mut heap = Heap::default();
    for &(part, runs) in parts {
        for (age, run) in runs.iter().enumerate() {
            let cursor = Cursor::new(run.pieces(), buffer_bytes).map_err(MergeError::from)?;
            heap.sources.extend(cursor.map(|cursor| Source { cursor, part, age }));
        }
    }
    heap.build();
    let mut key = Vec::new();
    while let Some(first) = heap.sources.first() {
        visit(first.cursor.key(), first.cursor.record())?;
        key.clear();
        key.extend_from_slice(first.cursor.key());
        let part = first.part;
        heap.advance().map_err(MergeError::from)?;
        while let Some(same) = heap.sources.first().filter(|source| source.cursor.key() == key) {
            if same.part != part {
                return Err(MergeError::Overlap(key).into());
            }
            if is_once {
                return Err(MergeError::Again(key).into());
            }
            heap.advance().map_err(MergeError::from)?;
        }
    }
    Ok(())
}

/// Sources by their next entry, the least first (a binary heap, since the standard one does not let its least entry
/// change in place).
#[derive(Default)]
struct Heap<'a> {
    sources: Vec<Source<'a>>,
}

impl Heap<'_> {
    fn build(&mut self) {
        (0..self.sources.len() / 2).rev().for_each(|at| self.sift_down(at));
    }

    /// Moves the first source on, and removes it once it has ended.
    fn advance(&mut self) -> io::Result<()> {
        if !self.sources[0].cursor.advance()? {
            self.sources.swap_remove(0);
        }
        self.sift_down(0);
        Ok(())
    }

    fn sift_down(&mut self, mut at: usize) {
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let mut least = at;
            for child in [left, right] {
                if child < self.sources.len() && self.is_before(child, least) {
                    least = child;
                }
            }
            if least == at {
                return;
            }
            self.sources.swap(at, least);
            at = least;
        }
    }

    /// By key; of the same key and partition the newest first.
    fn is_before(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.sources[a], &self.sources[b]);
        let order = a.cursor.order(&b.cursor).then(a.part.cmp(&b.part)).then(b.age.cmp(&a.age));
        order == Ordering::Less
    }
}
