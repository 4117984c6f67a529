//! Any sequence of changes, cut into flushes anyhow, gives the rows of a plain map.

use std::collections::BTreeMap;

use projectionist::event::Changes;
use projectionist::read_model::query::Value;
use projectionist::read_model::{Digest, Generation};
use proptest::prelude::*;

use crate::tables::*;

/// A change of one row: its key, and its new balance or none to delete it.
type Step = (Key, Option<i64>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(String, i64);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few keys, so that they meet again; long common beginnings and bytes beyond ASCII, so that order matters.
    let name = prop_oneof!["[ab]{0,2}", "account-00[0-2]{1,9}", Just("\u{0}".into()), "[z\u{e9}\u{20ac}]{1,2}"];
    let number = prop_oneof![-2i64..3, Just(i64::MIN), Just(i64::MAX)];
    prop::collection::vec(
        ((name, number).prop_map(|(a, b)| Key(a, b)), prop::option::weighted(0.7, any::<i64>())),
        0..60,
    )
}

fn day(key: &Key, balance: i64) -> Row {
    vec![int(key.1), text(&key.0), int(balance & 1), Value::Null, text(&balance.to_string()), Value::Null]
}

/// What one flush holds after these steps: the last word on each key.
fn flush(steps: &[Step]) -> Vec<Changes> {
    let last: BTreeMap<_, _> = steps.iter().cloned().collect();
    let mut upserts: Vec<_> = last.iter().filter_map(|(key, balance)| Some(day(key, (*balance)?))).collect();
    upserts.reverse(); // the host brings them into order
    let deleted = last.iter().filter(|(_, balance)| balance.is_none());
    let deletes: Vec<_> = deleted.map(|(key, _)| vec![text(&key.0), int(key.1)]).collect();
    vec![changes(DAYS, &upserts, &deletes)]
}

/// Fills a generation, each flush `size` steps, going live after `bulk` of them.
fn fill(steps: &[Step], size: usize, bulk: usize) -> (Vec<String>, Digest) {
    let folder = tempfile::tempdir().unwrap();
    let mut generation = Generation::create(&folder.path().join("1.sqlite"), &identity(), &manifest()).unwrap();
    let mut at = 0;
    for (number, cut) in steps.chunks(size).enumerate() {
        if number == bulk {
            generation.finish().unwrap();
        }
        generation.commit_changes(&flush(cut), range(at, at + cut.len() as u64)).unwrap();
        at += cut.len() as u64;
    }
    generation.finish().unwrap();
    (generation.rows_as_json("days").unwrap(), generation.digest().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn rows_do_not_depend_on_where_flushes_fall(steps in steps(), size in 1usize..20, bulk in 0usize..10) {
        let mut model = BTreeMap::new();
        for (key, balance) in &steps {
            match balance {
                Some(balance) => model.insert(key.clone(), *balance),
                None => model.remove(key),
            };
        }
        let expected: Vec<_> = model
            .iter()
            .map(|(Key(name, number), balance)| {
                let name = serde_json::Value::from(name.as_str());
                format!(r#"{{"n":{number},"day":{name},"late":{},"mean":null,"detail":{balance},"raw":null}}"#, balance & 1 == 1)
            })
            .collect();
        let (rows, digest) = fill(&steps, size, bulk);
        prop_assert_eq!(rows, expected);
        prop_assert_eq!(digest, fill(&steps, steps.len().max(1), 1).1);
    }
}

#[test]
fn digests_tell_rows_apart() {
    let step = |name: &str, balance| (Key(name.into(), 1), Some(balance));
    let digest = |steps: &[Step]| fill(steps, 10, 0).1;
    let one = digest(&[step("a", 1)]);
    assert_eq!(one, digest(&[step("b", 7), step("a", 1), (Key("b".into(), 1), None)]));
    assert_ne!(one, digest(&[step("a", 3)]));
    assert_ne!(one, digest(&[step("a", 1), step("b", 1)]));
    assert_ne!(one, digest(&[]));
    assert_eq!(one.to_string().len(), 64);
}
