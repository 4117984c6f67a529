//! A **value** as a read model stores it, and its JSON.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value as JsonValue;

use super::store::Rows;
use crate::bindings::manifests::{Kind, Table, TableColumn};

/// What a table holds in one row and column.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(String),
    Json(String),
    Blob(Vec<u8>),
}

impl Value {
    /// A total order; the kinds of one column are the same, so it only has to be some order between them.
    fn rank(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Boolean(_) => 1,
            Value::Integer(_) => 2,
            Value::Real(_) => 3,
            Value::Text(_) => 4,
            Value::Json(_) => 5,
            Value::Blob(_) => 6,
        }
    }

    /// As JSON, bytes as base64.
    pub(crate) fn to_json(&self) -> JsonValue {
        match self {
            Value::Null => JsonValue::Null,
            Value::Boolean(boolean) => (*boolean).into(),
            Value::Integer(integer) => (*integer).into(),
            Value::Real(real) => (*real).into(),
            Value::Text(text) => text.as_str().into(),
            Value::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
            Value::Blob(bytes) => crate::base64::encode(bytes).into(),
        }
    }

    fn from_json(column: &TableColumn, value: &JsonValue) -> Option<Value> {
        if value.is_null() && column.nullable {
            return Some(Value::Null);
        }
        Some(match column.kind {
            Kind::Boolean => Value::Boolean(value.as_bool()?),
            Kind::Integer => Value::Integer(value.as_i64()?),
            // As rows are stored: without a sign of zero.
            Kind::Real => Value::Real(value.as_f64()? + 0.0),
            Kind::Text => Value::Text(value.as_str()?.into()),
            Kind::Json => Value::Json(value.to_string()),
            Kind::Blob => Value::Blob(crate::base64::decode(value.as_str()?)?),
        })
    }

    /// Whether they are the same for a reader: JSON may be spelled differently.
    pub(crate) fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Json(_), Value::Json(_)) => self.to_json() == other.to_json(),
            _ => self == other,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
            (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
            (Value::Real(a), Value::Real(b)) => a.total_cmp(b),
            (Value::Text(a), Value::Text(b)) | (Value::Json(a), Value::Json(b)) => a.cmp(b),
            (Value::Blob(a), Value::Blob(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Json(text) => f.write_str(text),
            other => write!(f, "{}", other.to_json()),
        }
    }
}

/// A row as an object.
pub(crate) fn row_to_json(table: &Table, row: &[Value]) -> JsonValue {
    table.columns.iter().zip(row).map(|(column, value)| (column.name.clone(), value.to_json())).collect()
}

/// Rows out of an array of objects; the error is for the test's author.
pub(crate) fn rows_from_json(table: &Table, rows: &JsonValue) -> Result<Rows, String> {
    let array = rows.as_array().ok_or("the expected rows are no array")?;
    let mut all = Rows::new();
    for row in array {
        let object = row.as_object().ok_or_else(|| format!("an expected row is no object: {row}"))?;
        if let Some(name) = object.keys().find(|name| !table.columns.iter().any(|column| column.name == **name)) {
            return Err(format!("table `{}` has no column `{name}`", table.name));
        }
        let mut values = Vec::new();
        for column in &table.columns {
            let value = object.get(&column.name).unwrap_or(&JsonValue::Null);
            let value = Value::from_json(column, value)
                .ok_or_else(|| format!("column `{}` cannot hold {value} in the expected row {row}", column.name))?;
            values.push(value);
        }
        let key: Vec<Value> = table.key.iter().map(|&place| values[usize::from(place)].clone()).collect();
        if all.insert(key, values).is_some() {
            return Err(format!("the expected rows have a key twice: {row}"));
        }
    }
    Ok(all)
}
