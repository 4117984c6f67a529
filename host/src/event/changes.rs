//! **Changes** are what a projection gives back; **rows** are what it looks up.

use super::{Bitmap, Column};

/// What changed in one table since the last flush; shapes as in `wit/*/tables.wit`.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// Index of the table in the manifest.
    pub table: usize,
    /// How many rows `upserts` holds.
    pub upserted: usize,
    /// All columns of the table in manifest order.
    pub upserts: Vec<Column>,
    /// How many keys `deletes` holds.
    pub deleted: usize,
    /// The key columns in key order.
    pub deletes: Vec<Column>,
}

impl Changes {
    /// About how much memory they take.
    pub fn bytes(&self) -> usize {
        self.upserts.iter().chain(&self.deletes).map(Column::bytes).sum()
    }
}

/// Rows that were looked up, one entry for each key asked for, in that order.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Which of the keys have a row.
    pub found: Bitmap,
    /// All columns of the table in manifest order; no value where no row was found.
    pub columns: Vec<Column>,
}
