//! An **index build** gathers the entries of one secondary index while its table is written, sorts them in runs of their
//! own, and writes the index as pages.

use std::mem;
use std::path::Path;
use std::thread::{self, JoinHandle};

use rusqlite::types::ValueRef;

use super::merge_fault::BuildError;
use super::order::{changes, show};
use super::query::Value;
use super::runs::{KeyLayout, MergeError, Piece, Runs, Sorter, Twice};
use super::schema::{self, IndexSql};
use super::storage;
use super::tree::{Kind, Pages, Record, Tree};
use crate::event::{Fault, Result};

/// So many bytes of entries are sorted at once, by a thread beside the one that writes.
const SORTED_BYTES: usize = 4 << 20;

pub(super) struct IndexBuild<'a> {
    index: &'a IndexSql<'a>,
    /// The indexed columns, and what else it takes to find the row.
    columns: Vec<usize>,
    key: KeyLayout,
    sorter: Sorter,
    sorted_bytes: usize,
    sorting: Option<JoinHandle<Result<Option<Piece>, Twice>>>,
    runs: Runs,
    scratch: (Vec<u8>, Record, Vec<u8>),
}

impl<'a> IndexBuild<'a> {
    /// With files in the folder for what goes beyond the memory.
    pub fn new(index: &'a IndexSql<'a>, folder: &Path, memory_bytes_max: usize) -> IndexBuild<'a> {
        let table = index.table;
        let mut columns: Vec<usize> = index.index.columns.iter().map(|&column| usize::from(column)).collect();
        match schema::row_id(table) {
            Some(id) => columns.push(id),
            None => {
                let indexed = columns.clone();
                let key = table.key.iter().map(|&column| usize::from(column));
                columns.extend(key.filter(|column| !indexed.contains(column)));
            }
        }
        let described = columns.iter().map(|&column| (table.columns[column].kind, table.columns[column].nullable));
        IndexBuild {
            index,
            key: KeyLayout::new(described),
            columns,
            sorter: Sorter::default(),
            sorted_bytes: SORTED_BYTES.min(memory_bytes_max.max(4096)),
            sorting: None,
            runs: Runs::new(1, folder, memory_bytes_max),
            scratch: Default::default(),
        }
    }

    /// Adds the entry of a row, of which these are all values.
    pub fn push(&mut self, values: &[ValueRef<'_>]) -> Result<(), BuildError> {
        let (key, record, bytes) = &mut self.scratch;
        key.clear();
        self.key.push(self.columns.iter().map(|&column| values[column]), key);
        record.clear();
        self.columns.iter().for_each(|&column| record.push(values[column]));
        bytes.clear();
        record.write(bytes);
        self.sorter.push(key, Some(bytes));
        if self.sorter.length() >= self.sorted_bytes {
            self.sort()?;
        }
        Ok(())
    }

    /// Lets a thread sort what was gathered, once it has sorted what was gathered before.
    fn sort(&mut self) -> Result<(), BuildError> {
        self.take_sorted()?;
        let sorter = mem::take(&mut self.sorter);
        let sorting = thread::Builder::new().name("sort-index".into()).spawn(move || sorter.finish(None));
        self.sorting = Some(sorting.map_err(|error| Fault::storage("starting a thread", error))?);
        Ok(())
    }

    fn take_sorted(&mut self) -> Result<(), BuildError> {
        let Some(sorting) = self.sorting.take() else { return Ok(()) };
        let sorted = sorting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let piece = sorted.map_err(|twice| MergeError::Again(twice.key))?;
        if let Some(piece) = piece {
            self.runs.add(0, 0, piece, true)?;
        }
        Ok(())
    }

    /// Writes the index; returns its root page.
    pub fn finish(mut self, pages: &mut Pages, path: &Path) -> Result<u32> {
        self.write(pages).map_err(|error| match error {
            BuildError::Fault(fault) => fault,
            BuildError::Write(error) | BuildError::Merge(MergeError::Io(error)) => storage::not_written(path, &error),
            BuildError::Merge(MergeError::Overlap(key) | MergeError::Again(key)) => self.not_unique(&key),
        })
    }

    fn write(&mut self, pages: &mut Pages) -> Result<u32, BuildError> {
        self.sort()?;
        self.take_sorted()?;
        let (is_unique, indexed) = (self.index.index.unique, self.index.index.columns.len());
        let mut tree = Tree::new(pages, Kind::Index);
        let mut last: Option<Vec<u8>> = None;
        self.runs.merge(0, true, &mut |key, record| {
            if is_unique && let Some(length) = self.key.present_prefix(key, indexed) {
                if last.as_deref() == Some(&key[..length]) {
                    return Err(BuildError::Fault(self.not_unique(key)));
                }
                let last = last.get_or_insert_default();
                last.clear();
                last.extend_from_slice(&key[..length]);
            }
            Ok(tree.push(record.unwrap_or_default())?)
        })?;
        Ok(tree.finish(None)?)
    }

    /// The fault of two rows that have the same indexed values.
    fn not_unique(&self, key: &[u8]) -> Fault {
        let names = schema::index_columns(self.index.table, self.index.index);
        let values = self.key.values(key);
        not_unique(self.index, &show(names.iter().copied(), values.iter().map(Value::as_ref)))
    }
}

/// The fault of two rows that a unique index forbids, with their values.
pub(super) fn not_unique(index: &IndexSql<'_>, example: &str) -> Fault {
    changes(index.table, &format!("two rows have {example}, which a unique index forbids"))
        .hint("let the projection keep these values distinct, or declare the index without `unique`")
}
