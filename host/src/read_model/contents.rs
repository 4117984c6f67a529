//! The **contents** of a read model as a whole: digested for comparison, or written out for a test.

use std::fmt;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

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

/// Something with the tables of a manifest.
pub(super) trait Contents {
    /// What the plugin said of itself.
    fn manifest(&self) -> &Manifest;

    /// Gives all rows of a table in key order.
    fn scan(&self, number: usize, visit: &mut dyn FnMut(&[ValueRef<'_>])) -> Result<()>;

    /// Each table: its name, its rows, an end mark. Each row: a mark and its values. Each value: its type and, little-endian,
    /// its 8 bytes, or its length and its bytes.
    fn digest(&self) -> Result<Digest> {
        let mut hasher = blake3::Hasher::new();
        let mut row_bytes = Vec::new();
        for (number, table) in self.manifest().tables.iter().enumerate() {
            value_bytes(ValueRef::Text(table.name.as_bytes()), &mut row_bytes);
            self.scan(number, &mut |values| {
                row_bytes.push(b'R');
                values.iter().for_each(|&value| value_bytes(value, &mut row_bytes));
                if row_bytes.len() >= 64 * 1024 {
                    hasher.update(&row_bytes);
                    row_bytes.clear();
                }
            })?;
            row_bytes.push(b'E');
        }
        hasher.update(&row_bytes);
        Ok(Digest(hasher.finalize()))
    }

    /// The rows of a table in key order, each a JSON object with its columns in order.
    fn rows_as_json(&self, table: &str) -> Result<Vec<String>> {
        let manifest = self.manifest();
        let Some(number) = manifest.tables.iter().position(|known| known.name == table) else {
            let known: Vec<_> = manifest.tables.iter().map(|table| table.name.as_str()).collect();
            return Err(Fault::new(FaultKind::Input, format!("{} has no table `{table}`", manifest.name))
                .hint(format!("its tables are {}", known.join(", "))));
        };
        let mut rows = Vec::new();
        self.scan(number, &mut |values| rows.push(row_as_json(&manifest.tables[number], values)))?;
        Ok(rows)
    }
}

/// The tables of a file, whoever has it open.
pub(super) struct SqlTables<'a> {
    pub conn: &'a Connection,
    pub path: &'a Path,
    pub manifest: &'a Manifest,
}

impl Contents for SqlTables<'_> {
    fn manifest(&self) -> &Manifest {
        self.manifest
    }

    fn scan(&self, number: usize, visit: &mut dyn FnMut(&[ValueRef<'_>])) -> Result<()> {
        let table = &self.manifest.tables[number];
        let failed = |error: rusqlite::Error| failed("cannot read", self.path, &error);
        let mut statement = self.conn.prepare(&Statements::new(table).scan).map_err(failed)?;
        let mut rows = statement.query(()).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let values = (0..table.columns.len()).map(|column| row.get_ref(column)).collect::<Result<Vec<_>, _>>();
            visit(&values.map_err(failed)?);
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
