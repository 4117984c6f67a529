//! The **embedded event store**: one SQLite file, the default source.
//!
//! One process or several append, one transaction at a time; any number of readers look on without waiting. An
//! append is durable when it returns. Positions have no gaps: each is the highest so far plus one, taken inside
//! the writing transaction. The file is plain SQL: the view `event_log` shows the events with their names to
//! whoever opens it with other tools.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::event::{ExpectedVersion, FaultKind, NewEvent, Result};
use crate::event_store::{Follower, Reader, Source};

mod schema;
mod error;
mod id;
mod check;
mod write;
mod append;
mod commit_notifier;
mod follow;
mod names;
mod read;

pub use append::Recorded;
pub use check::{ID_BYTES_MAX, JSON_DEPTH_MAX, NAME_BYTES_MAX, PAYLOAD_BYTES_MAX};

pub(crate) use check::{check_id, check_json, check_name};
pub(crate) use id::EventId;
pub(crate) use write::{Entry, Outcome, Transaction, Writer};

/// An event store in one SQLite file. Clones share one writing connection and one bell, so that followers in this
/// process hear of an append at once.
#[derive(Clone)]
pub struct SqliteStore(Arc<Inner>);

struct Inner {
    path: PathBuf,
    writer: Mutex<Option<Writer>>,
    bell: commit_notifier::CommitNotifier,
}

impl SqliteStore {
    /// Opens the store at `path`, creating the file (and its folder) when there is none. A file that is no event
    /// store, or one of a newer format, is refused untouched.
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteStore> {
        let path = path.as_ref();
        schema::prepare(path)?;
        Ok(SqliteStore::at(path))
    }

    /// Opens the store at `path`, which must be there; nothing is made or changed.
    pub fn open_existing(path: impl AsRef<Path>) -> Result<SqliteStore> {
        let path = path.as_ref();
        schema::open(path, schema::Use::Reading)?;
        Ok(SqliteStore::at(path))
    }

    fn at(path: &Path) -> SqliteStore {
        SqliteStore(Arc::new(Inner {
            path: path.to_owned(),
            writer: Mutex::new(None),
            bell: commit_notifier::CommitNotifier::default(),
        }))
    }

    /// Appends `events` to `stream`, all or none, and returns where each stands, in their order. Durable on return.
    ///
    /// An event whose id is recorded already, with the same stream, type, payload and metadata (and time, when it
    /// names one), is not recorded again: the answer says where it stands and that it was there. `expected` is
    /// asked of the stream only when something new is to be recorded, so a retried append is harmless.
    ///
    /// Faults: input that breaks a rule (names not empty and at most [`NAME_BYTES_MAX`], payloads
    /// that are JSON of at most [`PAYLOAD_BYTES_MAX`] and [`JSON_DEPTH_MAX`], metadata a JSON object), an id recorded with other content, a stream that
    /// is not as expected; storage that is busy (retriable), full, read-only or broken.
    pub fn append(&self, stream: &str, expected: ExpectedVersion, events: &[NewEvent]) -> Result<Vec<Recorded>> {
        let mut slot = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = match &mut *slot {
            Some(writer) => writer,
            empty => empty.insert(self.writer()?),
        };
        let appended = append::append(writer, stream, expected, events);
        if appended.as_ref().is_err_and(|fault| fault.kind == FaultKind::Storage && !fault.retry) {
            *slot = None; // a fresh connection may find the file mended
        }
        drop(slot);
        let (recorded, head) = appended?;
        self.0.bell.ring(head);
        Ok(recorded)
    }

    fn writer(&self) -> Result<Writer> {
        Writer::open(&self.0.path, schema::Use::BuildWriter)
    }

    /// A writing connection of its own, for long imports.
    pub(crate) fn importer(&self) -> Result<Writer> {
        Writer::open(&self.0.path, schema::Use::Importing)
    }

    /// Tells this process's followers how far the log goes.
    pub(crate) fn ring(&self, head: crate::event::Position) {
        self.0.bell.ring(head);
    }
}

impl Source for SqliteStore {
    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(read::SqliteReader::open(&self.0.path)?))
    }

    fn follower(&self) -> Result<Box<dyn Follower>> {
        Ok(Box::new(follow::SqliteFollower::open(self.clone())?))
    }

    fn path(&self) -> &Path {
        &self.0.path
    }
}
