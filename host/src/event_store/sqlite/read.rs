//! The **reader** of a store: visits events where SQLite holds them, without copying.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::connect::connect_for_reading;
use super::error::storage;
use super::names::Names;
use crate::event::{
    EventRef, Fault, Position, Range, Result, StreamNumber, StreamVersion, Timestamp, TypeIndex, TypeNumber,
};
use crate::event_store::{Reader, Visit, Wanted};
use crate::sqlite_file::ReadConnection;

/// Positions visited in one statement: a longer one would keep the write-ahead log from being folded back into
/// the file while a long replay runs.
const STATEMENT_POSITIONS: u64 = 100_000;

pub(super) struct SqliteReader {
    opened: ReadConnection,
    path: PathBuf,
    names: Names,
}

impl SqliteReader {
    pub fn open(path: &Path) -> Result<SqliteReader> {
        Ok(SqliteReader { opened: connect_for_reading(path)?, path: path.to_owned(), names: Names::default() })
    }

    /// The connection, opened anew when it would not see what is written now.
    fn connection(&mut self) -> Result<&Connection> {
        if self.opened.is_outdated() {
            self.opened = connect_for_reading(&self.path)?;
        }
        Ok(&self.opened.connection)
    }
}

/// The highest position.
pub(super) fn head(connection: &Connection, path: &Path) -> Result<Position> {
    connection
        .prepare_cached("SELECT coalesce(max(position), 0) FROM events")
        .and_then(|mut head| head.query_row([], |row| row.get::<_, i64>(0)))
        .map(|head| Position(head.cast_unsigned()))
        .map_err(|error| storage("reading the head of the log", path, error))
}

impl Reader for SqliteReader {
    fn head(&mut self) -> Result<Position> {
        let path = self.path.clone();
        head(self.connection()?, &path)
    }

    fn event_id(&mut self, position: Position) -> Result<Option<String>> {
        let path = self.path.clone();
        let failed = |error| storage("reading an event's id", &path, error);
        let mut find =
            self.connection()?.prepare_cached("SELECT id FROM events WHERE position = ?1").map_err(failed)?;
        let mut rows = find.query([clamp(position.0)]).map_err(failed)?;
        let Some(row) = rows.next().map_err(failed)? else { return Ok(None) };
        let mut id_text = [0; Hyphenated::LENGTH];
        let id = id(row, 0, &mut id_text).ok_or_else(|| unreadable(position, "id"))?;
        Ok(Some(id.to_owned()))
    }

    fn position_at(&mut self, time: Timestamp) -> Result<Position> {
        // Times need not grow with positions (an import brings its own), so there is nothing to bisect.
        let path = self.path.clone();
        let later = self
            .connection()?
            .prepare_cached("SELECT position - 1 FROM events WHERE time > ?1 ORDER BY position LIMIT 1")
            .and_then(|mut find| find.query_row([time.0], |row| row.get::<_, i64>(0)).optional())
            .map_err(|error| storage("looking for a time in the log", &path, error))?;
        match later {
            Some(position) => Ok(Position(position.cast_unsigned())),
            None => self.head(),
        }
    }

    fn scan(&mut self, range: Range, wanted: &Wanted, visit: &mut Visit<'_>) -> Result<Position> {
        self.connection()?;
        let SqliteReader { opened, path, names } = self;
        let connection = &opened.connection;
        let failed = |error| storage("reading events", path, error);
        let mut kinds = Kinds::read(connection, wanted).map_err(failed)?;
        if kinds.none {
            return Ok(range.through);
        }
        let columns = Columns::of(wanted);
        let sql = columns.sql(&kinds.filter);
        let mut ask_name = connection.prepare_cached("SELECT name FROM streams WHERE id = ?1").map_err(failed)?;
        let with_names = wanted.streams || wanted.stream_prefix.is_some();
        let mut id_text = [0; Hyphenated::LENGTH];
        let end = range.through.min(head(connection, path)?).0;
        let mut after = range.after.0;
        while after < end {
            let through = end.min(after.saturating_add(STATEMENT_POSITIONS));
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let mut rows = statement.query([clamp(after), clamp(through)]).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                let position = Position(integer(row, 0)?.cast_unsigned());
                let broken = |what: &str| unreadable(position, what);
                let stream = integer(row, 1)?;
                let type_number = integer(row, 3)?;
                let stream_name = match with_names {
                    true => names.get(stream, &mut ask_name).map_err(failed)?,
                    false => "",
                };
                if wanted.stream_prefix.as_deref().is_some_and(|prefix| !stream_name.starts_with(prefix)) {
                    continue;
                }
                let (kind, type_name) =
                    kinds.get(type_number, connection).map_err(failed)?.ok_or_else(|| broken("type"))?;
                let event = EventRef {
                    position,
                    stream: StreamNumber(stream),
                    stream_name: if wanted.streams { stream_name } else { "" },
                    stream_version: StreamVersion(integer(row, 2)?.cast_unsigned()),
                    kind: TypeIndex(kind),
                    type_number: TypeNumber(type_number),
                    type_name,
                    time: Timestamp(integer(row, 4)?),
                    id: match columns.id {
                        Some(column) => id(row, column, &mut id_text).ok_or_else(|| broken("id"))?,
                        None => "",
                    },
                    data: match columns.data {
                        Some(column) => text(row, column).ok_or_else(|| broken("payload"))?,
                        None => "",
                    },
                    metadata: match columns.metadata.map(|column| (column, row.get_ref(column))) {
                        None | Some((_, Ok(ValueRef::Null))) => None,
                        Some((column, _)) => Some(text(row, column).ok_or_else(|| broken("metadata"))?),
                    },
                };
                if let ControlFlow::Break(()) = visit(event)? {
                    return Ok(position);
                }
            }
            if opened.is_outdated() {
                return Err(Fault::storage("reading events", "somebody began to write while they were read")
                    .retriable()
                    .hint("try again; a user who may write to the store's folder can read beside a writer"));
            }
            after = through;
        }
        Ok(range.through)
    }
}

/// SQLite's integers are signed; no event stands beyond them.
fn clamp(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

fn integer(row: &Row<'_>, column: usize) -> Result<i64> {
    match row.get_ref(column) {
        Ok(ValueRef::Integer(value)) => Ok(value),
        _ => Err(Fault::storage("reading events", "a column that should hold numbers holds something else")),
    }
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> Option<&'r str> {
    row.get_ref(column).ok()?.as_str().ok()
}

fn id<'r>(row: &'r Row<'_>, column: usize, space: &'r mut [u8; Hyphenated::LENGTH]) -> Option<&'r str> {
    match row.get_ref(column).ok()? {
        ValueRef::Blob(bytes) => Some(Uuid::from_slice(bytes).ok()?.hyphenated().encode_lower(space)),
        _ => text(row, column),
    }
}

fn unreadable(position: Position, what: &str) -> Fault {
    Fault::storage("reading an event", format!("its {what} is not as this program records it"))
        .at(position)
        .hint("the file was changed by something else, or is damaged; restore it from a backup")
}

/// Where the optional parts stand in the statement.
struct Columns {
    id: Option<usize>,
    data: Option<usize>,
    metadata: Option<usize>,
}

impl Columns {
    fn of(wanted: &Wanted) -> Columns {
        let mut next = 5;
        let mut place = |wanted: bool| {
            wanted.then(|| {
                next += 1;
                next - 1
            })
        };
        Columns { id: place(wanted.ids), data: place(wanted.data), metadata: place(wanted.metadata) }
    }

    fn sql(&self, filter: &str) -> String {
        let part = |column: Option<usize>, name| if column.is_some() { name } else { "" };
        format!(
            "SELECT position, stream, stream_version, type, time{}{}{} FROM events
             WHERE position > ?1 AND position <= ?2{filter} ORDER BY position",
            part(self.id, ", id"),
            part(self.data, ", data"),
            part(self.metadata, ", metadata"),
        )
    }
}

/// The event types by number: names, and places among the wanted ones.
struct Kinds {
    every: bool,
    known: Vec<Option<(u16, String)>>,
    /// `AND type IN (...)`, unless every recorded type is wanted.
    filter: String,
    /// Nothing that is wanted was ever recorded.
    none: bool,
}

impl Kinds {
    fn read(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Kinds> {
        let mut kinds = Kinds { every: wanted.types.is_none(), known: Vec::new(), filter: String::new(), none: false };
        let Some(types) = &wanted.types else { return Ok(kinds) };
        let mut find = connection.prepare_cached("SELECT id FROM types WHERE name = ?1")?;
        let mut numbers = Vec::new();
        for (index, name) in (0u16..).zip(types) {
            if let Some(number) = find.query_row([name], |row| row.get::<_, i64>(0)).optional()? {
                kinds.put(number, index, name.clone());
                numbers.push(number.to_string());
            }
        }
        kinds.none = numbers.is_empty();
        kinds.filter = format!(" AND type IN ({})", numbers.join(", "));
        Ok(kinds)
    }

    fn put(&mut self, number: i64, index: u16, name: String) {
        // Numbers are given from 1 without gaps, so the table is as long as there are types.
        let place = usize::try_from(number).unwrap_or_default();
        if self.known.len() <= place {
            self.known.resize_with(place + 1, || None);
        }
        self.known[place] = Some((index, name));
    }

    fn get(&mut self, number: i64, connection: &Connection) -> rusqlite::Result<Option<(u16, &str)>> {
        let place = usize::try_from(number).unwrap_or_default();
        if self.every && !matches!(self.known.get(place), Some(Some(_))) {
            let mut find = connection.prepare_cached("SELECT name FROM types WHERE id = ?1")?;
            if let Some(name) = find.query_row([number], |row| row.get(0)).optional()? {
                self.put(number, 0, name);
            }
        }
        Ok(self.known.get(place).and_then(|known| known.as_ref().map(|(index, name)| (*index, name.as_str()))))
    }
}
