//! Any sequence of what a projection and its host may do with a table gives the rows of a plain map, whatever memory the
//! table may take.

use std::collections::{BTreeMap, BTreeSet};

use super::held::BATCHES_MAX;
use crate::bindings::columns;
use crate::bindings::tables::Changes;
use crate::dictionary::{Dictionary, Text};
use crate::prelude::*;
use crate::tables::{AnyTable, Opening};
use crate::testing::store::{self, Store};

#[derive(Row)]
struct Named {
    #[key]
    name: String,
    count: i64,
    note: String,
}

#[derive(Row)]
struct Plain {
    #[key]
    name: String,
    count: i64,
}

/// What both have.
trait Counted: Row<Key = String> {
    fn of(name: &str, count: i64) -> Self;
    fn count(&mut self) -> &mut i64;
}

impl Counted for Named {
    fn of(name: &str, count: i64) -> Named {
        Named { name: name.into(), count, note: "n".repeat(count.unsigned_abs() as usize % 50) }
    }
    fn count(&mut self) -> &mut i64 {
        self.note.push('x');
        &mut self.count
    }
}

impl Counted for Plain {
    fn of(name: &str, count: i64) -> Plain {
        Plain { name: name.into(), count }
    }
    fn count(&mut self) -> &mut i64 {
        &mut self.count
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below
    }
}

/// The names that a dictionary holds from `first` on.
fn added(first: u32, names: &[String]) -> columns::Dictionary {
    let mut added = columns::Text { offsets: vec![0], data: String::new() };
    for name in names {
        added.data.push_str(name);
        added.offsets.push(added.data.len() as u32);
    }
    columns::Dictionary { keys: Vec::new(), first, added }
}

/// Adds the names that a flush tells.
fn tell(changes: &[Changes], told: &mut BTreeSet<String>) {
    for column in changes.iter().flat_map(|changes| [changes.upserts.first(), changes.deletes.first()]).flatten() {
        let columns::Values::Texts(texts) = &column.values else { panic!("names are texts") };
        let names = texts.offsets.windows(2).map(|ends| texts.data[ends[0] as usize..ends[1] as usize].to_owned());
        told.extend(names);
    }
}

fn run<R: Counted>(seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    store::with(|store| *store = Store::new(vec![R::table()]));
    let mut partitioned = random.below(2) == 0;
    let cache_bytes = [0, 300, 2_000, 10_000, 1 << 30][random.below(5)];
    let names: Vec<String> = (0..[4, 60, 400][random.below(3)]).map(|number| format!("name {number}")).collect();
    let mut expected = BTreeMap::<&str, i64>::new();
    // Of a partition: the keys that were asked for, and those that the flushes tell.
    let (mut asked, mut told) = (BTreeSet::<&str>::new(), BTreeSet::new());
    let mut dictionaries = [Dictionary::new(0), Dictionary::new(1)];
    // In each dictionary another name may come first.
    let mut orders: [Vec<String>; 2] = Default::default();
    let mut table = Table::<R>::default();
    table.open(Opening { table: 0, empty: true, partitioned, seed: 7, cache_bytes });
    if random.below(4) == 0 {
        (table.mark, table.batches) = (u32::MAX - random.below(300) as u32, BATCHES_MAX - 1 - random.below(30) as u32);
    }
    for step in 0..2_000 {
        if random.below(40) == 0 {
            let which = random.below(2);
            let first = random.below(orders[which].len() + 1);
            orders[which].truncate(first);
            let news: Vec<_> = (0..random.below(60)).map(|_| names[random.below(names.len())].clone()).collect();
            dictionaries[which].update(&added(first as u32, &news)).unwrap();
            orders[which].extend(news);
        }
        let mut name = &names[random.below(names.len())];
        let which = random.below(3);
        let mut key = Text::from(&name[..]);
        if let Some(order) = orders.get(which)
            && !order.is_empty()
        {
            let place = random.below(order.len());
            name = names.iter().find(|name| **name == order[place]).unwrap();
            key = Text::symbol_of(&dictionaries[which], place as u32);
        }
        let action = random.below(12);
        if action < 11 {
            asked.insert(name);
        }
        match action {
            0..4 => {
                *table.entry(key).count() += 1;
                *expected.entry(name).or_default() += 1;
            }
            4 => {
                table.put(R::of(name, step));
                expected.insert(name, step);
            }
            5..8 => {
                table.delete(key);
                expected.remove(&name[..]);
            }
            8..11 => {
                let found = table.get(key).is_some();
                assert_eq!(found, expected.contains_key(&name[..]), "{name}");
                if found {
                    assert_eq!(*table.entry(key).count(), expected[&name[..]], "{name}");
                }
            }
            _ => {
                let waiting = table.settle();
                assert!(table.take_fault().is_none());
                assert_eq!(waiting.rows, (table.dirty.len() + table.asked.len()) as u64);
                if random.below(3) == 0 {
                    let changes: Vec<_> = table.flush().unwrap().into_iter().collect();
                    store::with(|store| store.commit(&changes)).unwrap();
                    tell(&changes, &mut told);
                    assert!(!partitioned || asked.iter().all(|&name| told.contains(name)));
                    assert_eq!((table.dirty.len(), table.dirty_bytes), (0, 0));
                    if random.below(10) == 0 {
                        table = Table::default();
                        table.open(Opening { table: 0, empty: false, partitioned, seed: 7, cache_bytes });
                        partitioned = false; // what it has to tell ends with the build
                    }
                }
            }
        }
    }
    table.settle();
    let changes: Vec<_> = table.flush().unwrap().into_iter().collect();
    store::with(|store| store.commit(&changes)).unwrap();
    let mut again = Table::<R>::default();
    again.open(Opening { table: 0, empty: false, partitioned, seed: 7, cache_bytes });
    for name in &names {
        let count = again.get(name).is_some().then(|| *again.entry(name).count());
        assert_eq!(count, expected.get(&name[..]).copied(), "{name}");
    }
}

#[test]
fn any_sequence_gives_the_rows_of_a_map() {
    for seed in 0..150 {
        if let Err(panic) = std::panic::catch_unwind(|| {
            run::<Plain>(seed);
            run::<Named>(seed);
        }) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
