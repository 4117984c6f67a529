//! Shredding: whatever was recorded comes back from the columns, under any cut into batches.

use projectionist::event::{
    Batch, Column, EnvelopeParts, EventRef, EventType, Position, Range, Selection, StreamNumber, StreamVersion,
    Subscription, Symbols, Text, Timestamp, TypeIndex, TypeNumber, Values,
};
use projectionist::history::Shredder;
use proptest::prelude::*;
use serde_json::value::RawValue;

use crate::generate::{json, object};
use crate::reference::{Value, members, number, reference};

const FIELDS: [&str; 4] = ["a", "b", "", "ü\n"];

fn expected(document: &str, field: &str) -> Value {
    if !document.trim_ascii().starts_with('{') {
        return Value::Absent;
    }
    let name: Vec<u16> = field.encode_utf16().collect();
    members(document).into_iter().rev().find(|(key, _)| *key == name).map_or(Value::Absent, |(_, raw)| reference(raw))
}

/// A guest's dictionaries, kept from batch to batch.
type Kept = Vec<Vec<String>>;

fn learn(kept: &mut Vec<String>, symbols: &Symbols) {
    assert!(symbols.first as usize <= kept.len(), "a dictionary goes on where the last batch left it");
    kept.truncate(symbols.first as usize);
    kept.extend(symbols.added.iter().map(str::to_owned));
    let mut distinct = kept.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), kept.len());
}

fn decode(column: &Column, rows: usize, kept: &mut Vec<String>) -> Vec<Value> {
    let as_text = |text: &str| Value::Text(text.encode_utf16().collect());
    let lengths = match &column.values {
        Values::Nothing => rows,
        Values::Booleans(values) => values.len(),
        Values::Integers(values) => values.len(),
        Values::Reals(values) => values.len(),
        Values::Texts(values) | Values::Json(values) => values.len(),
        Values::Symbols(symbols) => {
            learn(kept, symbols);
            symbols.keys.len()
        }
        Values::Blobs(_) => panic!("no blobs in JSON"),
    };
    assert_eq!(lengths, rows);
    for bits in [&column.validity, &column.nulls].into_iter().flatten() {
        assert_eq!(bits.len(), rows.div_ceil(8));
        assert!(rows.is_multiple_of(8) || bits[rows / 8] >> (rows % 8) == 0, "unused bits are 0");
    }
    let value = |row: usize| {
        if !column.is_valid(row) {
            return if column.is_null(row) { Value::Null } else { Value::Absent };
        }
        assert!(!column.is_null(row));
        match &column.values {
            Values::Booleans(values) => Value::Boolean(values[row] == 1),
            Values::Integers(values) => number(&values[row].to_string()),
            Values::Reals(values) => number(&format!("{:e}", values[row])),
            Values::Texts(values) => as_text(values.get(row)),
            Values::Symbols(symbols) => as_text(&kept[symbols.keys[row] as usize]),
            Values::Json(values) => reference(values.get(row)),
            _ => unreachable!(),
        }
    };
    (0..rows).map(value).collect()
}

fn subscription() -> Subscription {
    let kind = |name: &str, document| EventType {
        name: name.into(),
        fields: FIELDS.iter().map(|&field| field.into()).collect(),
        document,
    };
    Subscription {
        selection: Selection::Types(vec![kind("A", true), kind("B", false)]),
        stream_prefix: None,
        envelope: EnvelopeParts {
            position: true,
            stream: true,
            stream_version: true,
            time: true,
            id: true,
            type_name: true,
            metadata: true,
        },
        metadata_fields: FIELDS.iter().map(|&field| field.into()).collect(),
    }
}

/// Documents as recorded, with the cuts after them.
type Log = Vec<(String, Option<String>, bool)>;

fn check(log: &Log) {
    let mut shredder = Shredder::new(&subscription());
    let mut kept: Kept = vec![Vec::new(); 2 + 3 * FIELDS.len()];
    let mut start = 0;
    for (index, (data, metadata, cut)) in log.iter().enumerate() {
        let kind = (index / 2 % 2) as u16;
        shredder
            .push(EventRef {
                position: Position(index as u64 + 1),
                stream: StreamNumber(index as i64 % 3),
                stream_name: ["x", "y", "z"][index % 3],
                stream_version: StreamVersion(7),
                kind: TypeIndex(kind),
                type_number: TypeNumber(i64::from(kind)),
                type_name: ["A", "B"][usize::from(kind)],
                time: Timestamp(-1),
                id: "id",
                data,
                metadata: metadata.as_deref(),
            })
            .unwrap();
        if *cut || index + 1 == log.len() {
            assert_eq!(shredder.len(), index + 1 - start);
            assert!(shredder.bytes() > 0);
            let range = Range { after: Position(start as u64), through: Position(index as u64 + 1) };
            compare(&shredder.finish(range), &log[start..=index], start, &mut kept);
            start = index + 1;
        }
    }
}

fn compare(batch: &Batch, log: &[(String, Option<String>, bool)], start: usize, kept: &mut Kept) {
    let rows = log.len();
    assert_eq!((batch.len(), batch.positions[0], batch.positions.len()), (rows, start as u64 + 1, rows));
    let envelope = &batch.envelope;
    let mut kept = kept.iter_mut();
    for (symbols, names) in [(&envelope.streams, ["x", "y", "z"].as_slice()), (&envelope.type_names, &["A", "B"])] {
        let (symbols, kept) = (symbols.as_ref().unwrap(), kept.next().unwrap());
        learn(kept, symbols);
        for row in 0..rows {
            let index = if names.len() == 3 { (start + row) % 3 } else { (start + row) / 2 % 2 };
            assert_eq!(kept[symbols.keys[row] as usize], names[index]);
        }
    }
    assert_eq!(envelope.times.as_ref().unwrap().to_vec(), vec![-1; rows]);
    assert_eq!(envelope.stream_versions.as_ref().unwrap().to_vec(), vec![7; rows]);
    assert_eq!(envelope.ids.as_ref().unwrap().len(), rows);
    let whole = envelope.metadata.as_ref().unwrap();
    let Values::Json(texts) = &whole.values else { panic!("metadata is JSON") };
    for (row, (_, metadata, _)) in log.iter().enumerate() {
        assert_eq!(whole.is_valid(row).then(|| texts.get(row)), metadata.as_deref());
    }
    for (column, field) in envelope.metadata_fields.iter().zip(FIELDS) {
        let expected: Vec<Value> =
            log.iter().map(|(_, metadata, _)| expected(metadata.as_deref().unwrap_or("{}"), field)).collect();
        assert_eq!(decode(column, rows, kept.next().unwrap()), expected);
    }
    for (index, group) in batch.groups.iter().enumerate() {
        let own: Vec<&str> =
            (0..rows).filter(|row| (start + row) / 2 % 2 == index).map(|row| log[row].0.as_str()).collect();
        assert_eq!(group.length as usize, own.len());
        assert_eq!(
            group.document.as_ref().map(|texts: &Text| texts.iter().collect::<Vec<_>>() == own),
            (index == 0).then_some(true)
        );
        for (column, field) in group.fields.iter().zip(FIELDS) {
            let expected: Vec<Value> = own.iter().map(|data| expected(data, field)).collect();
            assert_eq!(decode(column, own.len(), kept.next().unwrap()), expected, "{field:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_json_comes_back(log in proptest::collection::vec((prop_oneof![9 => object(json()), 1 => json()], proptest::option::of(object(json())), prop::bool::weighted(0.2)), 1..60)) {
        for (data, ..) in &log {
            serde_json::from_str::<&RawValue>(data).expect("the generator writes JSON");
        }
        check(&log);
    }

    #[test]
    fn columns_of_one_kind_come_back(
        column in prop_oneof![
            proptest::collection::vec(any::<i64>().prop_map(|n| n.to_string()), 1..40),
            proptest::collection::vec((-9999i64..9999).prop_map(|n| format!("{}.{:02}", n / 100, n.abs() % 100)), 1..40),
            proptest::collection::vec(any::<bool>().prop_map(|b| b.to_string()), 1..40),
            proptest::collection::vec("\"[a-c]{1,2}\"", 1..40),
        ],
        last in json(),
        cuts in any::<u64>(),
    ) {
        // And then one of another kind, in the same batch.
        let all = column.iter().chain([&last]);
        let log: Log = all.enumerate().map(|(row, value)| (format!("{{\"a\":{value}}}"), None, cuts >> row & 3 == 3)).collect();
        check(&log);
    }
}

fn one_field(values: &[&str]) -> Column {
    let kind = EventType { name: "A".into(), fields: vec!["a".into()], document: false };
    let subscription = Subscription {
        selection: Selection::Every(EventType { name: String::new(), ..kind }),
        stream_prefix: None,
        envelope: EnvelopeParts::default(),
        metadata_fields: Vec::new(),
    };
    let mut shredder = Shredder::new(&subscription);
    for value in values {
        push(&mut shredder, 1, &format!("{{\"a\":{value}}}"));
    }
    shredder.finish(Range { after: Position(0), through: Position(1) }).groups.remove(0).fields.remove(0)
}

fn push(shredder: &mut Shredder, position: u64, data: &str) {
    let event = EventRef {
        position: Position(position),
        stream: StreamNumber(1),
        stream_name: "s",
        stream_version: StreamVersion(1),
        kind: TypeIndex(0),
        type_number: TypeNumber(1),
        type_name: "A",
        time: Timestamp(0),
        id: "",
        data,
        metadata: None,
    };
    shredder.push(event).unwrap();
}

#[test]
fn each_kind_gets_its_column() {
    assert!(matches!(one_field(&["1", "-5"]).values, Values::Integers(_)));
    assert!(matches!(one_field(&["1.5", "-0", "1e3"]).values, Values::Reals(_)));
    assert!(matches!(one_field(&["true", "null"]).values, Values::Booleans(_)));
    assert!(matches!(one_field(&["\"x\"", "\"\\n\""]).values, Values::Symbols(_)));
    assert!(matches!(one_field(&["null", "null"]).values, Values::Nothing));
    let Values::Json(mixed) = one_field(&["1", "1.5", "\"é\\n\"", "[ 1 ]"]).values else {
        panic!("mixed kinds are JSON")
    };
    assert_eq!(mixed.iter().collect::<Vec<_>>(), ["1", "1.5", "\"é\\n\"", "[ 1 ]"]);
    let notes: Vec<String> = (0..30_000).map(|n| format!("\"note {n}\"")).collect();
    let notes: Vec<&str> = notes.iter().map(String::as_str).collect();
    let Values::Texts(texts) = one_field(&notes).values else { panic!("strings that never repeat are texts") };
    assert_eq!((texts.get(0), texts.get(29_999)), ("note 0", "note 29999"));
}

#[test]
fn dictionaries_go_on_from_batch_to_batch_until_a_restart() {
    let mut every = subscription();
    every.selection = Selection::Every(EventType { name: String::new(), fields: vec!["a".into()], document: false });
    let mut shredder = Shredder::new(&every);
    let mut batch = |restart: bool, value: &str| {
        if restart {
            push(&mut shredder, 1, "{\"a\":\"dropped\"}");
            shredder.restart();
        }
        push(&mut shredder, 1, &format!("{{\"a\":\"{value}\"}}"));
        let batch = shredder.finish(Range { after: Position(0), through: Position(1) });
        let Values::Symbols(symbols) = &batch.groups[0].fields[0].values else { panic!("symbols") };
        let added: Vec<String> = symbols.added.iter().map(str::to_owned).collect();
        (symbols.first, added, symbols.keys[0], batch.envelope.streams.unwrap().added.len())
    };
    assert_eq!(batch(false, "x"), (0, vec!["x".into()], 0, 1));
    assert_eq!(batch(false, "y"), (1, vec!["y".into()], 1, 0));
    assert_eq!(batch(false, "x"), (2, vec![], 0, 0));
    assert_eq!(batch(true, "y"), (0, vec!["y".into()], 0, 1));
}

#[test]
fn what_is_not_json_is_a_fault_at_its_position() {
    let mut shredder = Shredder::new(&subscription());
    let event = |data| EventRef {
        position: Position(9),
        stream: StreamNumber(1),
        stream_name: "s",
        stream_version: StreamVersion(1),
        kind: TypeIndex(1),
        type_number: TypeNumber(1),
        type_name: "B",
        time: Timestamp(0),
        id: "",
        data,
        metadata: None,
    };
    for data in ["{\"a\":", "{\"a\":tru}", "{\"a\":1.}", "{\"a\":-}"] {
        assert_eq!(shredder.push(event(data)).unwrap_err().position, Some(Position(9)), "{data}");
        shredder.restart();
    }
}
