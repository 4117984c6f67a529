//! Values: any JSON gives the same through a segment as through the shredder of a subscription.

use std::ops::ControlFlow;

use projectionist::event::{
    Batch, EnvelopeParts, EventType, ExpectedVersion, NewEvent, Position, Range, Selection, Subscription, Values,
};
use projectionist::event_store::Source;
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::history::{Found, SealedColumn, Segment, Shredder};
use proptest::prelude::*;

use crate::Log;
use crate::generate::{json, object};
use crate::reference::Value;
use crate::whole::{decode, of_segment, of_source, values};

const FIELDS: [&str; 5] = ["a", "b", "", "ü\n", "nobody has this"];
const TYPES: [&str; 2] = ["A", "B"];

fn subscription() -> Subscription {
    let fields: Vec<String> = FIELDS.iter().map(|&field| field.into()).collect();
    let kind = |name: &str| EventType { name: name.into(), fields: fields.clone(), document: false };
    Subscription {
        selection: Selection::Types(TYPES.iter().map(|name| kind(name)).collect()),
        stream_prefix: None,
        envelope: EnvelopeParts::default(),
        metadata_fields: fields,
    }
}

fn shredded(store: &SqliteStore, range: Range) -> Batch {
    let mut shredder = Shredder::new(&subscription());
    let wanted = shredder.wanted();
    let mut push = |event: projectionist::event::EventRef<'_>| {
        shredder.push(event)?;
        Ok(ControlFlow::Continue(()))
    };
    store.reader().unwrap().scan(range, &wanted, &mut push).unwrap();
    shredder.finish(range)
}

/// What the shredder's column holds; it starts with this batch, so its dictionary is all here.
fn plain(column: &projectionist::event::Column, rows: usize) -> Vec<Value> {
    let words: Vec<String> = match &column.values {
        Values::Symbols(symbols) => symbols.added.iter().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    decode(column, rows, &words)
}

/// Compares everything about the log; of a log of one block.
fn check(log: &Log) {
    let range = Range { after: Position::START, through: log.head() };
    let segment = Segment::in_memory(&mut *log.store.reader().unwrap(), range, usize::MAX).unwrap();
    segment.verify().unwrap();
    assert_eq!(of_segment(&segment).unwrap(), of_source(&log.store, range));
    let [block] = segment.blocks() else { panic!("one block") };
    let batch = shredded(&log.store, range);
    for (group, name) in batch.groups.iter().zip(TYPES) {
        let rows = group.length as usize;
        let Some(kind) = block.type_number(name) else {
            assert_eq!(rows, 0);
            continue;
        };
        for (column, field) in group.fields.iter().zip(FIELDS) {
            let found = block.field(kind, field).unwrap();
            match &found {
                Found::Column(SealedColumn::Plain(sealed)) => assert_eq!(
                    std::mem::discriminant(&sealed.values),
                    std::mem::discriminant(&column.values),
                    "the kind of column is the same too"
                ),
                Found::Column(SealedColumn::Keys(_)) => assert!(matches!(column.values, Values::Symbols(_))),
                _ => {}
            }
            assert_eq!(values(&segment, found, rows), Some(plain(column, rows)), "{field:?} of {name}");
        }
    }
    for (column, field) in batch.envelope.metadata_fields.iter().zip(FIELDS) {
        let found = block.metadata_field(field).unwrap();
        assert_eq!(values(&segment, found, batch.len()), Some(plain(column, batch.len())), "{field:?} of the metadata");
    }
}

fn log_of(events: &[(usize, String, Option<String>, Option<String>)]) -> Log {
    let log = Log::new();
    let new = |(kind, data, metadata, id): &(usize, String, Option<String>, Option<String>)| NewEvent {
        kind: TYPES[*kind].into(),
        data: data.clone(),
        metadata: metadata.clone(),
        id: id.clone(),
        time: None,
    };
    let events: Vec<NewEvent> = events.iter().map(new).collect();
    for (stream, events) in events.chunks(7).enumerate() {
        log.store.append(&format!("s{}", stream % 3), ExpectedVersion::Any, events).unwrap();
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_the_same_through_a_segment(
        events in proptest::collection::vec(
            (0usize..2, prop_oneof![9 => object(json()), 1 => json()], proptest::option::of(object(json()))), 1..50,
        ),
        with_ids in any::<bool>(),
    ) {
        let events: Vec<_> = events
            .into_iter()
            .enumerate()
            .map(|(n, (kind, data, metadata))| (kind, data, metadata, with_ids.then(|| format!("Id {n}"))))
            .collect();
        check(&log_of(&events));
    }

    #[test]
    fn columns_of_one_kind_are_too(
        column in prop_oneof![
            proptest::collection::vec(any::<i64>().prop_map(|n| n.to_string()), 1..40),
            proptest::collection::vec((-9999i64..9999).prop_map(|n| format!("{}.{:02}", n / 100, n.abs() % 100)), 1..40),
            proptest::collection::vec(any::<bool>().prop_map(|b| b.to_string()), 1..40),
            proptest::collection::vec("\"[a-c]{1,2}\"", 1..40),
            proptest::collection::vec("\"[a-z]{300}\"", 1..8),
        ],
        last in proptest::option::of(json()),
        absent in any::<u64>(),
    ) {
        let event = |(row, value): (usize, &String)| {
            let data = if absent >> row & 7 == 7 { "{}".into() } else { format!("{{\"a\":{value}}}") };
            (row % 2, data, None, None)
        };
        let events: Vec<_> = column.iter().chain(&last).enumerate().map(event).collect();
        check(&log_of(&events));
    }
}

#[test]
fn a_huge_string_and_ids_of_both_kinds() {
    let huge = format!(r#"{{"a":"{}","b":{}}}"#, "é\\n".repeat(500_000), "[".repeat(50) + &"]".repeat(50));
    let id = |id: &str| Some(id.to_owned());
    check(&log_of(&[
        (0, huge, Some(r#"{"a":"x"}"#.into()), id("01890a5d-ac96-774b-bcce-b302099a8057")),
        (1, r#"{"a":1}"#.into(), None, id("01890A5D-AC96-774B-BCCE-B302099A8058")),
        (1, r#"{"a":"1"}"#.into(), None, id("anything")),
    ]));
}

#[test]
fn an_empty_range_is_one_empty_block() {
    let log = Log::new();
    let segment = Segment::in_memory(&mut *log.store.reader().unwrap(), crate::range(5, 9), usize::MAX).unwrap();
    assert_eq!((segment.blocks().len(), segment.events()), (1, 0));
    assert!(segment.blocks()[0].is_empty());
    assert!(of_segment(&segment).unwrap().is_empty());
}
