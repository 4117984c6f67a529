//! The **embedded event store**: one SQLite file, the default.
//!
//! One process or several append, one transaction at a time; any number of readers look on without waiting. An
//! append is durable when it returns. Positions have no gaps: each is the highest so far plus one, taken inside
//! the writing transaction. The file is plain SQL: the view `event_log` shows the events with their names to
//! whoever opens it with other tools.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::event::{ExpectedVersion, FaultKind, NewEvent, Result};
use crate::event_store::{AppendableStore, BulkAppender, EventStore, Follower, Reader, Recorded};

mod file_identity;
mod error;
mod id;
mod schema;
mod connect;
mod cache_sizes;
mod stream_cache;
mod write;
mod append;
mod commit_notifier;
mod bulk;
mod names;
mod read;
mod watch;
mod follow;

use commit_notifier::CommitNotifier;
use write::Writer;

/// An event store in one SQLite file. Clones share one writing connection and one notifier, so that followers in this
/// process hear of an append at once.
#[derive(Clone)]
pub struct SqliteStore(Arc<Inner>);

struct Inner {
    path: PathBuf,
    writer: Mutex<Option<Writer>>,
    commits: Arc<CommitNotifier>,
}

impl SqliteStore {
    /// Opens the store at `path`, which must be there. A file that is no event store, or one of a newer format, is
    /// refused untouched.
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteStore> {
        let path = path.as_ref();
        connect::check(path)?;
        Ok(SqliteStore::at(path))
    }

    /// Opens the store at `path`, and makes the file (and its folder) when there is none, or an empty one.
    pub fn create(path: impl AsRef<Path>) -> Result<SqliteStore> {
        let path = path.as_ref();
        schema::create_if_missing(path)?;
        SqliteStore::open(path)
    }

    fn at(path: &Path) -> SqliteStore {
        SqliteStore(Arc::new(Inner { path: path.to_owned(), writer: Mutex::new(None), commits: Arc::default() }))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// [`AppendableStore::append`], for callers that know which store they have.
    pub fn append(&self, stream: &str, expected: ExpectedVersion, events: &[NewEvent]) -> Result<Vec<Recorded>> {
        let mut slot = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = match &mut *slot {
            Some(writer) => writer,
            empty => empty.insert(Writer::open(&self.0.path, connect::Use::Writing)?),
        };
        let appended = append::append(writer, stream, expected, events);
        if appended.as_ref().is_err_and(|fault| fault.kind == FaultKind::Storage && !fault.retry) {
            *slot = None; // a fresh connection may find the file mended
        }
        drop(slot);
        let (recorded, head) = appended?;
        self.0.commits.committed(head);
        Ok(recorded)
    }
}

impl EventStore for SqliteStore {
    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(read::SqliteReader::open(&self.0.path)?))
    }

    fn follower(&self) -> Result<Box<dyn Follower>> {
        Ok(Box::new(follow::SqliteFollower::open(&self.0.path, self.0.commits.clone())?))
    }
}

impl AppendableStore for SqliteStore {
    fn append(&self, stream: &str, expected: ExpectedVersion, events: &[NewEvent]) -> Result<Vec<Recorded>> {
        SqliteStore::append(self, stream, expected, events)
    }

    fn bulk_appender(&self) -> Result<Box<dyn BulkAppender>> {
        Ok(Box::new(bulk::SqliteBulkAppender::open(&self.0.path, self.0.commits.clone())?))
    }
}
