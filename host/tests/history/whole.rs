//! The **whole** events, rebuilt from a segment, and its columns decoded.

use std::ops::ControlFlow;

use projectionist::event::{Column, Range, Symbols, Text, Values};
use projectionist::event_store::{Source, Wanted};
use projectionist::history::{Damaged, Found, KeyColumn, SealedColumn, Segment};

use crate::reference::{Value, number, reference};

/// Position, stream, stream version, type, time, id, payload, metadata.
pub type Whole = (u64, String, u64, String, i64, String, String, Option<String>);

/// What the source has.
pub fn of_source(source: &dyn Source, range: Range) -> Vec<Whole> {
    let mut events = Vec::new();
    let wanted = Wanted { types: None, stream_prefix: None, streams: true, ids: true, metadata: true, data: true };
    source
        .reader()
        .unwrap()
        .scan(range, &wanted, &mut |event| {
            events.push((
                event.position.0,
                event.stream_name.to_owned(),
                event.stream_version.0,
                event.type_name.to_owned(),
                event.time.0,
                event.id.to_owned(),
                event.data.to_owned(),
                event.metadata.map(str::to_owned),
            ));
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    events
}

/// What the segment has, with every column of it read once.
pub fn of_segment(segment: &Segment) -> Result<Vec<Whole>, Damaged> {
    let mut events = Vec::new();
    let mut after = segment.range().after;
    for block in segment.blocks() {
        assert_eq!(block.range().after, after, "blocks adjoin");
        after = block.range().through;
        let names = segment.dictionary(block.stream_words())?.values;
        let (positions, metadata) = (block.positions()?, block.metadata()?);
        let Values::Json(texts) = &metadata.values else { panic!("metadata is JSON") };
        let start = events.len();
        for (kind, name, length) in block.types() {
            assert_eq!(block.type_number(name), Some(kind));
            let (rows, documents, ids) = (block.rows(kind)?, block.documents(kind)?, block.ids(kind)?);
            let (streams, versions, times) = (block.streams(kind)?, block.stream_versions(kind)?, block.times(kind)?);
            assert_eq!((rows.len(), documents.len()), (length, length));
            assert!(rows.is_sorted());
            for (at, row) in rows.iter().map(|&row| usize::from(row)).enumerate() {
                events.push((
                    positions[row],
                    names.get(streams[at] as usize).to_owned(),
                    versions[at],
                    name.to_owned(),
                    times[at],
                    ids.get(at).to_owned(),
                    documents.get(at).to_owned(),
                    metadata.is_valid(row).then(|| texts.get(row).to_owned()),
                ));
            }
        }
        events[start..].sort();
    }
    assert_eq!(after, segment.range().through, "blocks cover the segment");
    Ok(events)
}

/// The values of a field, one for each of `rows`; none when the block does not list it.
pub fn values(segment: &Segment, found: Found, rows: usize) -> Option<Vec<Value>> {
    match found {
        Found::Column(SealedColumn::Plain(column)) => Some(decode(&column, rows, &[])),
        Found::Column(SealedColumn::Keys(KeyColumn { validity, nulls, keys, dictionary })) => {
            let words: Vec<String> = segment.dictionary(dictionary).unwrap().values.iter().map(str::to_owned).collect();
            let keys = keys.to_vec().into();
            let symbols = Symbols { first: 0, added: Text::default(), keys };
            Some(decode(&Column { validity, nulls, values: Values::Symbols(symbols) }, rows, &words))
        }
        Found::Absent => Some(vec![Value::Absent; rows]),
        Found::InText(_) => None,
    }
}

/// The values of a column whose symbols stand for `words`.
pub fn decode(column: &Column, rows: usize, words: &[String]) -> Vec<Value> {
    let as_text = |text: &str| Value::Text(text.encode_utf16().collect());
    for bits in [&column.validity, &column.nulls].into_iter().flatten() {
        assert_eq!(bits.len(), rows.div_ceil(8));
    }
    let value = |row: usize| match &column.values {
        _ if !column.is_valid(row) => match column.is_null(row) {
            true => Value::Null,
            false => Value::Absent,
        },
        Values::Booleans(values) => Value::Boolean(values[row] == 1),
        Values::Integers(values) => number(&values[row].to_string()),
        Values::Reals(values) => number(&format!("{:e}", values[row])),
        Values::Texts(values) => as_text(values.get(row)),
        Values::Symbols(symbols) => as_text(&words[symbols.keys[row] as usize]),
        Values::Json(values) => reference(values.get(row)),
        Values::Nothing | Values::Blobs(_) => unreachable!("no row has a value, and JSON has no byte strings"),
    };
    (0..rows).map(value).collect()
}
