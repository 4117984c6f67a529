//! **Lowering** puts the host's columns into a guest: borrowed as they lie, and copied once, by wasmtime.

use super::bindings::{columns, events, tables};
use crate::event::{Batch, Binary, Column, Envelope, Rows, Symbols, Text, Values};

/// Hands a batch to `call` as the guest is to get it.
pub(super) fn with_batch<T>(batch: &Batch, call: impl FnOnce(events::Batch<'_>) -> T) -> T {
    let fields: Vec<Vec<_>> = batch.groups.iter().map(|group| group.fields.iter().map(column).collect()).collect();
    let groups: Vec<_> = batch
        .groups
        .iter()
        .zip(&fields)
        .map(|(group, fields)| events::Group {
            length: group.length,
            fields,
            document: group.document.as_ref().map(text),
        })
        .collect();
    let metadata_fields: Vec<_> = batch.envelope.metadata_fields.iter().map(column).collect();
    call(events::Batch {
        after: batch.range.after.0,
        through: batch.range.through.0,
        kinds: &batch.kinds,
        envelope: envelope(&batch.envelope, &batch.positions, &metadata_fields),
        groups: &groups,
    })
}

fn envelope<'a>(
    envelope: &'a Envelope,
    positions: &'a [u64],
    metadata_fields: &'a [columns::ColumnParam<'a>],
) -> events::Envelope<'a> {
    events::Envelope {
        positions: envelope.with_positions.then_some(positions),
        streams: envelope.streams.as_ref().map(symbols),
        stream_versions: envelope.stream_versions.as_deref(),
        times: envelope.times.as_deref(),
        ids: envelope.ids.as_ref().map(text),
        type_names: envelope.type_names.as_ref().map(symbols),
        metadata: envelope.metadata.as_ref().map(column),
        metadata_fields,
    }
}

fn column(column: &Column) -> columns::ColumnParam<'_> {
    columns::ColumnParam {
        validity: column.validity.as_deref(),
        nulls: column.nulls.as_deref(),
        values: match &column.values {
            Values::Nothing => columns::ValuesParam::Nothing,
            Values::Booleans(values) => columns::ValuesParam::Booleans(values),
            Values::Integers(values) => columns::ValuesParam::Integers(values),
            Values::Reals(values) => columns::ValuesParam::Reals(values),
            Values::Texts(values) => columns::ValuesParam::Texts(text(values)),
            Values::Symbols(values) => columns::ValuesParam::Symbols(symbols(values)),
            Values::Json(values) => columns::ValuesParam::Json(text(values)),
            Values::Blobs(values) => {
                columns::ValuesParam::Blobs(columns::BinaryParam { offsets: &values.offsets, data: &values.data })
            }
        },
    }
}

fn text(text: &Text) -> columns::TextParam<'_> {
    columns::TextParam { offsets: &text.offsets, data: text.data.as_str() }
}

fn symbols(symbols: &Symbols) -> columns::DictionaryParam<'_> {
    columns::DictionaryParam { first: symbols.first, added: text(&symbols.added), keys: &symbols.keys }
}

/// Rows that were looked up. An import's result has to own what it holds; a buffer that nobody shares is moved.
pub(super) fn rows(rows: Rows) -> tables::Rows {
    tables::Rows { found: rows.found.into(), columns: rows.columns.into_iter().map(owned).collect() }
}

fn owned(column: Column) -> columns::ColumnResult {
    columns::ColumnResult {
        validity: column.validity.map(Vec::from),
        nulls: column.nulls.map(Vec::from),
        values: match column.values {
            Values::Nothing => columns::ValuesResult::Nothing,
            Values::Booleans(values) => columns::ValuesResult::Booleans(values.into()),
            Values::Integers(values) => columns::ValuesResult::Integers(values.into()),
            Values::Reals(values) => columns::ValuesResult::Reals(values.into()),
            Values::Texts(values) => columns::ValuesResult::Texts(owned_text(values)),
            Values::Symbols(values) => columns::ValuesResult::Symbols(columns::DictionaryResult {
                first: values.first,
                added: owned_text(values.added),
                keys: values.keys.into(),
            }),
            Values::Json(values) => columns::ValuesResult::Json(owned_text(values)),
            Values::Blobs(Binary { offsets, data }) => {
                columns::ValuesResult::Blobs(columns::BinaryResult { offsets: offsets.into(), data: data.into() })
            }
        },
    }
}

fn owned_text(text: Text) -> columns::TextResult {
    columns::TextResult { offsets: text.offsets.into(), data: text.data.as_str().to_owned() }
}
