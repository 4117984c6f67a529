//! **Laying out**: the first rows of a build become the pages of its trees directly, in key order; and if they stay
//! its only rows, so do its secondary indexes. See [`super::tree`].

use std::io;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::building::{BuildingGeneration, PRAGMAS};
use super::order::{self, Side};
use super::schema::{self, IndexSql};
use super::sort::Place;
use super::storage::{connect, failed, pragmas};
use super::tree::{Kind, Pages, Record, Tree};
use super::writer::Flush;
use crate::event::{Fault, Manifest, Result, Table};

/// The rows of a build that was laid out, until others come.
#[derive(Debug)]
pub(super) struct FirstRows {
    flushes: Vec<Flush>,
    /// How many rows each table has.
    pub counts: Vec<u64>,
    /// For each secondary index, the rows in its order; none where rows are the same that must not be.
    sorted: Vec<Option<Vec<Place>>>,
}

impl BuildingGeneration {
    /// Writes the first rows, into tables that are empty.
    pub(super) fn write_pages(&mut self, flushes: Vec<Flush>) -> Result<FirstRows> {
        let mut places = Vec::new();
        for (number, table) in self.file.manifest.tables.iter().enumerate() {
            let sides = order::sides(number, table, &flushes)?;
            let mut rows = order::by_key(table, &sides)?;
            rows.retain(|place| !sides[place.side as usize].deletes);
            places.push(rows);
        }
        let roots = self.roots()?;
        let manifest = self.file.manifest.clone();
        let sort_indexes = || {
            let indexes = schema::create_indexes(&manifest);
            let sorted = indexes.iter().map(|index| {
                let sides = order::sides(index.number, index.table, &flushes)?;
                Ok(order::by_index(index.index, &sides, &places[index.number]))
            });
            sorted.collect::<Result<Vec<_>>>()
        };
        let sorted = thread::scope(|scope| {
            // Beside the writing, since they are mostly the only rows.
            let sorting = scope.spawn(sort_indexes);
            self.in_pages(|pages, manifest| {
                for ((number, table), rows) in manifest.tables.iter().enumerate().zip(&places) {
                    let sides = order::sides(number, table, &flushes).map_err(io::Error::other)?;
                    lay_table(pages, table, roots[number], &sides, rows)?;
                }
                Ok(())
            })?;
            sorting.join().unwrap_or_else(|panic| resume_unwind(panic))
        })?;
        Ok(FirstRows { flushes, counts: places.iter().map(|rows| rows.len() as u64).collect(), sorted })
    }

    /// Writes the secondary indexes of rows that were laid out.
    pub(super) fn write_index_pages(&mut self, laid: &FirstRows) -> Result<()> {
        let manifest = self.file.manifest.clone();
        let indexes = schema::create_indexes(&manifest);
        if indexes.is_empty() {
            return Ok(());
        }
        if let Some((index, _)) = indexes.iter().zip(&laid.sorted).find(|(_, sorted)| sorted.is_none()) {
            return Err(self.not_unique(index));
        }
        let mut roots = Vec::new();
        self.in_pages(|pages, _| {
            for (index, rows) in indexes.iter().zip(laid.sorted.iter().flatten()) {
                let sides = order::sides(index.number, index.table, &laid.flushes).map_err(io::Error::other)?;
                roots.push(lay_index(pages, index, &sides, rows)?);
            }
            Ok(())
        })?;
        // What `CREATE INDEX` writes; it would also fill them.
        self.write(|conn| {
            conn.execute_batch("PRAGMA writable_schema = ON")?;
            for (index, root) in indexes.iter().zip(&roots) {
                let sql =
                    "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('index', ?, ?, ?, ?)";
                conn.execute(sql, (&index.name, &index.table.name, root, &index.create))?;
            }
            let version: i64 = conn.pragma_query_value(None, "schema_version", |row| row.get(0))?;
            conn.pragma_update(None, "schema_version", version + 1)?;
            conn.execute_batch("PRAGMA writable_schema = RESET")
        })
    }

    /// The root page of each table.
    fn roots(&self) -> Result<Vec<u32>> {
        let root = |table: &Table| {
            self.write(|conn| {
                conn.query_row(
                    "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = ?",
                    [&table.name],
                    |row| row.get(0),
                )
            })
        };
        self.file.manifest.tables.iter().map(root).collect()
    }

    /// Hands the file to `write` while SQLite has it closed.
    fn in_pages(&mut self, write: impl FnOnce(&mut Pages, &Manifest) -> io::Result<()>) -> Result<()> {
        self.write(|conn| conn.execute_batch("COMMIT"))?;
        let closed = Connection::open_in_memory().map_err(|error| failed("cannot close", &self.file.path, &error))?;
        drop(std::mem::replace(&mut self.conn, closed));
        let written = Pages::open(&self.file.path).and_then(|mut pages| {
            write(&mut pages, &self.file.manifest)?;
            pages.finish()
        });
        written.map_err(|error| not_written(&self.file.path, &error))?;
        self.conn = connect(&self.file.path, false)?;
        pragmas(&self.conn, &self.file.path, PRAGMAS)?;
        self.write(|conn| conn.execute_batch("BEGIN EXCLUSIVE"))
    }
}

fn not_written(path: &Path, error: &io::Error) -> Fault {
    let fault = Fault::storage(format!("cannot write {}", path.display()), error);
    match error.kind() {
        io::ErrorKind::StorageFull => fault.hint("free some space and try again").retriable(),
        _ => fault,
    }
}

/// Rows by row id, or by key as an index of themselves: key columns first.
fn lay_table(pages: &mut Pages, table: &Table, root: u32, sides: &[Side<'_>], rows: &[Place]) -> io::Result<()> {
    let Some(id) = schema::row_id(table) else {
        let records = Records::of_sides(sides, &keys_first(table), None);
        let mut tree = Tree::new(pages, Kind::Index);
        rows.iter().try_for_each(|place| tree.push(records[place.side as usize].get(place)))?;
        return tree.finish(Some(root)).map(|_| ());
    };
    let columns: Vec<usize> = (0..table.columns.len()).collect();
    let records = Records::of_sides(sides, &columns, Some(id));
    let mut tree = Tree::new(pages, Kind::Table);
    for place in rows {
        let ValueRef::Integer(id) = sides[place.side as usize].columns[id].get(place.row as usize) else { continue };
        tree.push_row(id, records[place.side as usize].get(place))?;
    }
    tree.finish(Some(root)).map(|_| ())
}

/// The indexed columns of each row, and what else it takes to find it.
fn lay_index(pages: &mut Pages, index: &IndexSql<'_>, sides: &[Side<'_>], rows: &[Place]) -> io::Result<u32> {
    let mut columns: Vec<usize> = index.index.columns.iter().map(|&column| usize::from(column)).collect();
    match schema::row_id(index.table) {
        Some(id) => columns.push(id),
        None => {
            let indexed = columns.clone();
            let key = index.table.key.iter().map(|&column| usize::from(column));
            columns.extend(key.filter(|column| !indexed.contains(column)));
        }
    }
    let records = Records::of_sides(sides, &columns, None);
    let mut tree = Tree::new(pages, Kind::Index);
    rows.iter().try_for_each(|place| tree.push(records[place.side as usize].get(place)))?;
    tree.finish(None)
}

/// The records of one side, made in the order in which its rows were flushed, so that each column is read from front to
/// back: in key order nearly every value would be a miss in the processor's cache.
#[derive(Default)]
struct Records {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Records {
    /// Of some columns of each side, on all cores. `id` is the column that the row id stands for.
    fn of_sides(sides: &[Side<'_>], columns: &[usize], id: Option<usize>) -> Vec<Records> {
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get()).min(sides.len()).max(1);
        thread::scope(|scope| {
            // In turn, since the first flushes are the largest.
            let some = |first| sides.iter().skip(first).step_by(cores).map(|side| Records::of(side, columns, id));
            let threads: Vec<_> =
                (0..cores).map(|first| scope.spawn(move || some(first).collect::<Vec<_>>())).collect();
            let made = threads.into_iter().map(|thread| thread.join().expect("records are made").into_iter());
            let mut made: Vec<_> = made.collect();
            (0..sides.len()).map(|side| made[side % cores].next().expect("one for each side")).collect()
        })
    }

    fn of(side: &Side<'_>, columns: &[usize], id: Option<usize>) -> Records {
        let (mut records, mut record) = (Records::default(), Record::default());
        let rows = if side.deletes { 0 } else { side.length() };
        records.ends.reserve(rows);
        for row in 0..rows {
            record.clear();
            for &column in columns {
                record.push(if id == Some(column) { ValueRef::Null } else { side.columns[column].get(row) });
            }
            record.write(&mut records.bytes);
            records.ends.push(records.bytes.len());
        }
        records
    }

    fn get(&self, place: &Place) -> &[u8] {
        let row = place.row as usize;
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes[start..self.ends[row]]
    }
}

fn keys_first(table: &Table) -> Vec<usize> {
    let key = table.key.iter().map(|&column| usize::from(column));
    let is_key = |column: &usize| table.key.iter().any(|&key| usize::from(key) == *column);
    key.chain((0..table.columns.len()).filter(|column| !is_key(column))).collect()
}
