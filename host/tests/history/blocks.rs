//! Blocks: a long log comes back, dictionaries go on from block to block, limits hold.

use std::ops::ControlFlow;
use std::sync::Arc;

use projectionist::event::{EnvelopeParts, EventType, Fault, Range, Selection, Subscription, Values};
use projectionist::event_store::Source;
use projectionist::history::{
    BLOCK_BYTES_MAX, BLOCK_EVENTS_MAX, BLOCK_FIELDS_MAX, Cut, Damaged, DictionaryNumber, FIELDS_MAX, FieldRows, Found,
    KeyColumn, RARE_FIELD, Scan, SealedColumn, Segment, Shredder, distinct_streams, distinct_values,
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
                match values(&segment, found, rows) {
                    Some(values) => assert!(values == expected, "{field} of {kind} in {}", block.range()),
                    None => assert_eq!(field, "rare", "one event in hundreds has it"),
                }
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

/// Whether it is a column; none when the recorded texts tell.
fn is_listed(segment: &Segment, kind: &str, field: &str) -> Option<bool> {
    let block = &segment.blocks()[0];
    match block.field(block.type_number(kind).unwrap(), field).unwrap() {
        Found::Column(_) => Some(true),
        Found::Absent => Some(false),
        Found::InText(_) => None,
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
    assert_eq!(is_listed(&segment, "Over", "no such"), Some(false), "what is no column is known by its name");
    assert_eq!((is_listed(&segment, "Long", &long), is_listed(&segment, "Long", &long[1..])), (None, Some(true)));
}

#[test]
fn a_block_lists_so_many_fields_and_no_more() {
    let log = Log::new();
    let full = BLOCK_FIELDS_MAX / FIELDS_MAX;
    // Of each type so many events that its columns are in proportion.
    log.add((0..200 * (full + 1)).map(|n| objects(&format!("T{}", n % (full + 1)), 0..FIELDS_MAX)));
    let segment = segment(&log);
    assert_eq!(is_listed(&segment, &format!("T{}", full - 1), "f255"), Some(true));
    assert_eq!(is_listed(&segment, &format!("T{full}"), "f0"), None);
}

#[test]
fn a_field_is_a_column_when_enough_events_have_it() {
    let log = Log::new();
    let events = 2 * RARE_FIELD;
    let event = |n: usize| {
        let [twice, once] = [("twice", n < 2), ("once", n == 7)].map(|(name, has)| match has {
            true => format!(",\"{name}\":{n}"),
            false => String::new(),
        });
        format!(r#"{{"stream":"s","type":"T","data":{{"n":{n}{twice}{once}}}}}"#)
    };
    log.add((0..events).map(event));
    let segment = segment(&log);
    assert_eq!(
        ["n", "twice", "once", "never"].map(|name| is_listed(&segment, "T", name)),
        [Some(true), Some(true), None, Some(false)]
    );
    let kind = segment.blocks()[0].type_number("T").unwrap();
    let Found::InText(FieldRows::These(rows)) = segment.blocks()[0].field(kind, "once").unwrap() else { panic!() };
    assert_eq!(rows.to_vec(), [7], "only its texts need be looked at");
}

/// How many bytes of history there are for each byte of JSON Lines.
fn proportion(lines: impl Iterator<Item = String> + Clone) -> f64 {
    let log = Log::new();
    log.add(lines.clone());
    let bytes: usize = lines.map(|line| line.len() + 1).sum();
    segment(&log).bytes() as f64 / bytes as f64
}

#[test]
fn history_is_in_proportion_whatever_the_shape_of_the_log() {
    let hash = |n: usize| format!("{:016x}{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15), n ^ 0x5bd1_e995);
    let line =
        |stream: &str, kind: &str, data: &str| format!(r#"{{"stream":"{stream}","type":"{kind}","data":{data}}}"#);
    let carts = |n: usize| {
        let data = format!(r#"{{"n":1,"{}":1,"{}":2}}"#, hash(2 * n), hash(2 * n + 1));
        line(&format!("cart-{}", n % 1000), "Changed", &data)
    };
    let short = |n: usize| line(&format!("s{}", n % 100), "T", &format!("{{\"{}\":1}}", n % 20_000));
    let types = |n: usize| {
        let data = format!(r#"{{"amount":{n},"note":"note {}","account":"acct-{}"}}"#, n % 7, n % 500);
        line(&format!("account-{}", n % 1000), &format!("Happened{}", n * 7919 % 20_000), &data)
    };
    let own_streams = |n: usize| line(&format!("order-{n}"), "Placed", &format!("{{\"total\":{n}}}"));
    let sparse = |n: usize| {
        let one = |k: usize| format!("\"f{}\":{n}", (n * 31 + k * 17) % 200);
        line("s", "T", &format!("{{{},{},{}}}", one(0), one(1), one(2)))
    };
    let dense = |n: usize| {
        let members: Vec<String> = (0..30).map(|k| format!("\"{}\":{}", char::from(b'a' + k % 26), n % 10)).collect();
        line("s", "T", &format!("{{{}}}", members.join(",")))
    };
    let shapes: [(&str, &dyn Fn(usize) -> String); 6] = [
        ("ids as keys", &carts),
        ("short keys that come again", &short),
        ("20,000 types", &types),
        ("each its own stream", &own_streams),
        ("each some of many fields", &sparse),
        ("many small fields", &dense),
    ];
    for (shape, line) in shapes {
        let times = proportion((0..30_000).map(line));
        assert!(times <= 3.0, "{shape}: {times:.2} bytes of history for each of the log");
    }
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
        match block.field(kind, &format!("g{last}")).unwrap() {
            Found::InText(FieldRows::Any) => assert!(own_type, "types of few events stand together"),
            Found::InText(FieldRows::These(having)) => assert_eq!(having.to_vec(), [rows as u16 - 1]),
            found => assert_eq!(
                values(&segment, found, rows).unwrap().last(),
                Some(&crate::reference::number(&last.to_string())),
                "of a block of few events they are columns"
            ),
        }
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
    assert!(matches!(segment.blocks()[0].metadata_field("m").unwrap(), Found::InText(FieldRows::Any)));
}

/// The fault of whoever asks for these fields out of a segment, and out of the source.
fn faults(log: &Log, segment: &Arc<Segment>, selection: Selection, metadata_fields: &[&str]) -> [Option<Fault>; 2] {
    let subscription = Subscription {
        selection,
        stream_prefix: None,
        envelope: EnvelopeParts::default(),
        metadata_fields: metadata_fields.iter().map(|&field| field.into()).collect(),
    };
    let mut scan = Scan::new(&subscription, None);
    let cut = Cut { events_max: 100, bytes_max: usize::MAX };
    let mut mend = |_: &Segment, damaged: Damaged| Err(Fault::storage("reading", damaged.what));
    let visit = &mut |_| Ok(ControlFlow::Continue(()));
    let from_history = scan.each(std::slice::from_ref(segment), segment.range(), cut, &mut mend, visit);
    let mut shredder = Shredder::new(&subscription);
    let wanted = shredder.wanted();
    let mut push = |event: projectionist::event::EventRef<'_>| {
        shredder.push(event)?;
        Ok(ControlFlow::Continue(()))
    };
    let from_source = log.store.reader().unwrap().scan(segment.range(), &wanted, &mut push);
    [from_history.err(), from_source.err()]
}

#[test]
fn what_is_not_json_is_the_same_fault_from_history_as_from_the_source() {
    let log = Log::new();
    log.add((0..30).map(|n| {
        format!(r#"{{"stream":"s","type":"{}","data":{{"a":"x","b":{n}}},"metadata":{{"m":1}}}}"#, ["A", "B"][n % 2])
    }));
    let store = Connection::open(log.store.path()).unwrap();
    for position in [8, 13] {
        let sql = format!("UPDATE events SET data = '{{\"a\":tru, \"b\":1}}' WHERE position = {position}");
        store.execute(&sql, []).unwrap();
    }
    store.execute("UPDATE events SET metadata = '{\"m\"' WHERE position = 11", []).unwrap();
    let segment = Arc::new(segment(&log));
    let of = |types: &[(&str, &str)]| {
        let one = |&(name, field): &(&str, &str)| EventType {
            name: name.into(),
            fields: vec![field.into()],
            document: false,
        };
        Selection::Types(types.iter().map(one).collect())
    };
    let every = Selection::Every(EventType { name: String::new(), fields: vec!["a".into()], document: true });
    let cases = [
        (of(&[("A", "a"), ("B", "a")]), vec![], Some(8)),
        (of(&[("A", "a")]), vec![], Some(13)),
        (of(&[("A", "b"), ("B", "b")]), vec![], None),
        (of(&[("A", "a")]), vec!["m"], Some(11)),
        (of(&[("A", "b")]), vec!["m"], Some(11)),
        (every, vec!["m"], Some(8)),
    ];
    for (selection, metadata_fields, position) in cases {
        let [from_history, from_source] = faults(&log, &segment, selection.clone(), &metadata_fields);
        let what = |fault: &Option<Fault>| fault.as_ref().map(|fault| (fault.message.clone(), fault.position));
        assert_eq!(what(&from_history), what(&from_source), "{selection:?}");
        assert_eq!(from_history.and_then(|fault| fault.position).map(|at| at.0), position, "{selection:?}");
    }
}

#[test]
fn distinct_streams_and_values_are_known_before_anything_is_read() {
    let log = Log::new();
    let event = |n: u64| {
        format!(
            r#"{{"stream":"s{}","type":"{}","data":{{"few":"w{}","number":{},"own":"{n} {}","mixed":{}}}}}"#,
            n * 7919 % 12_000,
            ["A", "B"][(n % 2) as usize],
            n % 300,
            n % 5_000,
            "x".repeat(300),
            if n.is_multiple_of(3) { n.to_string() } else { format!("\"{}\"", n % 10) },
        )
    };
    log.add((0..24_000).map(event));
    let one = |after, through| {
        let range = range(after, through);
        Arc::new(Segment::in_memory(&mut *log.store.reader().unwrap(), range, usize::MAX).unwrap())
    };
    let segments = [one(0, 9_000), one(9_000, 16_000), one(16_000, 24_000)];
    let near = |estimate: u64, truth: u64| estimate.abs_diff(truth) * 100 <= truth * 8;
    let streams = distinct_streams(&segments).unwrap();
    assert!(near(streams, 12_000), "{streams} streams");
    assert_eq!(distinct_streams(&[]).unwrap(), 0);
    let types = ["A".to_owned(), "B".to_owned(), "C".to_owned()];
    for (field, truth, is_upper_bound) in [
        ("few", 300, false),
        ("number", 5_000, false),
        ("own", 24_000, true),
        ("mixed", 24_000, true),
        ("no", 0, false),
    ] {
        let distinct = distinct_values(&segments, &types, field).unwrap();
        assert!(near(distinct.values, truth), "{field}: {distinct:?}");
        assert_eq!(distinct.is_upper_bound, is_upper_bound, "{field}");
    }
}
