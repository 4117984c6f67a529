//! The rows of a build are written as pages, not inserted: SQLite finds nothing wrong with them, and they are the rows that
//! it would have stored itself.

use projectionist::event::Changes;
use projectionist::read_model::query::{Value, collect};
use projectionist::read_model::{BuildOptions, Digest, Generation, Writer};
use proptest::prelude::*;

use crate::tables::*;

fn create(folder: &tempfile::TempDir, name: &str) -> Generation {
    Generation::create(&folder.path().join(name), &identity(), &manifest()).unwrap()
}

fn create_with(folder: &tempfile::TempDir, name: &str, options: BuildOptions) -> Generation {
    Generation::create_with(&folder.path().join(name), &identity(), &manifest(), options).unwrap()
}

/// Finishes it; what SQLite has to say against it, and all rows, also by way of the indexes.
fn finish(mut generation: Generation) -> (Digest, Vec<Vec<Value>>) {
    generation.finish().unwrap();
    let counts = generation.row_counts().unwrap();
    let (path, digest) = (generation.path().to_owned(), generation.digest().unwrap());
    drop(generation);
    let conn = rusqlite::Connection::open(&path).unwrap();
    let check: String = conn.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    for (table, count) in counts {
        let counted: u64 = conn
            .query_row(&format!("SELECT COUNT(*) FROM {table}"), (), |row| row.get::<_, i64>(0).map(i64::cast_unsigned))
            .unwrap();
        assert_eq!(counted, count, "{table}");
    }
    drop(conn);
    let ask = |sql: &str| collect(&path, sql, &Default::default()).unwrap().rows;
    let mut rows = ask("SELECT balance, account FROM accounts INDEXED BY accounts_by_balance ORDER BY 1, 2 LIMIT 500");
    rows.extend(ask("SELECT what, position FROM entries INDEXED BY entries_by_what ORDER BY 1, 2 LIMIT 500"));
    rows.extend(ask("SELECT seat, flight, \"order\" FROM seats INDEXED BY seats_by_seat ORDER BY 1, 2, 3 LIMIT 500"));
    (digest, rows)
}

/// The same changes written as pages, by way of temporary files too, and inserted by SQL.
fn every_way(all: &[Changes]) {
    let folder = tempfile::tempdir().unwrap();
    let ways = [(64 << 20, true), (10_000, true), (64 << 20, false)];
    let built = ways.map(|(memory_bytes_max, writes_pages)| {
        let name = format!("{memory_bytes_max}-{writes_pages}.sqlite");
        let mut generation = create_with(&folder, &name, BuildOptions { memory_bytes_max, writes_pages });
        generation.commit_changes(all, range(0, 1)).unwrap();
        finish(generation)
    });
    assert!(built[0] == built[2] && built[1] == built[2]);
}

/// As many rows as asked for, in no order, some of them long.
fn rows(count: i64, long: usize) -> Vec<Changes> {
    let shuffled = |number: i64| number * 7_919 % count.max(1);
    let tail = |number: i64| "x".repeat(if number % 97 == 0 { long } else { (number % 40) as usize });
    let numbers = || (0..count).map(shuffled);
    let accounts: Vec<Row> = numbers()
        .map(|n| vec![text(&format!("account-with-a-long-name-{n:08}{}", tail(n))), int(n % 50 - 25), text(&tail(n))])
        .collect();
    let days: Vec<Row> = numbers()
        .map(|n| {
            let real = [Value::Real(n as f64), Value::Real(-0.0), Value::Real(n as f64 / 8.0), Value::Null]
                [(n % 4) as usize]
                .clone();
            vec![
                int(n - count / 2),
                text(&format!("day {}", n % 3)),
                int(n & 1),
                real,
                text("{}"),
                Value::Blob(vec![7; n as usize % 9]),
            ]
        })
        .collect();
    let entries: Vec<Row> =
        numbers().map(|n| vec![int((n - 3) * 1_000_003), text(&format!("what {}{}", n % 11, tail(n)))]).collect();
    let seats: Vec<Row> = numbers()
        .map(|n| {
            vec![int(n / 10), if n % 5 == 0 { Value::Null } else { text(&format!("{n}{}", tail(n))) }, int(n % 10)]
        })
        .collect();
    vec![
        changes(ACCOUNTS, &accounts, &[]),
        changes(DAYS, &days, &[]),
        changes(ENTRIES, &entries, &[]),
        changes(SEATS, &seats, &[]),
    ]
}

#[test]
fn trees_of_any_height_and_rows_of_any_length_are_as_sqlite_makes_them() {
    for count in [1, 2, 50, 200, 1_000, 40_000] {
        // In the page, at its limits, and on several pages beside it.
        for long in [0, 300, 900, 1_100, 4_000, 4_100, 9_000] {
            if count > 1_000 && long > 1_100 {
                continue;
            }
            every_way(&rows(count, long));
        }
    }
}

/// Around the places where a page is just full, at the end of a leaf and of a page above it.
#[test]
fn the_last_entry_finds_a_leaf() {
    for count in (60..140).chain(3_000..3_040) {
        let folder = tempfile::tempdir().unwrap();
        let mut built = create(&folder, "built.sqlite");
        let rows: Vec<_> = (0..count).map(|number| account(&format!("{number:0>600}"), number)).collect();
        built.commit_changes(&[changes(ACCOUNTS, &rows, &[])], range(0, 1)).unwrap();
        built.finish().unwrap();
        let path = built.path().to_owned();
        drop(built);
        let conn = rusqlite::Connection::open(path).unwrap();
        let check: String = conn.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
        assert_eq!(check, "ok", "{count} rows");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Keys that begin alike, are beginnings of each other, or hold zeros are in the order of SQLite.
    #[test]
    fn rows_are_in_the_order_of_sqlite(
        names in prop::collection::hash_set("(account-)?[\u{0}ab\u{e9}]{0,20}", 0..60),
        numbers in prop::collection::hash_set(prop_oneof![any::<i64>(), -300i64..300, Just(i64::MIN), Just(i64::MAX)], 0..60),
    ) {
        let accounts: Vec<Row> = names.iter().map(|name| vec![text(name), int(name.len() as i64 % 3), text(name)]).collect();
        let entries: Vec<Row> = numbers.iter().map(|&number| vec![int(number), text(&format!("{}", number % 2))]).collect();
        let days: Vec<Row> = numbers
            .iter()
            .zip(names.iter().cycle())
            .map(|(&number, name)| vec![int(number), text(name), Value::Null, Value::Real(number as f64), Value::Null, Value::Null])
            .collect();
        let all = [changes(ACCOUNTS, &accounts, &[]), changes(ENTRIES, &entries, &[]), changes(DAYS, &days, &[])];
        every_way(&all);
    }
}
