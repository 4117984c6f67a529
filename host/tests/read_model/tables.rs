//! A manifest with every kind of column and key, and rows as lists of values.

use projectionist::event::{
    Binary, Changes, Column, Index, Kind, Manifest, Partitioning, Position, Range, Result, Selection, Subscription,
    Table, TableColumn, Text, Timestamp, Values,
};
use projectionist::read_model::query::Value;
use projectionist::read_model::{BulkWriter, Flush, Generation, Identity, Writer};

pub type Row = Vec<Value>;

/// Short ways to write.
pub trait WriteChanges: Writer {
    /// Commits what the only instance flushed.
    fn commit_changes(&mut self, changes: &[Changes], range: Range) -> Result<()> {
        self.commit(vec![Flush::whole(changes.to_vec())], range.into())
    }
}

impl<W: Writer> WriteChanges for W {}

/// Writes to a build before a commit.
pub trait WriteFlushes {
    fn write_flushes(&mut self, flushes: Vec<Flush>) -> Result<()>;
}

impl WriteFlushes for Generation {
    fn write_flushes(&mut self, flushes: Vec<Flush>) -> Result<()> {
        self.building().expect("it is being built").write(flushes)
    }
}

/// `accounts` by text, `days` by text and number with every kind of value, `entries` by number and insert-only,
/// `seats` with a unique index.
pub const ACCOUNTS: usize = 0;
pub const DAYS: usize = 1;
pub const ENTRIES: usize = 2;
pub const SEATS: usize = 3;

pub fn manifest() -> Manifest {
    let accounts = [("account", Kind::Text, false), ("balance", Kind::Integer, false), ("note", Kind::Text, true)];
    let days = [
        ("n", Kind::Integer, false),
        ("day", Kind::Text, false),
        ("late", Kind::Boolean, true),
        ("mean", Kind::Real, true),
        ("detail", Kind::Json, true),
        ("raw", Kind::Blob, true),
    ];
    let entries = [("position", Kind::Integer, false), ("what", Kind::Text, false)];
    let seats = [("flight", Kind::Integer, false), ("seat", Kind::Text, true), ("order", Kind::Integer, false)];
    Manifest {
        name: "fixture".into(),
        version: 3,
        description: String::new(),
        subscription: Subscription {
            selection: Selection::Every(Default::default()),
            stream_prefix: None,
            envelope: Default::default(),
            metadata_fields: vec![],
        },
        partitioning: Partitioning::Whole,
        tables: vec![
            table("accounts", &accounts, &[0], &[(&[1], false)], false),
            table("days", &days, &[1, 0], &[], false),
            table("entries", &entries, &[0], &[(&[1], false)], true),
            table("seats", &seats, &[0, 2], &[(&[1], true)], false),
        ],
    }
}

fn table(
    name: &str,
    columns: &[(&str, Kind, bool)],
    key: &[u16],
    indexes: &[(&[u16], bool)],
    insert_only: bool,
) -> Table {
    Table {
        name: name.into(),
        columns: columns
            .iter()
            .map(|&(name, kind, nullable)| TableColumn { name: name.into(), kind, nullable })
            .collect(),
        key: key.to_vec(),
        indexes: indexes.iter().map(|&(columns, unique)| Index { columns: columns.to_vec(), unique }).collect(),
        insert_only,
    }
}

pub const PLUGIN: &[u8] = b"bytes of a plugin";

pub fn identity_of(plugin: &[u8]) -> Identity {
    Identity {
        projection: "fixture".into(),
        plugin_version: 3,
        plugin_hash: blake3::hash(plugin).to_hex().to_string(),
        settings: "{}".into(),
        contract: "0.1.0".into(),
        created_at: Timestamp(1_700_000_000_000_000),
    }
}

pub fn identity() -> Identity {
    identity_of(PLUGIN)
}

pub fn range(after: u64, through: u64) -> Range {
    Range { after: Position(after), through: Position(through) }
}

pub fn text(value: &str) -> Value {
    Value::Text(value.into())
}

pub fn int(value: i64) -> Value {
    Value::Integer(value)
}

/// A column of the kind, from values; validity only where one is missing.
pub fn column(kind: Kind, values: &[Value]) -> Column {
    let mut bits = vec![0u8; values.len().div_ceil(8)];
    for (row, _) in values.iter().enumerate().filter(|(_, value)| **value != Value::Null) {
        bits[row / 8] |= 1 << (row % 8);
    }
    let integer = |value: &Value| match value {
        Value::Integer(value) => *value,
        _ => 0,
    };
    let bytes = |value: &Value| match value {
        Value::Text(text) => text.clone().into_bytes(),
        Value::Blob(bytes) => bytes.clone(),
        _ => Vec::new(),
    };
    let texts = || values.iter().map(|value| String::from_utf8(bytes(value)).unwrap()).collect::<Text>();
    let values = match kind {
        Kind::Boolean => Values::Booleans(values.iter().map(|value| integer(value) as u8).collect::<Vec<_>>().into()),
        Kind::Integer => Values::Integers(values.iter().map(integer).collect::<Vec<_>>().into()),
        Kind::Real => {
            let real = |value: &Value| if let Value::Real(value) = value { *value } else { 0.0 };
            Values::Reals(values.iter().map(real).collect::<Vec<_>>().into())
        }
        Kind::Text => Values::Texts(texts()),
        Kind::Json => Values::Json(texts()),
        Kind::Blob => {
            let mut offsets = vec![0u32];
            let mut data = Vec::new();
            for value in values {
                data.extend(bytes(value));
                offsets.push(data.len() as u32);
            }
            Values::Blobs(Binary { offsets: offsets.into(), data: data.into() })
        }
    };
    Column { validity: Some(bits.into()), nulls: None, values }
}

/// Key columns, in key order.
pub fn keys(table: usize, keys: &[Row]) -> Vec<Column> {
    let table = &manifest().tables[table];
    let column_of = |place: usize, kind| column(kind, &keys.iter().map(|key| key[place].clone()).collect::<Vec<_>>());
    table.key_columns().enumerate().map(|(place, key)| column_of(place, key.kind)).collect()
}

pub fn changes(table: usize, upserts: &[Row], deletes: &[Row]) -> Changes {
    let columns = manifest().tables[table].columns.clone();
    let column_of =
        |place: usize, kind| column(kind, &upserts.iter().map(|row| row[place].clone()).collect::<Vec<_>>());
    Changes {
        table,
        upserted: upserts.len(),
        upserts: columns.iter().enumerate().map(|(place, column)| column_of(place, column.kind)).collect(),
        deleted: deletes.len(),
        deletes: keys(table, deletes),
    }
}

pub fn account(name: &str, balance: i64) -> Row {
    vec![text(name), int(balance), Value::Null]
}
