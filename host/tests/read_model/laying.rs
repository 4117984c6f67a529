//! The first rows of a build are laid out as pages, not inserted: SQLite finds nothing wrong with them, and they are the
//! rows that it would have stored itself.

use projectionist::event::{Changes, FaultKind};
use projectionist::read_model::query::{Value, collect};
use projectionist::read_model::{Digest, Flush, Generation, Writer};
use proptest::prelude::*;

use crate::tables::*;

fn create(folder: &tempfile::TempDir, name: &str) -> Generation {
    Generation::create(&folder.path().join(name), &identity(), &manifest()).unwrap()
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

/// The same changes laid out in one commit, and inserted after a first row of each table.
fn both(first: &[Changes], all: &[Changes], folder: &tempfile::TempDir) {
    let mut laid = create(folder, "laid.sqlite");
    laid.commit_changes(all, range(0, 1)).unwrap();
    let mut inserted = create(folder, "inserted.sqlite");
    inserted.commit_changes(first, range(0, 1)).unwrap();
    let deletes: Vec<_> = first.iter().filter(|changes| changes.table != ENTRIES).map(undo).collect();
    inserted.commit_changes(&deletes, range(1, 2)).unwrap();
    inserted.commit_changes(all, range(2, 3)).unwrap();
    assert!(finish(laid) == finish(inserted));
}

/// Deletes what these changes upserted.
fn undo(changes: &Changes) -> Changes {
    let key = manifest().tables[changes.table].key.clone();
    let deletes = key.iter().map(|&column| changes.upserts[usize::from(column)].clone()).collect();
    Changes { table: changes.table, upserted: 0, upserts: vec![], deleted: changes.upserted, deletes }
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

fn one_of_each() -> Vec<Changes> {
    vec![
        changes(ACCOUNTS, &[account("zzz", 1)], &[]),
        changes(DAYS, &[vec![int(1), text("zzz"), Value::Null, Value::Null, Value::Null, Value::Null]], &[]),
        changes(SEATS, &[vec![int(-1), Value::Null, int(0)]], &[]),
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
            both(&one_of_each(), &rows(count, long), &tempfile::tempdir().unwrap());
        }
    }
}

/// Around the places where a page is just full, at the end of a leaf and of a page above it.
#[test]
fn the_last_entry_finds_a_leaf() {
    for count in (60..140).chain(3_000..3_040) {
        let folder = tempfile::tempdir().unwrap();
        let mut laid = create(&folder, "laid.sqlite");
        let rows: Vec<_> = (0..count).map(|number| account(&format!("{number:0>600}"), number)).collect();
        laid.commit_changes(&[changes(ACCOUNTS, &rows, &[])], range(0, 1)).unwrap();
        laid.finish().unwrap();
        let path = laid.path().to_owned();
        drop(laid);
        let conn = rusqlite::Connection::open(path).unwrap();
        let check: String = conn.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
        assert_eq!(check, "ok", "{count} rows");
    }
}

#[test]
fn what_was_laid_out_is_looked_up_changed_and_added_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut generation = create(&folder, "1.sqlite");
    let flush = |part, rows: &[Row], deletes: &[Row]| Flush { part, changes: vec![changes(ACCOUNTS, rows, deletes)] };
    let some: Vec<_> = (0..2_000).map(|number| account(&format!("{number:05}"), number)).collect();
    generation.write_flushes(vec![flush(0, &some, &[])]).unwrap();
    let found = generation.lookup(ACCOUNTS, 2, &keys(ACCOUNTS, &[vec![text("01999")], vec![text("02000")]])).unwrap();
    assert_eq!(found.found.to_vec(), [0b01]);
    generation.write_flushes(vec![flush(0, &[account("01999", -1)], &[vec![text("00000")]])]).unwrap();
    generation.commit_changes(&[changes(ACCOUNTS, &[account("02000", 7)], &[])], range(0, 9)).unwrap();
    assert_eq!(generation.row_counts().unwrap()[ACCOUNTS].1, 2_000);
    let (_, rows) = finish(generation);
    assert_eq!(rows.first(), Some(&vec![int(-1), text("01999")]));
}

#[test]
fn of_flushes_that_come_together_the_last_counts_and_parts_must_not_meet() {
    let folder = tempfile::tempdir().unwrap();
    let flush = |part, rows: &[Row], deletes: &[Row]| Flush { part, changes: vec![changes(ACCOUNTS, rows, deletes)] };
    let mut generation = create(&folder, "1.sqlite");
    let all = vec![
        flush(0, &[account("a", 1), account("b", 1)], &[]),
        flush(1, &[account("c", 1)], &[vec![text("x")]]),
        flush(0, &[account("b", 2)], &[vec![text("a")]]),
        flush(1, &[account("x", 2)], &[]),
    ];
    generation.write_flushes(all).unwrap();
    generation.commit_changes(&[], range(0, 1)).unwrap();
    let rows = generation.rows_as_json("accounts").unwrap();
    let row = |name: &str, balance| format!(r#"{{"account":"{name}","balance":{balance},"note":null}}"#);
    assert_eq!(rows, [row("b", 2), row("c", 1), row("x", 2)]);
    for meeting in [flush(1, &[account("a", 1)], &[]), flush(1, &[], &[vec![text("a")]])] {
        let mut generation = create(&folder, "2.sqlite");
        let fault = generation.write_flushes(vec![flush(0, &[account("a", 1)], &[]), meeting]).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Overlap);
        assert_eq!(fault.message, "table `accounts`: key (account = 'a') was touched by two partitions");
        assert!(generation.commit_changes(&[], range(0, 1)).is_err(), "the build is over");
        drop(generation);
        std::fs::remove_file(folder.path().join("2.sqlite")).unwrap();
    }
    let entry = |part| Flush { part, changes: vec![changes(ENTRIES, &[vec![int(3), text("what")]], &[])] };
    let mut generation = create(&folder, "3.sqlite");
    let again = generation.write_flushes(vec![entry(0), entry(0)]).unwrap_err();
    assert!(again.message.ends_with("is inserted again, but it is declared insert-only"), "{again}");
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
        both(&one_of_each(), &all, &tempfile::tempdir().unwrap());
    }
}
