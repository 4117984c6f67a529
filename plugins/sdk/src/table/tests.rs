//! A table's memory, by the rows that it holds.

use std::cell::Cell;

use super::held::{BATCHES_MAX, LIVE};
use crate::bindings::columns::Values;
use crate::prelude::*;
use crate::tables::{AnyTable, Opening, Waiting};
use crate::testing::store::{self, Store};

/// What a table may keep of unchanged rows, in bytes.
pub(super) const BUDGET: u64 = 10_000;
/// How many keys are looked for between two `settle`s.
pub(super) const BATCH: u64 = 50;

#[derive(Row)]
pub(super) struct Item {
    #[key]
    pub id: u64,
    pub note: String,
}

pub(super) fn item(id: u64) -> Item {
    Item { id, note: format!("item {id}") }
}

/// An open table; the read model has the rows with these ids.
fn table(ids: std::ops::Range<u64>) -> Table<Item> {
    store::with(|store| *store = Store::new(vec![Item::table()]));
    let mut table = Table::default();
    let empty = ids.is_empty();
    ids.for_each(|id| table.put(item(id)));
    flush(&mut table);
    let mut opened = Table::default();
    opened.open(Opening { table: 0, empty, partitioned: false, seed: 7, cache_bytes: BUDGET });
    opened
}

pub(super) fn flush(table: &mut Table<Item>) {
    let changes: Vec<_> = table.flush().unwrap().into_iter().collect();
    store::with(|store| store.commit(&changes)).unwrap();
}

fn held_max() -> usize {
    (BUDGET / u64::from(super::trim::weight(&Item { id: 0, note: String::new() })) + BATCH) as usize
}

#[test]
fn absent_rows_of_a_complete_table_take_no_memory() {
    let mut table = table(0..0);
    table.entry(7).note.push_str("here");
    for id in 0..100_000 {
        assert_eq!(table.get(id).is_some(), id == 7);
    }
    assert_eq!(table.held.len(), 1);
    assert!(table.settle().rows == 1 && table.elsewhere.is_known());
}

#[test]
fn reading_without_writing_keeps_few_rows_and_finds_them_all() {
    let mut table = table(0..5_000);
    let held_max = held_max();
    for round in 0..2 {
        for id in 0..10_000 {
            let note = table.get(id).map(|item| item.note.clone());
            assert_eq!(note, (id < 5_000).then(|| format!("item {id}")), "round {round}");
            if id % BATCH == 0 {
                let waiting = table.settle();
                assert_eq!((waiting.rows, waiting.bytes), (0, 0));
                assert!(table.bytes <= BUDGET && table.held.len() <= held_max, "{} rows", table.held.len());
                assert_eq!(table.by_key.len(), table.held.len());
            }
        }
    }
}

#[test]
fn one_long_batch_keeps_few_rows_too() {
    let mut table = table(0..5_000);
    table.entry(1).note.push('!');
    for id in 0..100_000 {
        assert_eq!(table.get(id % 10_000).is_some(), id % 10_000 < 5_000);
        assert!(table.held.len() <= held_max(), "{} rows", table.held.len());
        if id % 1_000 == 0 {
            table.entry(1).note.push('!');
        }
    }
    assert_eq!(table.get(1).unwrap().note, format!("item 1{}", "!".repeat(101)));
    assert_eq!(table.settle().rows, 1);
}

#[test]
fn changed_rows_survive_trimming_where_they_are() {
    let mut table = table(0..3_000);
    for id in 0..3_000 {
        if id % 300 == 0 {
            table.entry(id).note.push('!');
            table.delete(id + 1);
        }
        assert!(table.get(2_999 - id).is_some() || (2_999 - id) % 300 == 1);
        if id % BATCH == 0 {
            table.settle();
        }
    }
    assert!(table.held.len() <= held_max() + table.dirty.len());
    assert_eq!(table.get(300).unwrap().note, "item 300!");
    assert!(table.get(301).is_none());
    let changes = table.flush().unwrap().unwrap();
    assert_eq!((changes.upserted, changes.deleted), (10, 10));
    let Values::Integers(ids) = &changes.upserts[0].values else { panic!("ids are integers") };
    assert_eq!(*ids, (0..3_000).step_by(300).collect::<Vec<i64>>());
}

#[test]
fn deleted_rows_make_room_before_others_and_nothing_is_elsewhere() {
    let mut table = table(0..0);
    for id in 0..10_000 {
        table.put(item(id));
        if id >= 20 {
            table.delete(id);
        }
        if id % BATCH == 0 {
            table.settle();
            flush(&mut table);
        }
    }
    assert!(table.elsewhere.is_known());
    assert_eq!(table.held.iter().filter(|held| held.is(LIVE)).count(), 20);
    assert!((0..10_000).all(|id| table.get(id).is_some() == (id < 20)));
}

#[test]
fn rows_beyond_the_budget_are_let_go_after_a_flush() {
    let mut table = table(0..0);
    (0..1_000).for_each(|id| table.put(item(id)));
    assert_eq!(table.settle().rows, 1_000);
    assert_eq!(table.held.len(), 1_000);
    flush(&mut table);
    assert!((table.held.len() == 0) && !table.elsewhere.is_known());
    assert_eq!(table.get(999).unwrap().note, "item 999");
}

#[test]
fn a_key_that_is_new_is_not_looked_up_after_others_were_let_go() {
    let mut table = table(0..0);
    // More than the budget holds, and few enough to remember.
    (0..150).for_each(|id| table.put(item(id)));
    table.delete(7);
    flush(&mut table);
    assert!((table.held.len() == 0) && table.elsewhere.is_known());
    // A row that the table never let go: were it looked up, it would be found.
    let mut behind = Table::default();
    behind.put(item(1_000));
    flush(&mut behind);
    assert!(table.get(1_000).is_none());
    assert_eq!(table.entry(1_000).note, "");
    assert_eq!(table.get(149).unwrap().note, "item 149");
    assert!(table.get(7).is_none());
    table.delete(149);
    flush(&mut table);
    assert!(table.get(149).is_none());
}

#[test]
fn rows_that_come_and_go_are_neither_held_nor_flushed() {
    let mut table = table(0..0);
    for id in 0..10_000 {
        table.put(item(id));
        if id >= 20 {
            table.delete(id - 20);
        }
        if id % BATCH == 0 {
            let waiting = table.settle();
            assert!(waiting.rows <= 40 + 2 * BATCH && table.held.len() <= 40 + 2 * BATCH as usize, "{}", waiting.rows);
        }
    }
    // One that went comes again, and goes again.
    table.entry(5).note.push_str("again");
    table.put(item(6));
    table.delete(6);
    let changes = table.flush().unwrap().unwrap();
    assert_eq!((changes.upserted, changes.deleted), (21, 0));
    // From now on the read model has them, so that they are gone has to be said.
    table.delete(5);
    table.put(item(6));
    table.delete(6);
    table.delete(9_999);
    table.put(item(9_999));
    let changes = table.flush().unwrap().unwrap();
    assert_eq!((changes.upserted, changes.deleted), (1, 1));
    assert!(table.get(5).is_none() && table.get(6).is_none() && table.get(9_999).is_some());
    assert!(table.flush().unwrap().is_none());
}

#[test]
fn the_rows_that_were_reached_last_stay() {
    let mut table = table(0..5_000);
    (0..5_000).for_each(|id| {
        assert!(table.get(id).is_some());
        if id % 10 == 0 {
            table.settle();
        }
    });
    let ids: Vec<u64> = table.rows.iter().map(|row| row.id).collect();
    let (least, most) = (ids.iter().min().unwrap(), ids.iter().max().unwrap());
    assert_eq!((*most, ids.len() as u64), (4_999, most - least + 1), "the last ones, without a gap");
    assert!(table.bytes > BUDGET / 2 && table.bytes <= BUDGET, "{} of {BUDGET}", table.bytes);
}

/// After thousands of millions of deletes and batches, counts begin anew and nothing is lost.
#[test]
fn counts_begin_anew_before_they_are_too_large() {
    for before in 0..4 {
        let mut table = table(0..1_000);
        table.mark = u32::MAX - before;
        table.batches = BATCHES_MAX - 1 - before;
        for id in 0..1_000 {
            table.entry(id).note.push('!');
            table.delete(id + 1);
            assert!(table.get(id + 1).is_none());
            table.entry(id).note.push('!');
            if id % 100 == 0 {
                table.settle();
                flush(&mut table);
            }
        }
        table.settle();
        assert!(table.batches < 20 && table.mark < 2_000, "{} batches", table.batches);
        flush(&mut table);
        assert_eq!(table.get(0).unwrap().note, "item 0!!");
        assert!((1..1_000).all(|id| table.get(id).unwrap().note == "!!") && table.get(1_000).is_none());
    }
}

thread_local! {
    pub(super) static ALLOCATED: Cell<u64> = const { Cell::new(0) };
}

/// Counts what this thread holds.
struct Counting;

// SAFETY: everything is done by the system's allocator; only numbers are kept beside it.
unsafe impl std::alloc::GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        ALLOCATED.set(ALLOCATED.get().wrapping_add(layout.size() as u64));
        // SAFETY: as promised by the caller.
        unsafe { std::alloc::System.alloc(layout) }
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: std::alloc::Layout) {
        ALLOCATED.set(ALLOCATED.get().wrapping_sub(layout.size() as u64));
        // SAFETY: as promised by the caller.
        unsafe { std::alloc::System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// At least what the allocator gave out, and not wildly more: the host flushes by it.
#[track_caller]
pub(super) fn fits(waiting: Waiting, allocated: u64) {
    assert!((allocated..allocated * 3).contains(&waiting.bytes), "{} said, {allocated} taken", waiting.bytes);
}

#[test]
fn the_bytes_that_wait_are_those_that_are_allocated() {
    let mut table = table(0..0);
    let before = ALLOCATED.get();
    (0..1_000).for_each(|id| table.put(item(id)));
    fits(table.settle(), ALLOCATED.get() - before);
    // Rows that grow in place, many batches later.
    for _ in 0..5 {
        (0..1_000).for_each(|id| table.entry(id).note.push_str(&"x".repeat(500)));
        fits(table.settle(), ALLOCATED.get() - before);
    }
    let full = table.settle().bytes;
    (0..1_000).for_each(|id| table.delete(id));
    let empty = table.settle();
    assert!(empty.rows == 0 && empty.bytes == 0, "{} of {full}", empty.bytes);
    flush(&mut table);
    assert_eq!((table.settle().rows, table.settle().bytes), (0, 0));
}

#[test]
fn inserted_rows_wait_with_their_bytes() {
    let mut table = InsertTable::<Item>::default();
    (0..100).for_each(|id| table.insert(item(id)));
    let waiting = table.settle();
    let text: usize = (0..100).map(|id| item(id).note.len()).sum();
    // An i64 and a u32 a row, a u32 to begin with, and the text.
    assert_eq!((waiting.rows, waiting.bytes), (100, (100 * 12 + 4 + text) as u64));
}
