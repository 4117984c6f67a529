//! How much memory a row takes.

use super::tests::ALLOCATED;
use crate::bindings::columns;
use crate::dictionary::{Dictionary, Text};
use crate::prelude::*;
use crate::tables::{AnyTable, Opening};

#[derive(Row)]
struct Sum {
    #[key]
    account: String,
    balance: i64,
    entries: u64,
}

const KEY: usize = 14;

/// In a plugin such a row is 32 bytes and its key 16 with what the heap adds; at most 100 are to be taken on average, with
/// what the dictionary has of it.
#[test]
fn a_row_of_a_text_and_two_integers_is_kept_compactly() {
    const BESIDE: usize = 100 - 32 - 16;
    let before = ALLOCATED.get();
    let mut dictionary = Dictionary::new(0);
    let mut table = Table::<Sum>::default();
    table.open(Opening { table: 0, empty: true, partitioned: true, seed: 7, cache_bytes: 0 });
    let (mut beside_all, mut times) = (0, 0);
    for first in (0..200_000).step_by(1_000) {
        let mut added = columns::Text { offsets: vec![0], data: String::new() };
        for number in first..first + 1_000 {
            added.data.push_str(&format!("account-{number:06}"));
            added.offsets.push(added.data.len() as u32);
        }
        dictionary.update(&columns::Dictionary { keys: Vec::new(), first, added }).unwrap();
        for number in first..first + 1_000 {
            table.entry(Text::symbol_of(&dictionary, number)).entries += 1;
        }
        let waiting = table.settle();
        let rows = first as usize + 1_000;
        assert_eq!(waiting.rows, rows as u64);
        if rows >= 20_000 {
            let taken = (ALLOCATED.get() - before) as usize;
            let beside = taken / rows - (size_of::<Sum>() + KEY);
            assert!(beside <= BESIDE + 6, "{beside} bytes beside each of {rows} rows");
            (beside_all, times) = (beside_all + beside, times + 1);
            // The host flushes by what the table says: what it holds of a row besides the dictionary's share and the slots.
            let said = waiting.bytes as usize / rows;
            assert!((taken / rows - 33..=taken / rows).contains(&said), "{said} said of {}", taken / rows);
        }
    }
    let average = beside_all / times;
    assert!(average <= BESIDE, "{average} bytes beside each row");
}
