//! A **tree** of SQLite's file format, laid out from entries that come in order: each page is filled once, from left
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
pub(super) use record::Record;

/// Bytes of a page, all of which are used.
pub(super) const PAGE: usize = 4096;
