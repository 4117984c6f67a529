//! What a plugin is given out of history, and out of the source: the same, event by event, however it is cut.

mod guest;

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::event::{EnvelopeParts, EventType, ExpectedVersion, NewEvent, Partitioning, Selection, Timestamp, Values};
use crate::event_store::Source;
use crate::event_store::sqlite::SqliteStore;

use crate::history::{Shredder, Sizes};
use guest::{Guest, Told};

const NAMES: [&str; 5] = ["a", "b", "", "é\"", "amount"];

fn value() -> impl Strategy<Value = String> {
    let odd = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-0.0",
        "1e400",
        "9007199254740992",
        "9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "-9223372036854775809",
        "0.1",
        "1E5",
        "1.0",
        "12345678901234567890.5",
        "\"\"",
        "\"plain\"",
        "\"5\"",
        "\"\\u0041\"",
        "\"\\ud800\"",
        "\"\\ud83d\\ude00\"",
        "\"😀\"",
        "\"line\\nend\"",
        "{}",
        "[]",
        "{\"a\":{\"b\":[1,2,{\"c\":null}]}}",
        "[ 1 , 2 ]",
        "{\"x\":1,\"x\":2}",
    ];
    prop_oneof![
        6 => prop::sample::select(odd.to_vec()).prop_map(str::to_owned),
        4 => any::<i64>().prop_map(|number| number.to_string()),
        3 => (0u8..6).prop_map(|word| format!("\"word {word}\"")),
        1 => (1usize..400).prop_map(|length| format!("\"{}\"", "long ".repeat(length))),
        1 => any::<f64>().prop_filter("no NaN in JSON", |real| real.is_finite()).prop_map(|real| format!("{real:e}")),
    ]
}

fn payload() -> impl Strategy<Value = String> {
    let object = prop::collection::vec((prop::sample::select(NAMES.to_vec()), value()), 0..6).prop_map(|fields| {
        let one = |(name, value): (&str, String)| format!("{}:{value}", serde_json::Value::from(name));
        format!("{{{}}}", fields.into_iter().map(one).collect::<Vec<_>>().join(","))
    });
    prop_oneof![12 => object, 1 => value()]
}

#[derive(Clone, Debug)]
struct Made {
    stream: u8,
    kind: u8,
    data: String,
    metadata: Option<String>,
}

fn made() -> impl Strategy<Value = Made> {
    let metadata = prop::option::of(
        (prop::sample::select(NAMES.to_vec()), value())
            .prop_map(|(name, value)| format!("{{{}:{value}}}", serde_json::Value::from(name))),
    );
    (0u8..5, 0u8..4, payload(), metadata).prop_map(|(stream, kind, data, metadata)| Made {
        stream,
        kind,
        data,
        metadata,
    })
}

fn subscription() -> impl Strategy<Value = Subscription> {
    fn fields() -> impl Strategy<Value = Vec<String>> {
        prop::sample::subsequence(NAMES.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), 0..=5)
    }
    fn one(name: String) -> impl Strategy<Value = EventType> {
        (fields(), any::<bool>()).prop_map(move |(fields, document)| EventType { name: name.clone(), fields, document })
    }
    let types = prop::sample::subsequence(vec![3, 0, 1, 2, 9], 1..=5).prop_flat_map(move |kinds: Vec<u8>| {
        kinds.into_iter().map(|kind| one(format!("Kind{kind}"))).collect::<Vec<_>>()
    });
    let selection = prop_oneof![
        4 => types.prop_map(Selection::Types),
        1 => one(String::new()).prop_map(Selection::Every),
    ];
    let envelope = prop::array::uniform7(any::<bool>()).prop_map(|parts| EnvelopeParts {
        position: parts[0],
        stream: parts[1],
        stream_version: parts[2],
        time: parts[3],
        id: parts[4],
        type_name: parts[5],
        metadata: parts[6],
    });
    let prefix = prop_oneof![4 => Just(None), 1 => Just(Some("stream-1".to_owned()))];
    (selection, prefix, envelope, fields()).prop_map(|(selection, stream_prefix, envelope, metadata_fields)| {
        Subscription { selection, stream_prefix, envelope, metadata_fields }
    })
}

fn recorded(events: &[Made]) -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::create(folder.path().join("events.sqlite")).unwrap();
    for (number, made) in events.iter().enumerate() {
        let event = NewEvent {
            kind: format!("Kind{}", made.kind),
            data: made.data.clone(),
            metadata: made.metadata.clone(),
            id: (number % 3 == 0).then(|| format!("id {number}")),
            time: Some(Timestamp(number as i64)),
        };
        store.append(&format!("stream-{}", made.stream), ExpectedVersion::Any, &[event]).unwrap();
    }
    (folder, store)
}

/// What a plugin is told when its events come straight from the source.
fn from_source(store: &SqliteStore, subscription: &Subscription, range: Range) -> Vec<Told> {
    let mut shredder = Shredder::new(subscription);
    let wanted = shredder.wanted();
    let scanned = store.reader().unwrap().scan(range, &wanted, &mut |event| {
        shredder.push(event)?;
        Ok(ControlFlow::Continue(()))
    });
    scanned.unwrap();
    Guest::default().told(&shredder.finish(range))
}

/// What it is told when they come out of history: segments that end at `ends`, in batches of `events_max`.
fn from_history(
    segments: &[Arc<Segment>],
    subscription: &Subscription,
    part: Option<Part>,
    range: Range,
    events_max: usize,
) -> Vec<Told> {
    let mut scan = Scan::new(subscription, part);
    let (mut guest, mut told, mut covered) = (Guest::default(), Vec::new(), range.after);
    let cut = Cut { events_max, bytes_max: 2_000 };
    let mut mend = |_: &Segment, damaged: Damaged| Err(Fault::storage("reading history", damaged.what));
    let scanned = scan.each(segments, range, cut, &mut mend, &mut |batch| {
        assert_eq!(batch.range.after, covered);
        covered = batch.range.through;
        assert!(batch.len() <= events_max, "{} of {events_max}", batch.len());
        assert!(batch.positions.iter().all(|&at| at > batch.range.after.0 && at <= covered.0));
        told.extend(guest.told(&batch));
        Ok(ControlFlow::Continue(()))
    });
    scanned.unwrap();
    assert_eq!(covered, range.through);
    told
}

/// Segments that end at `ends` and at the head.
fn segments(store: &SqliteStore, head: u64, ends: &[u64], sizes: Sizes) -> Vec<Arc<Segment>> {
    let mut ends: Vec<u64> = ends.iter().map(|end| end % head).filter(|end| *end > 0).chain([head]).collect();
    ends.sort_unstable();
    ends.dedup();
    let mut after = 0;
    let mut made = Vec::new();
    for end in ends {
        let range = Range { after: Position(after), through: Position(end) };
        made.push(Arc::new(Segment::in_memory_sized(&mut *store.reader().unwrap(), range, sizes, usize::MAX).unwrap()));
        after = end;
    }
    made
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn history_tells_what_the_source_tells(
        events in prop::collection::vec(made(), 1..40),
        subscription in subscription(),
        ends in prop::collection::vec(0u64..40, 0..4),
        (after, through) in (0u64..40, 0u64..60),
        (events_max, block_events) in (1usize..20, 1usize..20),
        (rare_field, small_types) in (prop::sample::select(vec![1usize, 2, 4, 256]), prop::sample::select(vec![0usize, 2, 64])),
        parts in 1u32..4,
        by in prop_oneof![Just(Partitioning::ByStream), Just(Partitioning::ByField("a".into()))],
    ) {
        let (_folder, store) = recorded(&events);
        let head = events.len() as u64;
        let sizes = Sizes { block_events, rare_field, small_types, ..Sizes::default() };
        let segments = segments(&store, head, &ends, sizes);
        let range = Range { after: Position(after.min(head)), through: Position(through.min(head).max(after.min(head))) };
        let expected = from_source(&store, &subscription, range);
        let told = from_history(&segments, &subscription, None, range, events_max);
        prop_assert_eq!(&told, &expected);
        if let Selection::Types(types) = &subscription.selection {
            let names: Vec<String> = types.iter().map(|one| one.name.clone()).collect();
            let whole = Range { after: Position(0), through: Position(head) };
            let few = Segment::of_types(&mut *store.reader().unwrap(), whole, &names, usize::MAX).unwrap();
            prop_assert_eq!(&from_history(&[Arc::new(few)], &subscription, None, range, events_max), &expected);
        }

        let mut together = Vec::new();
        let mut part_of: HashMap<String, u32> = HashMap::new();
        for number in 0..parts {
            let part = Part { number, of: parts, by: by.clone() };
            let told = from_history(&segments, &subscription, Some(part), range, events_max);
            for stream in told.iter().filter_map(|one| one.stream.as_ref()).filter(|_| by == Partitioning::ByStream) {
                prop_assert_eq!(*part_of.entry(stream.clone()).or_insert(number), number);
            }
            together.extend(told);
        }
        together.sort_by_key(|one| one.position);
        prop_assert_eq!(together, expected);
    }
}

/// A type has another number in each block, since it appears first at another place.
#[test]
fn every_type_keeps_its_name_from_block_to_block() {
    let kind = |number: u8| ((u16::from(number) * 7 + u16::from(number) / 8) % 11) as u8;
    let event = |number: u8| Made {
        stream: number % 3,
        kind: kind(number),
        data: format!("{{\"a\":{number}}}"),
        metadata: None,
    };
    let events: Vec<Made> = (0..120).map(event).collect();
    let (_folder, store) = recorded(&events);
    let parts = EnvelopeParts { type_name: true, stream: true, ..EnvelopeParts::default() };
    for (fields, document) in [(vec![], false), (vec![], true), (vec!["a".into()], false), (vec!["a".into()], true)] {
        let subscription = Subscription {
            selection: Selection::Every(EventType { name: String::new(), fields, document }),
            stream_prefix: None,
            envelope: parts,
            metadata_fields: Vec::new(),
        };
        let range = Range { after: Position(0), through: Position(120) };
        let expected = from_source(&store, &subscription, range);
        for block_events in [1, 5, 8, 120] {
            let sizes = Sizes { block_events, ..Sizes::default() };
            let segments = segments(&store, 120, &[60], sizes);
            let told = from_history(&segments, &subscription, None, range, 7);
            assert_eq!(told, expected, "blocks of {block_events}, {:?}", subscription.selection);
        }
    }
}

#[test]
fn words_cross_once_as_long_as_they_are_known() {
    let events: Vec<Made> = (0..600)
        .map(|number| Made { stream: (number % 5) as u8, kind: 0, data: "{\"a\":\"word\"}".into(), metadata: None })
        .collect();
    let (_folder, store) = recorded(&events);
    let segments = segments(&store, 600, &[200, 400], Sizes::default());
    let subscription = Subscription {
        selection: Selection::Types(vec![EventType {
            name: "Kind0".into(),
            fields: vec!["a".into()],
            document: false,
        }]),
        stream_prefix: None,
        envelope: EnvelopeParts { stream: true, ..EnvelopeParts::default() },
        metadata_fields: Vec::new(),
    };
    let mut scan = Scan::new(&subscription, None);
    let mut added = Vec::new();
    let range = Range { after: Position(0), through: Position(600) };
    let cut = Cut { events_max: 100, bytes_max: usize::MAX };
    let mut mend = |_: &Segment, damaged: Damaged| Err(Fault::storage("reading history", damaged.what));
    let scanned = scan.each(&segments, range, cut, &mut mend, &mut |batch| {
        let Values::Symbols(words) = &batch.groups[0].fields[0].values else { panic!("{batch:?}") };
        added.push((batch.envelope.streams.as_ref().unwrap().added.len(), words.added.len()));
        Ok(ControlFlow::Continue(()))
    });
    scanned.unwrap();
    assert_eq!(added, [(5, 1), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)]);
}

/// The instance has one dictionary for a field, whichever way its words came.
#[test]
fn a_field_is_now_a_column_and_now_in_the_payloads() {
    let value = |number: u8| match number / 4 % 2 {
        0 => format!("{{\"a\":\"word {}\"}}", number / 32),
        _ if number % 4 == 1 => format!("{{\"a\":\"rare {}\"}}", number / 16),
        _ => "{}".into(),
    };
    let made = |number: u8| Made { stream: 0, kind: 0, data: value(number), metadata: Some(value(number)) };
    let events: Vec<Made> = (0..80).map(made).collect();
    let (_folder, store) = recorded(&events);
    let kind = EventType { name: "Kind0".into(), fields: vec!["a".into()], document: false };
    let subscription = Subscription {
        selection: Selection::Types(vec![kind]),
        stream_prefix: None,
        envelope: EnvelopeParts::default(),
        metadata_fields: vec!["a".into()],
    };
    let range = Range { after: Position(0), through: Position(80) };
    let expected = from_source(&store, &subscription, range);
    let sizes = Sizes { block_events: 4, rare_field: 2, ..Sizes::default() };
    let segments = segments(&store, 80, &[44], sizes);
    for events_max in [1, 3, 100] {
        assert_eq!(from_history(&segments, &subscription, None, range, events_max), expected);
    }
}

/// Streams of two events each, in other segments: words are more than a quarter of the rows of each.
#[test]
fn a_stream_crosses_once_whatever_number_of_segments_it_occurs_in() {
    let event = |number: u16| Made { stream: (number * 77 % 150) as u8, kind: 0, data: "{}".into(), metadata: None };
    let events: Vec<Made> = (0..450).map(event).collect();
    let (_folder, store) = recorded(&events);
    let subscription = Subscription {
        selection: Selection::Every(EventType::default()),
        stream_prefix: None,
        envelope: EnvelopeParts { stream: true, ..EnvelopeParts::default() },
        metadata_fields: Vec::new(),
    };
    let range = Range { after: Position(0), through: Position(450) };
    let expected = from_source(&store, &subscription, range);
    let segments = segments(&store, 450, &[90, 150, 170, 320], Sizes::default());
    let by = Partitioning::ByStream;
    for part in [None, Some(Part { number: 0, of: 2, by: by.clone() }), Some(Part { number: 1, of: 2, by })] {
        let mut scan = Scan::new(&subscription, part.clone());
        let (mut guest, mut told, mut crossed) = (Guest::default(), Vec::new(), 0);
        let cut = Cut { events_max: 40, bytes_max: usize::MAX };
        let mut mend = |_: &Segment, damaged: Damaged| Err(Fault::storage("reading history", damaged.what));
        let scanned = scan.each(&segments, range, cut, &mut mend, &mut |batch| {
            crossed += batch.envelope.streams.as_ref().unwrap().added.len();
            told.extend(guest.told(&batch));
            Ok(ControlFlow::Continue(()))
        });
        scanned.unwrap();
        let distinct: std::collections::HashSet<_> = told.iter().map(|one| one.stream.clone()).collect();
        assert_eq!(crossed, distinct.len(), "{part:?}");
        assert!(part.is_some() || told == expected);
        assert!(told.iter().all(|one| expected.contains(one)));
    }
}

#[test]
fn a_range_that_is_not_covered_is_said() {
    let (_folder, store) = recorded(&[Made { stream: 0, kind: 0, data: "{}".into(), metadata: None }]);
    let segments = segments(&store, 1, &[], Sizes::default());
    let subscription = Subscription {
        selection: Selection::Every(EventType::default()),
        stream_prefix: None,
        envelope: EnvelopeParts::default(),
        metadata_fields: Vec::new(),
    };
    let mut scan = Scan::new(&subscription, None);
    let range = Range { after: Position(0), through: Position(2) };
    let mut mend = |_: &Segment, damaged: Damaged| Err(Fault::storage("reading history", damaged.what));
    let cut = Cut { events_max: 100, bytes_max: usize::MAX };
    let fault = scan.each(&segments, range, cut, &mut mend, &mut |_| Ok(ControlFlow::Continue(()))).unwrap_err();
    assert!(fault.message.contains("(1, 2]"), "{fault}");
}
