//! The **writer**: one connection that records events, one transaction at a time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::connect::{Use, connect};
use super::error::storage;
use super::file_identity::FileIdentity;
use super::stream_cache::{Stream, StreamCache};
use crate::event::{Fault, Position, Result, StreamVersion, Timestamp};
use crate::event_store::BulkEvent;

/// Event types remembered with their number.
const TYPES_REMEMBERED_MAX: usize = 20_000;

/// One connection that records events.
pub(super) struct Writer {
    connection: Connection,
    path: PathBuf,
    /// The file that the connection writes to: what is written to one that was removed is lost.
    file: FileIdentity,
    memory: Memory,
}

/// What the writer knows without asking: true as long as nobody else has appended.
struct Memory {
    head: u64,
    streams: StreamCache,
    /// Whether every stream of the store is in `streams`.
    knows_all_streams: bool,
    types: HashMap<String, i64, foldhash::fast::RandomState>,
    /// Whether the last id looked at was there: then the next is likely to be, as when a file is imported again.
    repeats: bool,
}

/// What became of an event.
pub(super) enum Outcome {
    Added(Position, StreamVersion),
    /// The same event stands there already.
    AlreadyThere(Position, StreamVersion),
    /// Its id stands there already, with another event.
    Conflict(Position),
}

impl Writer {
    pub fn open(path: &Path, purpose: Use) -> Result<Writer> {
        Ok(Writer {
            file: FileIdentity::of(path),
            connection: connect(path, purpose)?,
            path: path.to_owned(),
            memory: Memory {
                head: 0,
                streams: StreamCache::new(purpose.cache_sizes().stream_bytes),
                knows_all_streams: false,
                types: HashMap::default(),
                repeats: false,
            },
        })
    }

    /// Starts a transaction; waits for another process's to end. Dropping it undoes it.
    pub fn begin(&mut self) -> Result<Transaction<'_>> {
        self.file.check(&self.path)?;
        let Writer { connection, path, memory, .. } = self;
        let failed = |error| storage("beginning to write", path, error);
        connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
        let begun = (|| {
            let head = connection
                .prepare_cached("SELECT coalesce(max(position), 0) FROM events")?
                .query_row([], |row| row.get::<_, i64>(0))?
                .cast_unsigned();
            // Every transaction that records anything moves the head.
            if memory.head != head {
                memory.forget(head);
            }
            memory.trim();
            if head == 0 {
                // Streams may be there all the same, of events that were refused.
                memory.knows_all_streams = connection
                    .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM streams)")?
                    .query_row([], |row| row.get(0))?;
            }
            let insert = connection.prepare_cached(
                "INSERT INTO events (position, stream, stream_version, type, time, id, data, metadata)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING",
            )?;
            let find = connection.prepare_cached(
                "SELECT position, stream_version, time, data, metadata,
                        (SELECT name FROM types WHERE id = type), stream
                 FROM events WHERE id = ?1",
            )?;
            Ok((insert, find))
        })();
        match begun {
            Ok((insert, find)) => Ok(Transaction {
                connection,
                path,
                memory,
                insert,
                find,
                last_versions: Vec::new(),
                new_streams: Vec::new(),
                first_new_stream: None,
                now: Timestamp::now(),
                open: true,
            }),
            Err(error) => {
                _ = connection.execute_batch("ROLLBACK");
                Err(failed(error))
            }
        }
    }
}

impl Memory {
    fn forget(&mut self, head: u64) {
        self.head = head;
        self.streams.clear();
        self.knows_all_streams = false;
        self.types.clear();
    }

    fn trim(&mut self) {
        self.knows_all_streams &= !self.streams.trim();
        if self.types.len() > TYPES_REMEMBERED_MAX {
            self.types = HashMap::default();
        }
    }
}

/// Events being recorded.
pub(super) struct Transaction<'w> {
    connection: &'w Connection,
    path: &'w Path,
    memory: &'w mut Memory,
    insert: CachedStatement<'w>,
    find: CachedStatement<'w>,
    /// The number of the stream of each event recorded, and the version that it gave the stream.
    last_versions: Vec<(i64, u64)>,
    /// The names of streams that are not in the file yet: they are written once, with their last versions, in the end.
    new_streams: Vec<Box<str>>,
    /// The number of the first of them; they are numbered one after another.
    first_new_stream: Option<i64>,
    now: Timestamp,
    open: bool,
}

impl Transaction<'_> {
    /// Records `event` at the end of its stream, unless its id is there.
    pub fn record(&mut self, event: &BulkEvent<'_>) -> Result<Outcome> {
        if self.memory.repeats
            && let Some(there) = self.recorded(event)?
        {
            return Ok(there);
        }
        let stream = self.stream(&event.stream)?;
        let kind = self.kind(&event.kind)?;
        let (position, stream_version) = (self.memory.head + 1, stream.last_version + 1);
        let time = event.time.unwrap_or(self.now);
        let added = self
            .insert
            .execute(params![
                position.cast_signed(),
                stream.number,
                stream_version.cast_signed(),
                kind,
                time.0,
                event.id,
                event.data.as_ref(),
                event.metadata.as_deref(),
            ])
            .map_err(|error| self.failed(error))?;
        if added == 0 {
            return self.recorded(event)?.ok_or_else(|| {
                Fault::storage("recording an event", format!("its id {} is there and is not found", event.id))
            });
        }
        self.memory.head = position;
        self.memory.streams.set_last_version(&event.stream, stream_version);
        self.last_versions.push((stream.number, stream_version));
        Ok(Outcome::Added(Position(position), StreamVersion(stream_version)))
    }

    /// What stands under the id of `event`.
    pub fn recorded(&mut self, event: &BulkEvent<'_>) -> Result<Option<Outcome>> {
        let (memory, connection) = (&*self.memory, self.connection);
        let number = |name: &str| match memory.streams.get(name) {
            Some(stream) => Ok(Some(stream.number)),
            None => find_stream(connection, name).map(|found| found.map(|stream| stream.number)),
        };
        let recorded = self
            .find
            .query_row([&event.id], |row| {
                let position = Position(row.get::<_, i64>(0)?.cast_unsigned());
                let same = row.get_ref(3)?.as_str()? == event.data
                    && row.get_ref(4)?.as_str_or_null()? == event.metadata.as_deref()
                    && row.get_ref(5)?.as_str()? == event.kind
                    && number(&event.stream)? == Some(row.get(6)?)
                    && event.time.is_none_or(|time| row.get(2) == Ok(time.0));
                Ok(if same {
                    Outcome::AlreadyThere(position, StreamVersion(row.get::<_, i64>(1)?.cast_unsigned()))
                } else {
                    Outcome::Conflict(position)
                })
            })
            .optional()
            .map_err(|error| self.failed(error))?;
        self.memory.repeats = recorded.is_some();
        Ok(recorded)
    }

    /// The last version of a stream; 0 when it has no events.
    pub fn stream_version(&self, name: &str) -> Result<StreamVersion> {
        let stream = match self.memory.streams.get(name) {
            Some(stream) => Some(stream),
            None => self.find_stream(name)?,
        };
        Ok(StreamVersion(stream.map_or(0, |stream| stream.last_version)))
    }

    /// Makes everything recorded durable; the head of the log after it.
    pub fn commit(mut self) -> Result<Position> {
        self.write_streams().map_err(|error| self.failed(error))?;
        self.connection.execute_batch("COMMIT").map_err(|error| self.failed(error))?;
        self.open = false;
        Ok(Position(self.memory.head))
    }

    /// Looks up the streams of `events` that are not known, and makes those that are new, in the order of the index over
    /// their names: each of its pages is visited once. Does nothing when the events are likely to be there already.
    pub fn prepare_streams(&mut self, events: &[BulkEvent<'_>]) -> Result<()> {
        if self.memory.repeats {
            return Ok(());
        }
        let names = events.iter().map(|event| event.stream.as_ref());
        let mut unknown: Vec<&str> = names.filter(|name| self.memory.streams.get(name).is_none()).collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown.into_iter().try_for_each(|name| self.stream(name).map(|_| ()))
    }

    /// Each stream's row is written once, in the order in which the rows stand.
    fn write_streams(&mut self) -> rusqlite::Result<()> {
        let mut versions = std::mem::take(&mut self.last_versions);
        versions.sort_unstable();
        let first_new = self.first_new_stream.unwrap_or(i64::MAX);
        let mut new_versions = vec![0; self.new_streams.len()];
        let mut update = self.connection.prepare_cached("UPDATE streams SET last_version = ?2 WHERE id = ?1")?;
        for (index, &(number, version)) in versions.iter().enumerate() {
            let is_last = versions.get(index + 1).is_none_or(|(next, _)| *next != number);
            if is_last && number >= first_new {
                new_versions[(number - first_new) as usize] = version;
            } else if is_last {
                update.execute(params![number, version.cast_signed()])?;
            }
        }
        let mut insert =
            self.connection.prepare_cached("INSERT INTO streams (id, name, last_version) VALUES (?1, ?2, ?3)")?;
        for (index, (name, version)) in (0..).zip(self.new_streams.drain(..).zip(new_versions)) {
            if version > 0 {
                insert.execute(params![first_new + index, name, version.cast_signed()])?;
            } else {
                // Its only event was refused. Streams come with events alone: whoever knows the head knows them.
                let head = self.memory.head;
                self.memory.forget(head);
            }
        }
        Ok(())
    }

    /// The number that a new stream gets.
    fn add_stream(&mut self, name: &str) -> rusqlite::Result<i64> {
        let first = match self.first_new_stream {
            Some(first) => first,
            None => {
                let mut last = self.connection.prepare_cached("SELECT coalesce(max(id), 0) FROM streams")?;
                let first = last.query_row([], |row| row.get::<_, i64>(0))? + 1;
                *self.first_new_stream.insert(first)
            }
        };
        self.new_streams.push(name.into());
        Ok(first + self.new_streams.len() as i64 - 1)
    }

    fn stream(&mut self, name: &str) -> Result<Stream> {
        if let Some(stream) = self.memory.streams.get(name) {
            return Ok(stream);
        }
        let stream = match self.find_stream(name)? {
            Some(stream) => stream,
            None => {
                let number = self.add_stream(name).map_err(|error| self.failed(error))?;
                Stream { number, last_version: 0 }
            }
        };
        self.memory.streams.insert(name, stream);
        Ok(stream)
    }

    fn find_stream(&self, name: &str) -> Result<Option<Stream>> {
        // A first import knows all streams that there are.
        match self.memory.knows_all_streams {
            true => Ok(None),
            false => find_stream(self.connection, name).map_err(|error| self.failed(error)),
        }
    }

    fn kind(&mut self, name: &str) -> Result<i64> {
        if let Some(&number) = self.memory.types.get(name) {
            return Ok(number);
        }
        let found = self
            .connection
            .prepare_cached("SELECT id FROM types WHERE name = ?1")
            .and_then(|mut find| find.query_row([name], |row| row.get(0)).optional())
            .map_err(|error| self.failed(error))?;
        let number = match found {
            Some(number) => number,
            None => self.add("INSERT INTO types (name) VALUES (?1)", name)?,
        };
        self.memory.types.insert(name.to_owned(), number);
        Ok(number)
    }

    fn add(&self, sql: &str, name: &str) -> Result<i64> {
        self.connection.prepare_cached(sql).and_then(|mut add| add.insert([name])).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: rusqlite::Error) -> Fault {
        storage("recording events", self.path, error)
    }
}

/// A stream that is in the file.
fn find_stream(connection: &Connection, name: &str) -> rusqlite::Result<Option<Stream>> {
    connection
        .prepare_cached("SELECT id, last_version FROM streams WHERE name = ?1")?
        .query_row([name], |row| {
            Ok(Stream { number: row.get(0)?, last_version: row.get::<_, i64>(1)?.cast_unsigned() })
        })
        .optional()
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.open {
            // SQLite may have rolled back by itself, as when the disk is full.
            if !self.connection.is_autocommit() {
                _ = self.connection.execute_batch("ROLLBACK");
            }
            // What was undone is not known; nor is the head, so that the next transaction asks for all of it.
            self.memory.forget(u64::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_store::EventId;
    use crate::event_store::sqlite::SqliteStore;

    fn event(data: &str) -> BulkEvent<'_> {
        BulkEvent {
            stream: "s".into(),
            kind: "A".into(),
            data: data.into(),
            metadata: None,
            id: EventId::made_up(),
            time: None,
        }
    }

    /// SQLite itself says that the disk is full, at the page that it may not take.
    #[test]
    fn a_full_disk_is_a_clear_fault_and_leaves_no_gap() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::create(folder.path().join("events.sqlite")).unwrap();
        let mut writer = Writer::open(store.path(), Use::Writing).unwrap();
        writer.connection.pragma_update(None, "max_page_count", 30).unwrap();
        let large = format!("\"{}\"", "x".repeat(20_000));
        let mut last = 0;
        let fault = loop {
            let mut transaction = writer.begin().unwrap();
            match transaction.record(&event(&large)).and_then(|_| transaction.commit()) {
                Ok(head) => last = head.0,
                Err(fault) => break fault,
            }
        };
        assert!(last > 2 && fault.retry && fault.hint.as_ref().unwrap().contains("is full"), "{fault}");
        writer.connection.pragma_update(None, "max_page_count", 1000).unwrap();
        let mut transaction = writer.begin().unwrap();
        let Outcome::Added(position, version) = transaction.record(&event("1")).unwrap() else { panic!("it is new") };
        assert_eq!((position.0, version.0), (last + 1, last + 1));
        transaction.commit().unwrap();
    }

    /// Whoever runs the tests may be allowed to write everywhere, so it is SQLite that is told to refuse.
    #[test]
    fn a_store_that_may_only_be_read_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::create(folder.path().join("events.sqlite")).unwrap();
        let mut writer = Writer::open(store.path(), Use::Writing).unwrap();
        writer.connection.pragma_update(None, "query_only", true).unwrap();
        let fault = writer.begin().err().unwrap();
        assert!(fault.hint.as_ref().unwrap().contains("writable"), "{fault}");
    }

    #[test]
    fn a_transaction_that_is_dropped_is_undone_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::create(folder.path().join("events.sqlite")).unwrap();
        let mut writer = Writer::open(store.path(), Use::Writing).unwrap();
        for _ in 0..2 {
            let mut transaction = writer.begin().unwrap();
            let Outcome::Added(position, version) = transaction.record(&event("1")).unwrap() else {
                panic!("it is new")
            };
            assert_eq!((position.0, version.0), (1, 1));
        }
        let transaction = writer.begin().unwrap();
        assert_eq!(transaction.stream_version("s").unwrap(), StreamVersion(0));
    }
}
