//! Whatever a table looks like and whatever is flushed into it, the file is one that SQLite finds nothing wrong with, and
//! has the rows of a plain map.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use projectionist::event::{Changes, FaultKind, Index, Kind, Manifest, Table, TableColumn};
use projectionist::read_model::query::Value;
use projectionist::read_model::{BuildOptions, Flush, Generation, Writer};
use proptest::prelude::*;
use proptest::sample::{Index as Pick, subsequence};
use rusqlite::types::ValueRef;

use crate::tables::{Row, WriteChanges, WriteFlushes, column, identity, manifest, range};

/// Values in the order of SQLite: those that are missing first, numbers by value, others by bytes.
#[derive(Clone, Debug)]
struct Sorted(Vec<Value>);

impl Ord for Sorted {
    fn cmp(&self, other: &Self) -> Ordering {
        let one = |(a, b): (&Value, &Value)| match (a, b) {
            (Value::Null, Value::Null) => Ordering::Equal,
            (Value::Null, _) => Ordering::Less,
            (_, Value::Null) => Ordering::Greater,
            (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
            (Value::Real(a), Value::Real(b)) => a.partial_cmp(b).unwrap(),
            (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Value::Blob(a), Value::Blob(b)) => a.cmp(b),
            other => panic!("a column has one kind: {other:?}"),
        };
        self.0.iter().zip(&other.0).map(one).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Sorted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Sorted {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Sorted {}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::Boolean, Kind::Integer, Kind::Real, Kind::Text, Kind::Json, Kind::Blob])
}

fn table() -> impl Strategy<Value = Table> {
    prop::collection::vec((kind(), any::<bool>()), 1..=5).prop_flat_map(|columns| {
        let numbers: Vec<u16> = (0..columns.len() as u16).collect();
        let some = |most: usize| subsequence(numbers.clone(), 1..=numbers.len().min(most)).prop_shuffle();
        let index = (some(5), prop::bool::weighted(0.3)).prop_map(|(columns, unique)| Index { columns, unique });
        (Just(columns), some(3), prop::collection::vec(index, 0..=2)).prop_map(|(columns, key, indexes)| {
            let columns = columns.iter().zip(0..).map(|(&(kind, nullable), number)| TableColumn {
                name: format!("c{number}"),
                kind,
                nullable: nullable && !key.contains(&number),
            });
            Table { name: "rows".into(), columns: columns.collect(), key, indexes, insert_only: false }
        })
    })
}

/// Bytes that begin alike, are beginnings of each other, hold zeros, and go beyond a page.
fn ascii() -> impl Strategy<Value = String> {
    let length = prop_oneof![6 => 0usize..3, 4 => 0usize..40, 1 => 900usize..1_100, 1 => 3_900usize..9_000];
    let first = prop_oneof![Just(""), Just("a"), Just("a long beginning that many have in common ")];
    let filling = prop::sample::select(vec!["\u{0}", "x", "\u{7f}"]);
    (first, filling, length, "[ab\u{0}]{0,2}")
        .prop_map(|(first, filling, length, last)| format!("{first}{}{last}", filling.repeat(length)))
}

fn value(column: &TableColumn) -> BoxedStrategy<Value> {
    let reals = vec![0.0, -0.0, 1.0, 0.1, -7.0, 1e15, 1e17, 1e300, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE];
    let value = match column.kind {
        Kind::Boolean => (0i64..2).prop_map(Value::Integer).boxed(),
        Kind::Integer => {
            prop_oneof![4 => 0i64..2, 2 => -200i64..200, 1 => Just(i64::MIN), 1 => Just(i64::MAX), 1 => any::<i64>()]
                .prop_map(Value::Integer)
                .boxed()
        }
        Kind::Real => prop_oneof![
            3 => prop::sample::select(reals),
            1 => -1e6f64..1e6,
            1 => (-40i64..40).prop_map(|number| number as f64),
        ]
        .prop_map(Value::Real)
        .boxed(),
        Kind::Text => prop_oneof![3 => ascii(), 1 => "\\PC{0,9}"].prop_map(Value::Text).boxed(),
        Kind::Json => prop_oneof![Just("{}".to_owned()), "[0-9]{1,30}"].prop_map(Value::Text).boxed(),
        Kind::Blob => ascii().prop_map(|text| Value::Blob(text.into_bytes())).boxed(),
    };
    match column.nullable {
        true => prop_oneof![2 => Just(Value::Null), 3 => value].boxed(),
        false => value,
    }
}

/// A row to be put, or whose key is to be deleted.
type Step = (Row, bool);

fn steps(table: &Table) -> impl Strategy<Value = Vec<Step>> + use<> {
    let row: Vec<_> = table.columns.iter().map(value).collect();
    let key = table.key.clone();
    let rows = prop_oneof![prop::collection::vec(row.clone(), 1..12), prop::collection::vec(row.clone(), 12..150)];
    let again = prop::collection::vec((any::<Pick>(), row, prop::bool::weighted(0.4)), 0..40);
    (rows, again).prop_map(move |(rows, again)| {
        let again = again.into_iter().map(|(pick, mut row, deletes)| {
            let earlier = pick.get(&rows);
            key.iter().for_each(|&column| row[usize::from(column)] = earlier[usize::from(column)].clone());
            (row, deletes)
        });
        let again: Vec<_> = again.collect();
        rows.into_iter().map(|row| (row, false)).chain(again).collect()
    })
}

fn key(table: &Table, row: &Row) -> Sorted {
    chosen(&table.key, row)
}

fn chosen(columns: &[u16], row: &Row) -> Sorted {
    Sorted(columns.iter().map(|&column| row[usize::from(column)].clone()).collect())
}

/// What one part flushes after these steps: the last word on each key.
fn changes(table: &Table, steps: &[&Step]) -> Vec<Changes> {
    let last: BTreeMap<_, _> = steps.iter().map(|step| (key(table, &step.0), *step)).collect();
    if last.is_empty() {
        return Vec::new();
    }
    let (deletes, mut upserts): (Vec<&Step>, Vec<&Step>) = last.values().copied().partition(|step| step.1);
    upserts.reverse(); // the host brings them into order
    let values = |number: usize, steps: &[&Step]| {
        column(table.columns[number].kind, &steps.iter().map(|step| step.0[number].clone()).collect::<Vec<_>>())
    };
    vec![Changes {
        table: 0,
        upserted: upserts.len(),
        upserts: (0..table.columns.len()).map(|number| values(number, &upserts)).collect(),
        deleted: deletes.len(),
        deletes: table.key.iter().map(|&number| values(usize::from(number), &deletes)).collect(),
    }]
}

/// The flushes of one or two parts, which share no key, cut every `size` steps.
fn flushes(table: &Table, steps: &[Step], size: usize, parts: usize) -> Vec<Flush> {
    let mut part_of = BTreeMap::new();
    for (row, _) in steps {
        let next = part_of.len() % parts;
        part_of.entry(key(table, row)).or_insert(next);
    }
    let of_part = |part: usize, cut: &[Step]| {
        let steps: Vec<_> = cut.iter().filter(|step| part_of[&key(table, &step.0)] == part).collect();
        Flush { part, changes: changes(table, &steps) }
    };
    steps.chunks(size).flat_map(|cut| (0..parts).map(|part| of_part(part, cut)).collect::<Vec<_>>()).collect()
}

/// SQLite holds no -0.0.
fn stored(row: &Row) -> Row {
    let one = |value: &Value| match value {
        Value::Real(real) => Value::Real(real + 0.0),
        other => other.clone(),
    };
    row.iter().map(one).collect()
}

fn rows_of(conn: &rusqlite::Connection, sql: &str) -> rusqlite::Result<Vec<Row>> {
    let mut statement = conn.prepare(sql)?;
    let columns = statement.column_count();
    let value = |value: ValueRef<'_>| match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(text) => Value::Text(String::from_utf8(text.to_vec()).unwrap()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    };
    statement.query_map((), |row| (0..columns).map(|column| row.get_ref(column).map(value)).collect())?.collect()
}

/// Little memory makes temporary files; without pages rows are inserted by SQL.
const WAYS: [BuildOptions; 3] = [
    BuildOptions { memory_bytes_max: 64 << 20, writes_pages: true },
    BuildOptions { memory_bytes_max: 3_000, writes_pages: true },
    BuildOptions { memory_bytes_max: 64 << 20, writes_pages: false },
];

fn check(table: &Table, steps: &[Step], size: usize, parts: usize, loads: usize) {
    WAYS.into_iter().for_each(|options| check_with(options, table, steps, size, parts, loads));
}

fn check_with(options: BuildOptions, table: &Table, steps: &[Step], size: usize, parts: usize, loads: usize) {
    let manifest = Manifest { tables: vec![table.clone()], ..manifest() };
    manifest.check().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.sqlite");
    let mut generation = Generation::create_with(&path, &identity(), &manifest, options).unwrap();
    let mut flushes = flushes(table, steps, size, parts);
    let first = flushes.len().div_ceil(loads);
    let later = flushes.split_off(first);
    generation.write_flushes(flushes).unwrap();
    generation.write_flushes(later).unwrap();
    generation.commit_changes(&[], range(0, 1)).unwrap();

    let mut model = BTreeMap::new();
    for (row, deletes) in steps {
        match deletes {
            true => model.remove(&key(table, row)),
            false => model.insert(key(table, row), stored(row)),
        };
    }
    let repeats = |index: &Index| {
        let mut rows: Vec<_> = model.values().map(|row| chosen(&index.columns, row)).collect();
        rows.retain(|values| !values.0.contains(&Value::Null));
        rows.sort();
        rows.windows(2).any(|pair| pair[0] == pair[1])
    };
    let finished = generation.finish();
    if table.indexes.iter().any(|index| index.unique && repeats(index)) {
        let fault = finished.unwrap_err();
        assert!(fault.kind == FaultKind::Changes && fault.message.contains("which a unique index forbids"), "{fault}");
        return;
    }
    finished.unwrap();
    assert_eq!(generation.row_counts().unwrap()[0].1, model.len() as u64);
    drop(generation);

    let conn = rusqlite::Connection::open(&path).unwrap();
    let ask = |sql: &str| rows_of(&conn, sql).unwrap();
    assert_eq!(ask("PRAGMA integrity_check"), [[Value::Text("ok".into())]]);
    let order = |columns: &[u16]| columns.iter().map(|column| format!("c{column}")).collect::<Vec<_>>().join(", ");
    let expected: Vec<_> = model.values().cloned().collect();
    assert_eq!(ask(&format!("SELECT * FROM rows ORDER BY {}", order(&table.key))), expected);
    let names = ask("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY rowid");
    assert_eq!(names.len(), table.indexes.len());
    for (index, name) in table.indexes.iter().zip(names) {
        let Value::Text(name) = &name[0] else { panic!("a name is text") };
        let columns = [&index.columns[..], &table.key].concat();
        let mut expected = expected.clone();
        expected.sort_by_key(|row| chosen(&columns, row));
        assert_eq!(ask(&format!("SELECT * FROM rows INDEXED BY {name} ORDER BY {}", order(&columns))), expected);
    }
}

/// A table of these columns, all of them its key.
fn keys_only(kinds: &[Kind]) -> Table {
    let columns =
        kinds.iter().zip(0..).map(|(&kind, number)| TableColumn { name: format!("c{number}"), kind, nullable: false });
    let key = (0..kinds.len() as u16).collect();
    Table { name: "rows".into(), columns: columns.collect(), key, indexes: Vec::new(), insert_only: false }
}

#[test]
fn keys_that_numbers_do_not_tell_apart_are_sorted() {
    let three = keys_only(&[Kind::Integer, Kind::Integer, Kind::Integer]);
    let steps: Vec<Step> =
        (0..100).map(|n| (vec![Value::Integer(7), Value::Integer(n % 2), Value::Integer(-n)], false)).collect();
    check(&three, &steps, 30, 1, 1);
    // Each is the one before it and one more zero.
    let zeros = (0..100).rev().map(|n| (vec![Value::Blob(vec![0; n])], false)).collect::<Vec<_>>();
    check(&keys_only(&[Kind::Blob]), &zeros, 30, 1, 1);
    // Each begins like all that are longer.
    let long = (0..100).rev().map(|n| (vec![Value::Text("x".repeat(n * 100))], false)).collect::<Vec<_>>();
    check(&keys_only(&[Kind::Text]), &long, 30, 1, 1);
}

/// Where of many rows few are left.
#[test]
fn few_rows_that_a_unique_index_forbids_are_refused() {
    let mut table = keys_only(&[Kind::Integer, Kind::Text]);
    table.key = vec![1];
    table.indexes = vec![Index { columns: vec![0], unique: true }];
    let row = |n: i64| vec![Value::Integer(7), Value::Text(format!("{n:02}"))];
    let steps: Vec<Step> = (0..20).map(|n| (row(n), false)).chain((0..18).map(|n| (row(n), true))).collect();
    check(&table, &steps, 20, 1, 1);
}

/// 0.0 and 1.0 take three bytes in a page where a cell has four.
#[test]
fn the_shortest_entries_are_moved_up() {
    for count in 300..330 {
        let reals = (0..count).map(|n| -0.5 - f64::from(n)).chain([0.0, 1.0]);
        let steps: Vec<Step> = reals.map(|real| (vec![Value::Real(real)], false)).collect();
        check(&keys_only(&[Kind::Real]), &steps, 1_000, 1, 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_rows_of_any_table_are_stored(
        (table, steps) in table().prop_flat_map(|table| (Just(table.clone()), steps(&table))),
        size in 1usize..60,
        parts in 1usize..3,
        loads in 1usize..3,
    ) {
        check(&table, &steps, size, parts, loads);
    }
}
