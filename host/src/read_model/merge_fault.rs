//! What goes wrong where rows are merged and written, and what to tell a person of it.

use std::io;
use std::path::Path;

use super::layout::RowLayout;
use super::order::{INSERTED_AGAIN, changes, overlap, show_key};
use super::query::Value;
use super::runs::{MergeError, Twice};
use super::storage;
use crate::event::{Fault, Table};

/// Why a build cannot go on.
#[derive(Debug)]
pub(super) enum BuildError {
    /// Of the rows, or of reading them.
    Merge(MergeError),
    /// The generation's file could not be written.
    Write(io::Error),
    /// Somebody else's words.
    Fault(Fault),
}

impl From<MergeError> for BuildError {
    fn from(error: MergeError) -> BuildError {
        BuildError::Merge(error)
    }
}

impl From<io::Error> for BuildError {
    fn from(error: io::Error) -> BuildError {
        BuildError::Write(error)
    }
}

impl From<Fault> for BuildError {
    fn from(fault: Fault) -> BuildError {
        BuildError::Fault(fault)
    }
}

/// Makes faults of errors in one table.
pub(super) struct FaultOf<'a> {
    pub path: &'a Path,
    pub table: &'a Table,
    pub layout: &'a RowLayout,
}

impl FaultOf<'_> {
    /// The fault of an error.
    pub fn fault(&self, error: BuildError) -> Fault {
        match error {
            BuildError::Fault(fault) => fault,
            BuildError::Write(error) => storage::not_written(self.path, &error),
            BuildError::Merge(error) => self.merge(error),
        }
    }

    /// The fault of a merge.
    pub fn merge(&self, error: MergeError) -> Fault {
        match error {
            MergeError::Io(error) => {
                storage::not_stored(format!("keeping rows beside {}", self.path.display()), &error)
            }
            MergeError::Overlap(key) => {
                let values = self.layout.key_values(&key);
                overlap(self.table, values.iter().map(Value::as_ref))
            }
            MergeError::Again(key) => changes(self.table, &format!("key {} {INSERTED_AGAIN}", self.shown(&key)))
                .hint("put something unique for each row into the key, the position say"),
        }
    }

    /// The fault of a key that a flush has twice.
    pub fn twice(&self, twice: &Twice) -> Fault {
        let how = match twice.is_deleted {
            [false, false] => "is upserted twice in one flush",
            [true, true] => "is deleted twice in one flush",
            _ => "is both upserted and deleted in one flush",
        };
        changes(self.table, &format!("key {} {how}", self.shown(&twice.key)))
            .hint("each key comes back at most once in a flush")
    }

    fn shown(&self, key: &[u8]) -> String {
        let values = self.layout.key_values(key);
        show_key(self.table, values.iter().map(Value::as_ref))
    }
}
