//! The **follower** of a store: the commit notifier tells it of this process's appends, looking of others'.
//!
//! Looking is `PRAGMA data_version`, which SQLite answers from shared memory without reading the file; it changes
//! whenever another connection, in any process, commits. With the waking up it costs about 30 microseconds. When to
//! look is told by the operating system (`watch.rs`): whoever commits has first written to the write-ahead log. That
//! comes some 100 microseconds or, with a slow disk, milliseconds before the commit can be seen, so it is followed by
//! a few looks in quick succession.
//!
//! Such notifications are a convenience that some file systems lack. The follower finds out whether they can be relied
//! on: as long as commits come with one it looks seldom beside them; after one that came without, each millisecond while
//! the log grows and every four when it has been quiet, which misses nothing on any platform.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::commit_notifier::CommitNotifier;
use super::connect::connect_for_reading;
use super::error::storage;
use super::file_identity::FileIdentity;
use super::read;
use super::watch::watch;
use crate::event::{Position, Result};
use crate::event_store::Follower;
use crate::sqlite_file::ReadConnection;

/// Between two looks while notifications can be relied on.
const TOLD_LOOK: Duration = Duration::from_millis(50);
/// While they cannot: between two looks while the log grows,
const BUSY_LOOK: Duration = Duration::from_millis(1);
/// and when it has not grown for [`QUIET`].
const QUIET_LOOK: Duration = Duration::from_millis(4);
const QUIET: Duration = Duration::from_secs(1);
/// Between two looks after the files were written to, for so long at the most.
const CLOSE_LOOK: Duration = Duration::from_micros(100);
const CLOSE: Duration = Duration::from_millis(20);
/// How often it is made sure that the file is still the one at the path.
const COMPARE: Duration = Duration::from_secs(1);

pub(super) struct SqliteFollower {
    path: PathBuf,
    commits: Arc<CommitNotifier>,
    opened: ReadConnection,
    /// The data version at the last look, and the head read after it.
    seen: Option<i64>,
    head: Position,
    grew: Instant,
    /// Writes to the files that were told of, and when the first came that no commit has followed yet.
    file_writes: u64,
    written: Option<Instant>,
    /// Whether commits are told of by writes to the files, as far as is known.
    is_told: bool,
    /// Kept only to keep it alive; absent where watching is not possible.
    _watcher: Option<notify::RecommendedWatcher>,
    /// The file as it was when the connection was opened, and when that was last compared.
    file: FileIdentity,
    compared: Instant,
}

impl SqliteFollower {
    pub fn open(path: &Path, commits: Arc<CommitNotifier>) -> Result<SqliteFollower> {
        let (file, now) = (FileIdentity::of(path), Instant::now());
        let watcher = watch(path, &commits);
        Ok(SqliteFollower {
            is_told: watcher.is_some(),
            _watcher: watcher,
            opened: connect_for_reading(path)?,
            path: path.to_owned(),
            commits,
            seen: None,
            head: Position::START,
            grew: now,
            file_writes: 0,
            written: None,
            file,
            compared: now,
        })
    }

    fn look(&mut self) -> Result<Position> {
        if self.opened.is_outdated() {
            self.opened = connect_for_reading(&self.path)?;
            self.seen = None;
        }
        let version = self
            .opened
            .connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut look| look.query_row([], |row| row.get(0)))
            .map_err(|error| storage("following the log", &self.path, error))?;
        if self.seen != Some(version) {
            // Before `seen`: an append in between is looked for again the next time.
            self.head = read::head(&self.opened.connection, &self.path)?;
            self.grew = Instant::now();
            let was_told = self.written.take().is_some();
            self.is_told = if self.seen.replace(version).is_some() { was_told } else { self.is_told };
        }
        Ok(self.head)
    }

    /// A connection goes on reading a file that was removed or replaced, and would never see the new one.
    fn compare_file(&mut self) -> Result<()> {
        if self.compared.elapsed() < COMPARE {
            return Ok(());
        }
        self.compared = Instant::now();
        self.file.check(&self.path)
    }

    /// How long until the next look when nothing is told.
    fn rest(&self) -> Duration {
        match self.written.map(|written| written.elapsed()) {
            Some(since) if since < CLOSE => CLOSE_LOOK,
            Some(since) if since < QUIET => BUSY_LOOK,
            _ if self.is_told => TOLD_LOOK,
            _ if self.grew.elapsed() < QUIET => BUSY_LOOK,
            _ => QUIET_LOOK,
        }
    }

    /// Notes that the files were written to. A long transaction writes all the while.
    fn note_writes(&mut self, file_writes: u64) {
        if file_writes != self.file_writes {
            self.file_writes = file_writes;
            if self.written.is_none_or(|written| written.elapsed() > QUIET) {
                self.written = Some(Instant::now());
            }
        }
    }
}

impl Follower for SqliteFollower {
    fn wait(&mut self, known: Position, patience: Duration) -> Result<Position> {
        let start = Instant::now();
        loop {
            let head = self.look()?;
            self.compare_file()?;
            let left = patience.saturating_sub(start.elapsed());
            if head > known || left.is_zero() {
                return Ok(head);
            }
            let seen = self.commits.wait(known, self.file_writes, left.min(self.rest()));
            self.note_writes(seen.file_writes);
            if seen.head > known {
                return Ok(seen.head);
            }
        }
    }
}
