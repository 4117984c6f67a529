//! What a plugin **instance** is told by batches, decoded as the contract says.

use std::collections::HashMap;

use crate::event::{Batch, Column, Symbols, Text, Values};
use crate::history::json::field::Field;

/// What is known of one event in a plugin, decoded as the contract says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) position: u64,
    pub(super) kind: u16,
    pub(super) stream: Option<String>,
    pub(super) stream_version: Option<u64>,
    pub(super) time: Option<i64>,
    pub(super) id: Option<String>,
    pub(super) type_name: Option<String>,
    pub(super) metadata: Option<Value>,
    pub(super) metadata_fields: Vec<Value>,
    pub(super) fields: Vec<Value>,
    pub(super) document: Option<String>,
}

/// A value without the kind of its column, which depends on its neighbours.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Absent,
    Null,
    Boolean(bool),
    Integer(i64),
    Real(u64),
    Text(String),
    Json(String),
}

/// What an instance keeps of its dictionaries.
#[derive(Default)]
pub(super) struct Guest {
    dictionaries: HashMap<String, Vec<String>>,
}

impl Guest {
    fn symbol(&mut self, name: &str, symbols: &Symbols) -> Vec<String> {
        let kept = self.dictionaries.entry(name.to_owned()).or_default();
        assert!(symbols.first as usize <= kept.len(), "{name} goes on at {} of {}", symbols.first, kept.len());
        kept.truncate(symbols.first as usize);
        kept.extend(symbols.added.iter().map(str::to_owned));
        symbols.keys.iter().map(|&key| kept.get(key as usize).cloned().unwrap_or_default()).collect()
    }

    fn values(&mut self, name: &str, column: &Column, length: usize) -> Vec<Value> {
        let symbols = match &column.values {
            Values::Symbols(symbols) => self.symbol(name, symbols),
            _ => Vec::new(),
        };
        let value = |row: usize| match &column.values {
            _ if column.is_null(row) => Value::Null,
            _ if !column.is_valid(row) => Value::Absent,
            Values::Booleans(values) => Value::Boolean(values[row] == 1),
            Values::Integers(values) => Value::Integer(values[row]),
            Values::Reals(values) => Value::Real(values[row].to_bits()),
            Values::Symbols(_) => Value::Text(symbols[row].clone()),
            Values::Texts(values) => Value::Text(values.get(row).to_owned()),
            Values::Json(values) => plainest(values.get(row)),
            Values::Nothing | Values::Blobs(_) => unreachable!("no value of these"),
        };
        (0..length).map(value).collect()
    }

    pub(super) fn told(&mut self, batch: &Batch) -> Vec<Told> {
        let envelope = &batch.envelope;
        let streams = envelope.streams.as_ref().map(|symbols| self.symbol("stream", symbols));
        let type_names = envelope.type_names.as_ref().map(|symbols| self.symbol("type name", symbols));
        let length = batch.len();
        let metadata = envelope.metadata.as_ref().map(|column| self.values("metadata", column, length));
        let with_metadata: Vec<Vec<Value>> = (envelope.metadata_fields.iter().enumerate())
            .map(|(number, column)| self.values(&format!("metadata {number}"), column, length))
            .collect();
        // Each type's fields, payloads, and how many of its events were told.
        type OfType<'a> = (Vec<Vec<Value>>, Option<&'a Text>, usize);
        let mut groups: Vec<OfType<'_>> = Vec::new();
        for (kind, group) in batch.groups.iter().enumerate() {
            let field = |(number, column): (usize, &Column)| {
                self.values(&format!("{kind} {number}"), column, group.length as usize)
            };
            groups.push((group.fields.iter().enumerate().map(field).collect(), group.document.as_ref(), 0));
        }
        let mut told = Vec::new();
        for row in 0..length {
            let (fields, document, next) = &mut groups[usize::from(batch.kinds[row])];
            told.push(Told {
                position: batch.positions[row],
                kind: batch.kinds[row],
                stream: streams.as_ref().map(|all| all[row].clone()),
                stream_version: envelope.stream_versions.as_ref().map(|all| all[row]),
                time: envelope.times.as_ref().map(|all| all[row]),
                id: envelope.ids.as_ref().map(|all| all.get(row).to_owned()),
                type_name: type_names.as_ref().map(|all| all[row].clone()),
                metadata: metadata.as_ref().map(|all| all[row].clone()),
                metadata_fields: with_metadata.iter().map(|all| all[row].clone()).collect(),
                fields: fields.iter().map(|values| values[*next].clone()).collect(),
                document: document.map(|all| all.get(*next).to_owned()),
            });
            *next += 1;
        }
        for (number, (_, _, next)) in groups.iter().enumerate() {
            assert_eq!(*next, batch.groups[number].length as usize);
        }
        told
    }
}

/// What a JSON text is when it stands alone.
pub(super) fn plainest(raw: &str) -> Value {
    let mut field = Field::default();
    field.push(Some(raw)).unwrap();
    match field.finish() {
        Column { values: Values::Json(values), .. } => Value::Json(values.get(0).to_owned()),
        column => Guest::default().values("", &column, 1).remove(0),
    }
}
