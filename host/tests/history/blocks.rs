//! Blocks: a long log comes back, dictionaries go on from block to block, limits hold.

use std::ops::ControlFlow;

use projectionist::event::{EnvelopeParts, EventType, Range, Selection, Subscription, Values};
use projectionist::event_store::Source;
use projectionist::history::{
    BLOCK_BYTES_MAX, BLOCK_EVENTS_MAX, BLOCK_FIELDS_MAX, DictionaryNumber, FIELDS_MAX, Found, KeyColumn, SealedColumn,
    Segment, Shredder,
};
use rusqlite::Connection;
use twox_hash::XxHash3_64;

use crate::reference::Value;
use crate::whole::{decode, of_segment, of_source, values};
use crate::{Log, range};

const FIELDS: [&str; 6] = ["account", "note", "wave", "long", "rare", "none"];

fn segment(log: &Log) -> Segment {
    let range = range(0, log.head().0);
    let segment = Segment::in_memory(&mut *log.store.reader().unwrap(), range, usize::MAX).unwrap();
    segment.verify().unwrap();
    assert_eq!(of_segment(&segment).unwrap(), of_source(&log.store, range));
    segment
}

/// What a shredder that begins with these events says of the fields of a type.
fn shredded(log: &Log, range: Range, kind: &str) -> Vec<Vec<Value>> {
    let fields = FIELDS.iter().map(|&field| field.into()).collect();
    let mut shredder = Shredder::new(&Subscription {
        selection: Selection::Types(vec![EventType { name: kind.into(), fields, document: false }]),
        stream_prefix: None,
        envelope: EnvelopeParts::default(),
        metadata_fields: Vec::new(),
    });
    let wanted = shredder.wanted();
    let mut push = |event: projectionist::event::EventRef<'_>| {
        shredder.push(event)?;
        Ok(ControlFlow::Continue(()))
    };
    log.store.reader().unwrap().scan(range, &wanted, &mut push).unwrap();
    let batch = shredder.finish(range);
    let plain = |column: &projectionist::event::Column| {
        let words: Vec<String> = match &column.values {
            Values::Symbols(symbols) => symbols.added.iter().map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        decode(column, batch.len(), &words)
    };
    batch.groups[0].fields.iter().map(plain).collect()
}

#[test]
fn a_long_log_comes_back_and_its_dictionaries_go_on() {
    let log = Log::new();
    let event = |n: u64| {
        // Strings that come again until there are too many bytes of them: their dictionary starts anew.
        let long = match n {
            0..100_000 => n % 10_000,
            100_000..131_072 => n % 20_000,
            _ => n % 3_000,
        };
        let wave = match n / 40_000 % 3 {
            0 => n.to_string(),
            1 => format!("\"{}\"", n % 5),
            _ => "null".into(),
        };
        let rare = if n % 10_000 == 9_999 { format!(",\"rare\":{n}") } else { String::new() };
        format!(
            r#"{{"stream":"s{}","type":"{}","data":{{"account":"a{}","note":"note {n}","wave":{wave},"long":"{long:0>250}"{rare}}}}}"#,
            n % 30_000,
            if n.is_multiple_of(7) { "B" } else { "A" },
            n % 1_000,
        )
    };
    log.add((0..170_000).map(event));
    let segment = segment(&log);
    assert_eq!(
        segment.blocks().iter().map(|block| block.len()).collect::<Vec<_>>(),
        [BLOCK_EVENTS_MAX, BLOCK_EVENTS_MAX, 170_000 - 2 * BLOCK_EVENTS_MAX]
    );
    let mut dictionaries = Vec::new();
    for block in segment.blocks() {
        for kind in ["A", "B"] {
            let number = block.type_number(kind).unwrap();
            let rows = block.rows(number).unwrap().len();
            for (field, expected) in FIELDS.into_iter().zip(shredded(&log, block.range(), kind)) {
                let found = block.field(number, field).unwrap();
                if kind == "A"
                    && let Found::Column(column) = &found
                {
                    dictionaries.push((field, dictionary_of(column)));
                }
                assert!(values(&segment, found, rows).unwrap() == expected, "{field} of {kind} in {}", block.range());
            }
        }
        assert_eq!(block.type_number("C"), None);
    }
    let of = |field: &str| -> Vec<Option<DictionaryNumber>> {
        dictionaries.iter().filter(|(name, _)| *name == field).map(|(_, number)| *number).collect()
    };
    assert!(of("account")[0].is_some());
    assert!(of("account").iter().all(|number| *number == of("account")[0]), "one dictionary for the segment");
    assert_eq!(of("note"), [None; 3], "strings that never come again have none");
    let long = of("long");
    assert!(long[0].is_some() && long[1].is_none() && long[2].is_some() && long[0] != long[2], "{long:?}");
    assert_eq!(segment.blocks()[0].stream_words(), segment.blocks()[2].stream_words());

    let words = segment.dictionary(of("account")[0].unwrap()).unwrap();
    assert_eq!((words.values.len(), words.hashes.len()), (1_000, 1_000));
    let mut distinct: Vec<&str> = words.values.iter().collect();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 1_000);
    for (value, hash) in words.values.iter().zip(&words.hashes) {
        assert_eq!(*hash, XxHash3_64::oneshot(value.as_bytes()));
    }
}

fn dictionary_of(column: &SealedColumn) -> Option<DictionaryNumber> {
    match column {
        SealedColumn::Plain(_) => None,
        SealedColumn::Keys(KeyColumn { dictionary, .. }) => Some(*dictionary),
    }
}

fn objects(kind: &str, fields: std::ops::Range<usize>) -> String {
    let members: Vec<String> = fields.map(|n| format!("\"f{n}\":{n}")).collect();
    format!(r#"{{"stream":"s","type":"{kind}","data":{{{}}}}}"#, members.join(","))
}

fn is_listed(segment: &Segment, kind: &str, field: &str) -> Option<bool> {
    let block = &segment.blocks()[0];
    match block.field(block.type_number(kind).unwrap(), field).unwrap() {
        Found::Column(_) => Some(true),
        Found::Absent => Some(false),
        Found::NotListed => None,
    }
}

#[test]
fn a_type_lists_so_many_fields_and_no_more() {
    let log = Log::new();
    let long = "k".repeat(257);
    log.add(
        [
            objects("Full", 0..FIELDS_MAX),
            objects("Over", 0..FIELDS_MAX + 1),
            format!(r#"{{"stream":"s","type":"Long","data":{{"{long}":1,"{}":2}}}}"#, &long[1..]),
        ]
        .into_iter(),
    );
    let segment = segment(&log);
    assert_eq!(is_listed(&segment, "Full", "f255"), Some(true));
    assert_eq!(is_listed(&segment, "Full", "f256"), Some(false));
    assert_eq!(is_listed(&segment, "Over", "f255"), Some(true));
    assert_eq!(is_listed(&segment, "Over", "f256"), None);
    assert_eq!(is_listed(&segment, "Over", "no such"), None, "nobody knows");
    assert_eq!((is_listed(&segment, "Long", &long), is_listed(&segment, "Long", &long[1..])), (None, Some(true)));
}

#[test]
fn a_block_lists_so_many_fields_and_no_more() {
    let log = Log::new();
    let full = BLOCK_FIELDS_MAX / FIELDS_MAX;
    log.add((0..=full).map(|n| objects(&format!("T{n}"), 0..FIELDS_MAX)));
    let segment = segment(&log);
    assert_eq!(is_listed(&segment, &format!("T{}", full - 1), "f255"), Some(true));
    assert_eq!(is_listed(&segment, &format!("T{full}"), "f0"), None);
}

#[test]
fn a_block_holds_so_many_bytes_and_no_more() {
    let log = Log::new();
    let megabyte = "x".repeat(1 << 20);
    let event = |_| format!(r#"{{"stream":"s","type":"T","data":"{megabyte}"}}"#);
    let count = (BLOCK_BYTES_MAX >> 20) as u64;
    log.add((0..count + 2).map(event));
    let segment = segment(&log);
    let lengths: Vec<usize> = segment.blocks().iter().map(|block| block.len()).collect();
    assert_eq!(lengths.len(), 2, "{lengths:?}");
    assert!(lengths[0] as u64 >= count - 1 && lengths[0] as u64 <= count, "{lengths:?}");
}

#[test]
fn as_many_types_and_fields_as_there_are_events_are_no_trouble() {
    for own_type in [true, false] {
        let log = Log::new();
        let event = |n: u64| {
            let kind = if own_type { format!("T{n}") } else { "T".into() };
            format!(
                r#"{{"stream":"s{n}","type":"{kind}","data":{{"f{n}":"v{n}","g{n}":{n}}},"metadata":{{"m{n}":1}}}}"#
            )
        };
        log.add((0..BLOCK_EVENTS_MAX as u64 + 10).map(event));
        let segment = segment(&log);
        let block = segment.blocks().last().unwrap();
        let last = block.range().through.0 - 1;
        let kind = block.type_number(&if own_type { format!("T{last}") } else { "T".into() }).unwrap();
        let rows = block.rows(kind).unwrap().len();
        let found = values(&segment, block.field(kind, &format!("g{last}")).unwrap(), rows).unwrap();
        assert_eq!(found.last(), Some(&crate::reference::number(&last.to_string())));
    }
}

#[test]
fn a_payload_that_is_not_json_is_kept_as_it_is() {
    let log = Log::new();
    log.add((0..30).map(|n| {
        format!(r#"{{"stream":"s","type":"{}","data":{{"a":"x","b":{n}}},"metadata":{{"m":1}}}}"#, ["A", "B"][n % 2])
    }));
    // Something else has written into the store.
    let store = Connection::open(log.store.path()).unwrap();
    store.execute("UPDATE events SET data = '{\"a\":tru, \"b\":1}' WHERE position = 7", []).unwrap();
    store.execute("UPDATE events SET metadata = '{\"m\"' WHERE position = 9", []).unwrap();
    let segment = segment(&log);
    assert_eq!(is_listed(&segment, "A", "b"), None, "whoever asks gets the fault from the payload");
    assert_eq!(is_listed(&segment, "B", "b"), Some(true));
    assert!(matches!(segment.blocks()[0].metadata_field("m").unwrap(), Found::NotListed));
}
