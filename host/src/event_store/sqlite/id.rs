//! An event id as SQLite's value: 16 bytes for a UUID, text otherwise.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::event_store::EventId;

impl ToSql for EventId<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            EventId::Uuid(uuid) => ValueRef::Blob(uuid.as_bytes()),
            EventId::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
