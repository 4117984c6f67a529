//! The rows of two generations compared, beside the same done with maps.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use projectionist::event::Manifest;
use projectionist::read_model::query::Value;
use projectionist::read_model::{CompareLimits, Comparison, Generation, Sides, compare};
use proptest::prelude::*;
use serde_json::json;

use crate::tables::*;

const LIMITS: CompareLimits = CompareLimits { rows_shown: 1_000, time: Duration::from_secs(60) };

/// Keys of two columns with the balance that becomes the row's other values.
type Days = BTreeMap<(String, i64), i64>;

fn generation(folder: &tempfile::TempDir, name: &str, manifest: &Manifest, days: &Days) -> PathBuf {
    let path = folder.path().join(name);
    let mut generation = Generation::create(&path, &identity(), manifest).unwrap();
    let row = |((day, n), balance): (&(String, i64), &i64)| -> Row {
        let mean = if *balance == 0 { Value::Null } else { Value::Real(*balance as f64 / 2.0) };
        vec![int(*n), text(day), int(balance & 1), mean, text(&balance.to_string()), Value::Null]
    };
    let rows: Vec<Row> = days.iter().map(row).collect();
    generation.commit_changes(&[changes(DAYS, &rows, &[])], range(0, 1)).unwrap();
    generation.finish().unwrap();
    path
}

fn compared(before: &Days, after: &Days, limits: CompareLimits) -> Comparison {
    let folder = tempfile::tempdir().unwrap();
    let before = generation(&folder, "before.sqlite", &manifest(), before);
    let after = generation(&folder, "after.sqlite", &manifest(), after);
    compare(&before, &after, limits).unwrap()
}

fn days(days: &[(&str, i64, i64)]) -> Days {
    days.iter().map(|&(day, n, balance)| ((day.to_owned(), n), balance)).collect()
}

#[test]
fn rows_are_added_removed_and_changed() {
    let before = days(&[("a", 1, 10), ("a", 2, 20), ("b", 1, 30), ("c", 1, 4)]);
    let after = days(&[("a", 2, 20), ("b", 1, 31), ("c", 1, 4), ("c", 2, 0)]);
    let comparison = compared(&before, &after, LIMITS);
    let table = &comparison.tables[DAYS];
    assert_eq!((table.added, table.removed, table.changed, table.same), (1, 1, 1, 2));
    assert!(table.is_complete && !comparison.is_empty());
    let first: Vec<_> = table.first.iter().map(|row| serde_json::to_value(row).unwrap()).collect();
    assert_eq!(
        first,
        [
            json!({"key": {"day": "a", "n": 1}, "after": null,
                   "before": {"late": false, "mean": 5.0, "detail": 10, "raw": null}}),
            json!({"key": {"day": "b", "n": 1}, "before": {"late": false, "mean": 15.0, "detail": 30},
                   "after": {"late": true, "mean": 15.5, "detail": 31}}),
            json!({"key": {"day": "c", "n": 2}, "before": null,
                   "after": {"late": false, "mean": null, "detail": 0, "raw": null}}),
        ]
    );
    let others = [ACCOUNTS, ENTRIES, SEATS].map(|table| comparison.tables[table].is_empty());
    assert_eq!(others, [true; 3]);
}

#[test]
fn only_so_many_are_kept_and_all_are_counted() {
    let many: Days = (0..500).map(|n| (("d".to_owned(), n), n)).collect();
    let comparison = compared(&Days::new(), &many, CompareLimits { rows_shown: 3, ..LIMITS });
    let table = &comparison.tables[DAYS];
    assert_eq!((table.added, table.first.len(), table.is_complete), (500, 3, true));
}

#[test]
fn a_comparison_that_takes_too_long_says_how_far_it_came() {
    let many: Days = (0..2_000).map(|n| (("d".to_owned(), n), n)).collect();
    let comparison = compared(&many, &many, CompareLimits { time: Duration::ZERO, ..LIMITS });
    let table = &comparison.tables[DAYS];
    assert!(!table.is_complete && table.same < 2_000, "{table:?}");
}

#[test]
fn tables_and_columns_that_come_and_go_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let rows = days(&[("a", 1, 10)]);
    let before = generation(&folder, "before.sqlite", &manifest(), &rows);
    let mut other = manifest();
    other.tables[ACCOUNTS].name = "people".into();
    other.tables[DAYS].columns[5].name = "bytes".into();
    other.tables[ENTRIES].columns[0].name = "number".into();
    let after = generation(&folder, "after.sqlite", &other, &rows);
    let comparison = compare(&before, &after, LIMITS).unwrap();
    let sides: Vec<_> = comparison.tables.iter().map(|table| (table.table.as_str(), table.tables)).collect();
    assert_eq!(
        sides,
        [
            ("people", Sides::OnlyAfter),
            ("days", Sides::Both),
            ("entries", Sides::OtherKey),
            ("seats", Sides::Both),
            ("accounts", Sides::OnlyBefore),
        ]
    );
    let table = &comparison.tables[1];
    assert_eq!((&table.columns_added[..], &table.columns_removed[..]), (&["bytes".into()][..], &["raw".into()][..]));
    assert_eq!((table.same, table.changed), (1, 0), "values of columns that both have are what counts");
}

fn any_days() -> impl Strategy<Value = Days> {
    // Few keys, so that they meet; bytes beyond ASCII and the ends of integers, so that order matters.
    let name = prop_oneof!["[ab]{0,2}", Just("\u{0}".into()), "[z\u{e9}\u{20ac}]{1,2}"];
    let number = prop_oneof![-2i64..3, Just(i64::MIN), Just(i64::MAX)];
    prop::collection::btree_map((name, number), 0i64..3, 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_comparison_finds_what_maps_find(before in any_days(), after in any_days()) {
        let found = compared(&before, &after, LIMITS);
        let table = &found.tables[DAYS];
        let changed = before.iter().filter(|(key, value)| after.get(*key).is_some_and(|other| other != *value)).count();
        let same = before.iter().filter(|(key, value)| after.get(*key) == Some(*value)).count();
        let removed = before.keys().filter(|key| !after.contains_key(*key)).count();
        let added = after.keys().filter(|key| !before.contains_key(*key)).count();
        let counts = [table.added, table.removed, table.changed, table.same];
        prop_assert_eq!(counts, [added, removed, changed, same].map(|count| count as u64));
        prop_assert_eq!(table.first.len(), added + removed + changed);
    }
}
