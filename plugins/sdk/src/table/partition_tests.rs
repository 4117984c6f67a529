//! A table of one of several instances that fill a read model at the same time: what it tells the host of its keys.

use super::tests::{ALLOCATED, BATCH, BUDGET, Item, fits, flush, item};
use crate::bindings::columns::Values;
use crate::prelude::*;
use crate::tables::{AnyTable, Opening};
use crate::testing::store::{self, Store};

fn partition() -> Table<Item> {
    let mut table = Table::default();
    table.open(Opening { table: 0, empty: true, partitioned: true, seed: 7, cache_bytes: BUDGET });
    table
}

/// The ids that a flush says to be deleted, in order.
fn deleted(table: &mut Table<Item>) -> Vec<i64> {
    let Some(changes) = table.flush().unwrap() else { return Vec::new() };
    let Values::Integers(ids) = &changes.deletes[0].values else { panic!("ids are integers") };
    assert_eq!(ids.len(), changes.deleted as usize);
    let mut ids = ids.clone();
    ids.sort_unstable();
    ids
}

#[test]
fn a_partition_tells_every_absent_key_that_was_asked_for() {
    let mut table = partition();
    // Read twice, deleted, made and deleted, read and then made, deleted and then made.
    assert!(table.get(1).is_none() && table.get(1).is_none());
    table.delete(2);
    table.put(item(3));
    table.delete(3);
    assert!(table.get(4).is_none());
    table.entry(4).note.push('!');
    table.delete(5);
    table.put(item(5));
    let waiting = table.settle();
    assert!(waiting.rows >= 5 && waiting.bytes > 0, "the host flushes by it");
    let changes = table.flush().unwrap().unwrap();
    let Values::Integers(upserts) = &changes.upserts[0].values else { panic!("ids are integers") };
    assert_eq!(*upserts, [4, 5]);
    let Values::Integers(deletes) = &changes.deletes[0].values else { panic!("ids are integers") };
    let mut deletes = deletes.clone();
    deletes.sort_unstable();
    assert_eq!(deletes, [1, 2, 3], "each key once, as a change or as a delete");
    assert!(table.flush().unwrap().is_none(), "nothing new was asked for");
    let waiting = table.settle();
    assert_eq!((waiting.rows, waiting.bytes), (0, 0));
    assert!(table.get(1).is_none());
    assert_eq!(deleted(&mut table), [1], "told again in the next flush");
}

#[test]
fn what_came_and_went_is_told_though_it_is_forgotten() {
    let mut table = partition();
    for id in 0..10_000 {
        table.put(item(id));
        if id >= 20 {
            table.delete(id - 20);
        }
        if id % BATCH == 0 {
            table.settle();
            assert!(table.held.len() <= 40 + 2 * BATCH as usize, "{} rows", table.held.len());
        }
    }
    // One that was forgotten comes again and stays, one comes and goes again.
    table.put(item(7));
    table.put(item(8));
    table.delete(8);
    let expected: Vec<i64> = (0..9_980).filter(|&id| id != 7).collect();
    assert_eq!(deleted(&mut table), expected);
}

#[test]
fn many_absent_keys_wait_with_their_bytes() {
    let mut table = partition();
    let before = ALLOCATED.get();
    (0..10_000).for_each(|id| assert!(table.get(id).is_none()));
    let waiting = table.settle();
    assert_eq!((waiting.rows, table.held.len()), (10_000, 0));
    fits(waiting, ALLOCATED.get() - before);
    assert_eq!(deleted(&mut table).len(), 10_000);
    assert_eq!(ALLOCATED.get(), before, "and nothing stays of them");
}

#[test]
fn what_another_partition_wrote_is_told_when_it_is_looked_up() {
    store::with(|store| *store = Store::new(vec![Item::table()]));
    let mut table = partition();
    // So many that which ones were let go is not remembered.
    (0..1_000).for_each(|id| table.put(item(id)));
    flush(&mut table);
    assert!((table.held.len() == 0) && !table.elsewhere.is_known());
    let mut other = partition();
    other.put(item(2_000));
    flush(&mut other);
    assert!(table.get(2_000).is_some() && table.get(3_000).is_none());
    table.delete(4_000);
    let changes = table.flush().unwrap().unwrap();
    let Values::Integers(upserts) = &changes.upserts[0].values else { panic!("ids are integers") };
    assert_eq!(*upserts, [2_000]);
    let Values::Integers(deletes) = &changes.deletes[0].values else { panic!("ids are integers") };
    assert_eq!(*deletes, [3_000, 4_000]);
}

#[test]
fn a_key_that_no_column_holds_is_absent_and_no_fault() {
    for partitioned in [false, true] {
        for empty in [false, true] {
            store::with(|store| *store = Store::new(vec![Item::table()]));
            let mut table = Table::<Item>::default();
            table.open(Opening { table: 0, empty, partitioned, seed: 7, cache_bytes: BUDGET });
            assert!(table.get(u64::MAX).is_none());
            table.delete(u64::MAX);
            table.entry(u64::MAX - 1).note.push('!');
            table.delete(u64::MAX - 1);
            assert!(table.flush().unwrap().is_none_or(|changes| changes.deleted == 0));
        }
    }
}
