//! A **tree** of SQLite's file format, written from entries that come in order: each page is filled once, from left
//! to right, and never read again. <https://sqlite.org/fileformat2.html> is the format; names here are its own.
//!
//! SQLite finds the place of each row that it inserts, and copies it some times on the way. Where all rows of a table
//! are there and in order, as at the end of a build, neither is needed. What comes out is a tree as SQLite itself
//! makes it when rows are appended.

mod cell;
mod levels;
mod page;
mod pages;
mod record;

pub(super) use levels::Tree;
pub(super) use page::Kind;
pub(super) use pages::Pages;
pub(super) use record::{Record, push_varint, read_record};

/// The version of SQLite that these pages were compared with, whole and by `PRAGMA integrity_check`. The format has not
/// changed since 2004, but with another version rows are inserted by SQL until somebody has run the tests and set this.
const SQLITE_VERSION: i32 = 3_054_001;

/// Whether pages can be written for the SQLite that reads them.
pub(super) fn is_made_for_this_sqlite() -> bool {
    rusqlite::version_number() == SQLITE_VERSION
}

#[test]
fn pages_are_made_for_the_sqlite_that_is_built_in() {
    assert_eq!(rusqlite::version_number(), SQLITE_VERSION, "run the tests of read_model, then change the number");
}

/// Bytes of a page, all of which are used.
pub(super) const PAGE: usize = 4096;
