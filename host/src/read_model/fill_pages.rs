//! **Filling by pages**: the merged rows of a build become the pages of its tables and indexes directly, each page once and
//! from left to right, while SQLite has the file closed. See [`super::tree`].

use std::path::Path;

use rusqlite::types::ValueRef;

use super::index_build::IndexBuild;
use super::layout::RowLayout;
use super::merge_fault::{BuildError, FaultOf};
use super::runs::Runs;
use super::schema;
use super::tree::{Kind, Pages, Tree};
use crate::event::{Manifest, Result, Table};

/// What was written.
pub(super) struct Filled {
    /// How many rows each table has.
    pub counts: Vec<u64>,
    /// The root page of each secondary index, in the order of [`schema::create_indexes`].
    pub index_roots: Vec<u32>,
}

/// Writes all tables and indexes. `roots` are the root pages of the tables.
pub(super) fn fill(
    path: &Path,
    manifest: &Manifest,
    layouts: &[RowLayout],
    roots: &[u32],
    runs: &mut Runs,
    memory_bytes_max: usize,
) -> Result<Filled> {
    let written = |error: std::io::Error| super::storage::not_written(path, &error);
    let indexes = schema::create_indexes(manifest);
    let mut pages = Pages::open(path).map_err(written)?;
    let mut filled = Filled { counts: Vec::new(), index_roots: Vec::new() };
    for (number, table) in manifest.tables.iter().enumerate() {
        let of_table = || indexes.iter().filter(|index| index.number == number);
        // Half of it for all indexes of a table together: its own rows are still there.
        let memory = memory_bytes_max / 2 / of_table().count().max(1);
        let folder = super::file::folder(path);
        let mut builds: Vec<_> = of_table().map(|index| IndexBuild::new(index, folder, memory)).collect();
        let faults = FaultOf { path, table, layout: &layouts[number] };
        let count = fill_table(&mut pages, roots[number], number, &faults, runs, &mut builds);
        filled.counts.push(count.map_err(|error| faults.fault(error))?);
        // What is in the file need not take memory any more.
        runs.clear(number);
        for build in builds {
            filled.index_roots.push(build.finish(&mut pages, path)?);
        }
    }
    pages.finish().map_err(written)?;
    Ok(filled)
}

fn fill_table(
    pages: &mut Pages,
    root: u32,
    number: usize,
    faults: &FaultOf<'_>,
    runs: &Runs,
    indexes: &mut [IndexBuild<'_>],
) -> Result<u64, BuildError> {
    let Table { insert_only, .. } = *faults.table;
    let layout = faults.layout;
    let kind = if schema::row_id(faults.table).is_some() { Kind::Table } else { Kind::Index };
    let mut tree = Tree::new(pages, kind);
    let mut count = 0;
    runs.merge(number, insert_only, &mut |key, record| {
        let Some(record) = record else { return Ok(()) };
        count += 1;
        match layout.row_id(key) {
            Some(id) => tree.push_row(id, record)?,
            None => tree.push(record)?,
        }
        if !indexes.is_empty() {
            let values: Vec<ValueRef<'_>> = layout.values(key, record);
            indexes.iter_mut().try_for_each(|index| index.push(&values))?;
        }
        Ok::<_, BuildError>(())
    })?;
    tree.finish(Some(root))?;
    Ok(count)
}
