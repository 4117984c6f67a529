//! The **follower** of a store: hears of this process's appends by the bell, of others' by looking.
//!
//! Looking is `PRAGMA data_version`, which SQLite answers from shared memory without reading the file; it changes
//! whenever another connection, in any process, commits. With the waking up it costs about 30 microseconds. When to
//! look is told by the operating system: whoever commits has first written to the write-ahead log. Such a nudge comes
//! some 100 microseconds or, with a slow disk, milliseconds before the commit can be seen, so it is followed by a few
//! looks in quick succession.
//!
//! Notifications are a convenience that some file systems lack. The follower finds out whether they can be relied on:
//! as long as commits come with one it looks seldom beside them; until then, and after one that came without, each
//! millisecond while the log grows and every four when it has been quiet, which misses nothing on any platform.

use std::path::Path;
use std::time::{Duration, Instant};

use notify::event::ModifyKind;
use notify::{EventKind, RecursiveMode, Watcher};
use rusqlite::Connection;

use super::error::storage;
use super::schema::{self, Use};
use super::{SqliteStore, read};
use crate::event::{Blame, Fault, FaultKind, Position, Result};
use crate::event_store::{Follower, Source};

/// Between two looks while the log grows,
const BUSY_LOOK: Duration = Duration::from_millis(1);
/// and when it has not grown for [`QUIET`].
const QUIET_LOOK: Duration = Duration::from_millis(4);
const QUIET: Duration = Duration::from_secs(1);
/// The same while notifications can be relied on.
const RELYING_LOOK: Duration = Duration::from_millis(100);
/// Between two looks after a nudge, for so long at the most. A long transaction nudges all the while.
const CLOSE_LOOK: Duration = Duration::from_micros(100);
const CLOSE: Duration = Duration::from_millis(20);
/// How often it is made sure that the file is still the one at the path.
const COMPARE: Duration = Duration::from_secs(1);

pub(super) struct SqliteFollower {
    store: SqliteStore,
    connection: Connection,
    /// The data version at the last look, and the head read after it.
    seen: Option<i64>,
    head: Position,
    grew: Instant,
    /// Nudges heard, and when the first came that no commit has followed yet.
    nudges: u64,
    nudged: Option<Instant>,
    /// Whether the last commit came with a nudge.
    relies: bool,
    /// Kept only to keep it alive; absent where watching is not possible.
    _watcher: Option<notify::RecommendedWatcher>,
    /// The file as it was when the connection was opened, and when that was last compared.
    file: Option<FileNumber>,
    compared: Instant,
}

impl SqliteFollower {
    pub fn open(store: SqliteStore) -> Result<SqliteFollower> {
        let connection = schema::open(store.path(), Use::Reading)?;
        let (file, now, watcher) = (file_number(store.path()), Instant::now(), watch(&store));
        Ok(SqliteFollower {
            // Until a commit comes without a notification.
            relies: watcher.is_some(),
            _watcher: watcher,
            store,
            connection,
            seen: None,
            head: Position::START,
            grew: now,
            nudges: 0,
            nudged: None,
            file,
            compared: now,
        })
    }

    fn look(&mut self) -> Result<Position> {
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut look| look.query_row([], |row| row.get(0)))
            .map_err(|error| storage("following the log", self.store.path(), error))?;
        if self.seen != Some(version) {
            // Before `seen`: an append in between is looked for again the next time.
            self.head = read::head(&self.connection, self.store.path())?;
            self.seen = Some(version);
            self.grew = Instant::now();
            self.relies = self.nudged.take().is_some();
        }
        Ok(self.head)
    }

    /// How long until the next look when nothing is heard.
    fn rest(&self) -> Duration {
        match self.nudged {
            Some(nudged) if nudged.elapsed() < CLOSE => CLOSE_LOOK,
            None if self.relies => RELYING_LOOK,
            _ if self.grew.elapsed() < QUIET => BUSY_LOOK,
            _ => QUIET_LOOK,
        }
    }
}

/// Nudges the bell when the write-ahead log is written to, by whomever.
fn watch(store: &SqliteStore) -> Option<notify::RecommendedWatcher> {
    let mut log_name = store.path().file_name()?.to_owned();
    log_name.push("-wal");
    let folder = store.path().parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Not the store itself: its clones share the bell, which would keep this alive for good.
    let inner = std::sync::Arc::downgrade(&store.0);
    let nudge = move |told: notify::Result<notify::Event>| {
        let is_written = told.is_ok_and(|event| {
            matches!(event.kind, EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any))
                && event.paths.iter().any(|path| path.file_name() == Some(&log_name))
        });
        if is_written && let Some(inner) = inner.upgrade() {
            inner.bell.nudge();
        }
    };
    let watcher = notify::recommended_watcher(nudge)
        .and_then(|mut watcher| watcher.watch(folder, RecursiveMode::NonRecursive).map(|()| watcher));
    watcher.inspect_err(|error| tracing::debug!(%error, "the event store's folder cannot be watched")).ok()
}

impl SqliteFollower {
    /// A connection goes on reading a file that was removed or replaced, and would never hear of the new one.
    fn compare_file(&mut self) -> Result<()> {
        if self.compared.elapsed() < COMPARE {
            return Ok(());
        }
        self.compared = Instant::now();
        if file_number(self.store.path()) == self.file {
            return Ok(());
        }
        let path = self.store.path().display();
        Err(Fault::new(
            FaultKind::Storage,
            format!("the event store {path} was removed or replaced while it is followed"),
        )
        .blame(Blame::Operator)
        .hint("stop the host, put the right file there, and start it again: nothing new is read until then"))
    }
}

/// Which file lies at a path: its device and number.
type FileNumber = (u64, u64);

#[cfg(unix)]
fn file_number(path: &Path) -> Option<FileNumber> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// Elsewhere files that are open cannot be replaced.
#[cfg(not(unix))]
fn file_number(_path: &Path) -> Option<FileNumber> {
    None
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
            let heard = self.store.0.bell.listen(known, self.nudges, left.min(self.rest()));
            if heard.nudges != self.nudges {
                self.nudges = heard.nudges;
                self.nudged.get_or_insert_with(Instant::now);
            }
            if heard.head > known {
                return Ok(heard.head);
            }
        }
    }
}
