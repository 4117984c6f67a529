//! The **contents** of a read model as a whole: counted, digested for comparison, or written out for a test.

use std::fmt;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::Generation;
use super::schema::Statements;
use super::storage::failed;
use crate::event::{Fault, FaultKind, Kind, Manifest, Result, Table};

/// BLAKE3 over all rows of all tables, in manifest and key order. Equal digests mean equal tables, whatever way
/// they were filled; neither the checkpoint nor the plugin counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(blake3::Hash);

impl fmt::Display for Digest {
    /// 64 lower-case hex digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_hex().fmt(f)
    }
}

impl Generation {
    /// How many rows each table has, in manifest order. Counts them, unless they are those that were laid out: some
    /// milliseconds for a million.
    pub fn row_counts(&self) -> Result<Vec<(String, u64)>> {
        if let Some(counts) = &self.row_counts {
            let names = self.manifest.tables.iter().map(|table| table.name.clone());
            return Ok(names.zip(counts.iter().copied()).collect());
        }
        Contents { conn: &self.conn, path: &self.path, manifest: &self.manifest }.row_counts()
    }

    /// A digest of all rows.
    pub fn digest(&self) -> Result<Digest> {
        Contents { conn: &self.conn, path: &self.path, manifest: &self.manifest }.digest()
    }

    /// The rows of a table in key order, each a JSON object with its columns in order; see [`super::Snapshot`].
    pub fn rows_as_json(&self, table: &str) -> Result<Vec<String>> {
        Contents { conn: &self.conn, path: &self.path, manifest: &self.manifest }.rows_as_json(table)
    }
}

/// The tables of a file, whoever has it open.
pub(super) struct Contents<'a> {
    pub conn: &'a Connection,
    pub path: &'a Path,
    pub manifest: &'a Manifest,
}

impl Contents<'_> {
    pub fn row_counts(&self) -> Result<Vec<(String, u64)>> {
        let count = |table: &Table| {
            self.conn
                .query_row(&Statements::new(table).count, (), |row| row.get::<_, i64>(0))
                .map(|count| (table.name.clone(), count.cast_unsigned()))
                .map_err(|error| failed("cannot read", self.path, &error))
        };
        self.manifest.tables.iter().map(count).collect()
    }

    /// Each table: its name, its rows, an end mark. Each row: a mark and its values. Each value: its type and, little-endian,
    /// its 8 bytes, or its length and its bytes.
    pub fn digest(&self) -> Result<Digest> {
        let mut hasher = blake3::Hasher::new();
        let mut row_bytes = Vec::new();
        for table in &self.manifest.tables {
            value_bytes(ValueRef::Text(table.name.as_bytes()), &mut row_bytes);
            self.scan(table, |values| {
                row_bytes.push(b'R');
                values.iter().for_each(|&value| value_bytes(value, &mut row_bytes));
                if row_bytes.len() >= 64 * 1024 {
                    hasher.update(&row_bytes);
                    row_bytes.clear();
                }
                Ok(())
            })?;
            row_bytes.push(b'E');
        }
        hasher.update(&row_bytes);
        Ok(Digest(hasher.finalize()))
    }

    pub fn rows_as_json(&self, table: &str) -> Result<Vec<String>> {
        let Some(table) = self.manifest.tables.iter().find(|known| known.name == table) else {
            let known: Vec<_> = self.manifest.tables.iter().map(|table| table.name.as_str()).collect();
            return Err(Fault::new(FaultKind::Input, format!("{} has no table `{table}`", self.manifest.name))
                .hint(format!("its tables are {}", known.join(", "))));
        };
        let mut rows = Vec::new();
        self.scan(table, |values| {
            rows.push(row_as_json(table, values));
            Ok(())
        })?;
        Ok(rows)
    }

    fn scan(&self, table: &Table, mut visit: impl FnMut(&[ValueRef<'_>]) -> Result<()>) -> Result<()> {
        let failed = |error: rusqlite::Error| failed("cannot read", self.path, &error);
        let mut statement = self.conn.prepare(&Statements::new(table).scan).map_err(failed)?;
        let mut rows = statement.query(()).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let values = (0..table.columns.len()).map(|column| row.get_ref(column)).collect::<Result<Vec<_>, _>>();
            visit(&values.map_err(failed)?)?;
        }
        Ok(())
    }
}

fn value_bytes(value: ValueRef<'_>, to: &mut Vec<u8>) {
    let sized = |mark: u8, bytes: &[u8], to: &mut Vec<u8>| {
        to.push(mark);
        to.extend((bytes.len() as u64).to_le_bytes());
        to.extend(bytes);
    };
    match value {
        ValueRef::Null => to.push(b'n'),
        ValueRef::Integer(value) => {
            to.push(b'i');
            to.extend(value.to_le_bytes());
        }
        ValueRef::Real(value) => {
            to.push(b'r');
            to.extend((value + 0.0).to_le_bytes()); // -0.0 and 0.0 are one value
        }
        ValueRef::Text(bytes) => sized(b't', bytes, to),
        ValueRef::Blob(bytes) => sized(b'b', bytes, to),
    }
}

fn row_as_json(table: &Table, values: &[ValueRef<'_>]) -> String {
    let mut json = String::from("{");
    for (column, &value) in table.columns.iter().zip(values) {
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&format!("\"{}\":", column.name));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match (column.kind, value) {
            (_, ValueRef::Null) => json.push_str("null"),
            (Kind::Boolean, ValueRef::Integer(value)) => json.push_str(if value != 0 { "true" } else { "false" }),
            (Kind::Json, ValueRef::Text(bytes)) => json.push_str(&text(bytes)),
            (_, ValueRef::Integer(value)) => json.push_str(&value.to_string()),
            (_, ValueRef::Real(value)) if value.is_finite() => {
                json.push_str(&serde_json::Value::from(value).to_string())
            }
            (_, ValueRef::Real(value)) => json.push_str(if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }),
            (_, ValueRef::Text(bytes)) => json.push_str(&serde_json::Value::from(text(bytes)).to_string()),
            (_, ValueRef::Blob(bytes)) => {
                json.push('"');
                bytes.iter().for_each(|byte| json.push_str(&format!("{byte:02x}")));
                json.push('"');
            }
        }
    }
    json.push('}');
    json
}
