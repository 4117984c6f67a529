//! The **follower** of a store: hears of this process's appends by the bell, of others' by looking.
//!
//! Looking is `PRAGMA data_version`, which SQLite answers from shared memory without reading the file; it changes
//! whenever another connection, in any process, commits. With the waking up it costs about 30 microseconds, so the
//! follower looks each millisecond while the log grows and less often when it has been quiet: below 1 % of a core.
//! Unlike file notifications this works on every platform and misses nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::schema::{self, Use};
use super::trouble::storage;
use super::{SqliteStore, read};
use crate::event::{Blame, Fault, FaultKind, Position, Result};
use crate::source::{Follower, Source};

/// Between two looks while the log grows,
const BUSY_LOOK: Duration = Duration::from_millis(1);
/// and when it has not grown for [`QUIET`].
const QUIET_LOOK: Duration = Duration::from_millis(4);
const QUIET: Duration = Duration::from_secs(1);
/// How often it is made sure that the file is still the one at the path.
const COMPARE: Duration = Duration::from_secs(1);

pub(super) struct SqliteFollower {
    store: SqliteStore,
    connection: Connection,
    /// The data version at the last look, and the head read after it.
    seen: Option<i64>,
    head: Position,
    grew: Instant,
    /// The file as it was when the connection was opened, and when that was last compared.
    file: Option<FileNumber>,
    compared: Instant,
}

impl SqliteFollower {
    pub fn open(store: SqliteStore) -> Result<SqliteFollower> {
        let connection = schema::open(store.path(), Use::Reading)?;
        let (file, now) = (file_number(store.path()), Instant::now());
        Ok(SqliteFollower { store, connection, seen: None, head: Position::START, grew: now, file, compared: now })
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
        }
        Ok(self.head)
    }
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
            let look = if self.grew.elapsed() < QUIET { BUSY_LOOK } else { QUIET_LOOK };
            let heard = self.store.0.bell.listen(known, left.min(look));
            if heard > known {
                return Ok(heard);
            }
        }
    }
}
