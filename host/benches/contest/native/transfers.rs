//! The read models of the transfers, folded by hand.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Event, Fold, by_name};
use crate::model::Model;
use crate::workload::Workload;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

const TRANSFERS: [&str; 2] = ["Deposited", "Withdrawn"];

fn parse<'a, T: Deserialize<'a>>(event: &Event<'a>) -> T {
    serde_json::from_str(event.data).expect("JSON as it was generated")
}

/// The slot of a stream in a table by stream number.
fn slot<T: Default>(slots: &mut Vec<T>, stream: usize) -> &mut T {
    if slots.len() <= stream {
        slots.resize_with(stream + 1, T::default);
    }
    &mut slots[stream]
}

/// The value of a text key, which is only copied when it is new.
fn entry<'a, V: Default>(map: &'a mut Map<String, V>, key: &str) -> &'a mut V {
    if !map.contains_key(key) {
        map.insert(key.to_owned(), V::default());
    }
    map.get_mut(key).expect("just made sure")
}

fn sorted<V>(map: Map<String, V>) -> Vec<(String, V)> {
    let mut all = map.into_iter().collect::<Vec<_>>();
    all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    all
}

/// Balance and entries by stream.
#[derive(Default)]
pub struct Ledger(Vec<(i64, u64)>);

impl Fold for Ledger {
    const TYPES: &[&str] = &TRANSFERS;

    fn apply(&mut self, kind: usize, event: &Event<'_>) {
        #[derive(Deserialize)]
        struct Fields {
            amount: i64,
        }
        let Fields { amount } = parse(event);
        let (balance, entries) = slot(&mut self.0, event.stream);
        *balance += if kind == 0 { amount } else { -amount };
        *entries += 1;
    }

    fn merge(&mut self, other: Self) {
        for (stream, (balance, entries)) in other.0.into_iter().enumerate() {
            let row = slot(&mut self.0, stream);
            *row = (row.0 + balance, row.1 + entries);
        }
    }

    fn write(self, streams: &[String], model: &Model) {
        let mut insert = model.insert(&Workload::Ledger.tables()[0]);
        for (name, (balance, entries)) in by_name(self.0, streams, |(_, entries)| *entries > 0) {
            insert.execute((name, balance, entries as i64)).expect("a row");
        }
    }
}

/// Transfers, deposited and withdrawn by account.
#[derive(Default)]
pub struct ByAccount(Map<String, [i64; 3]>);

impl Fold for ByAccount {
    const TYPES: &[&str] = &TRANSFERS;

    fn apply(&mut self, kind: usize, event: &Event<'_>) {
        #[derive(Deserialize)]
        struct Fields<'a> {
            amount: i64,
            to: &'a str,
        }
        let Fields { amount, to } = parse(event);
        let row = entry(&mut self.0, to);
        row[0] += 1;
        row[1 + kind] += amount;
    }

    fn merge(&mut self, other: Self) {
        for (account, sums) in other.0 {
            let row = entry(&mut self.0, &account);
            (0..3).for_each(|column| row[column] += sums[column]);
        }
    }

    fn write(self, _: &[String], model: &Model) {
        let mut insert = model.insert(&Workload::ByAccount.tables()[0]);
        for (account, [transfers, deposited, withdrawn]) in sorted(self.0) {
            insert.execute((account, transfers, deposited, withdrawn)).expect("a row");
        }
    }
}

/// For each day, transfers and amount of both types.
#[derive(Default)]
pub struct Daily(Map<String, [(i64, i64); 2]>);

impl Fold for Daily {
    const TYPES: &[&str] = &TRANSFERS;

    fn apply(&mut self, kind: usize, event: &Event<'_>) {
        #[derive(Deserialize)]
        struct Fields<'a> {
            amount: i64,
            day: &'a str,
        }
        let Fields { amount, day } = parse(event);
        let row = &mut entry(&mut self.0, day)[kind];
        *row = (row.0 + 1, row.1 + amount);
    }

    fn merge(&mut self, other: Self) {
        for (day, sums) in other.0 {
            let row = entry(&mut self.0, &day);
            for (mine, other) in row.iter_mut().zip(sums) {
                *mine = (mine.0 + other.0, mine.1 + other.1);
            }
        }
    }

    fn write(self, _: &[String], model: &Model) {
        let mut insert = model.insert(&Workload::Daily.tables()[0]);
        for (day, kinds) in sorted(self.0) {
            for (kind, (transfers, amount)) in TRANSFERS.iter().zip(kinds).filter(|(_, row)| row.0 > 0) {
                insert.execute((&day, kind, transfers, amount)).expect("a row");
            }
        }
    }
}

/// Reviews and total score by stream.
#[derive(Default)]
pub struct Sparse(Vec<(i64, i64)>);

impl Fold for Sparse {
    const TYPES: &[&str] = &["Reviewed"];

    fn apply(&mut self, _: usize, event: &Event<'_>) {
        #[derive(Deserialize)]
        struct Fields {
            score: i64,
        }
        let Fields { score } = parse(event);
        let row = slot(&mut self.0, event.stream);
        *row = (row.0 + 1, row.1 + score);
    }

    fn merge(&mut self, other: Self) {
        for (stream, (reviews, score)) in other.0.into_iter().enumerate() {
            let row = slot(&mut self.0, stream);
            *row = (row.0 + reviews, row.1 + score);
        }
    }

    fn write(self, streams: &[String], model: &Model) {
        let mut insert = model.insert(&Workload::Sparse.tables()[0]);
        for (name, (reviews, score)) in by_name(self.0, streams, |(reviews, _)| *reviews > 0) {
            insert.execute((name, reviews, score)).expect("a row");
        }
    }
}

/// Transfers, amount and bytes of text by channel.
#[derive(Default)]
pub struct Document(Map<String, [i64; 3]>);

impl Fold for Document {
    const TYPES: &[&str] = &TRANSFERS;

    fn apply(&mut self, kind: usize, event: &Event<'_>) {
        #[derive(Deserialize)]
        struct Payload<'a> {
            amount: i64,
            to: &'a str,
            day: &'a str,
            channel: &'a str,
            reference: &'a str,
        }
        let payload: Payload = parse(event);
        let row = entry(&mut self.0, payload.channel);
        row[0] += 1;
        row[1] += if kind == 0 { payload.amount } else { -payload.amount };
        row[2] += (payload.to.len() + payload.day.len() + payload.reference.len()) as i64;
    }

    fn merge(&mut self, other: Self) {
        for (channel, sums) in other.0 {
            let row = entry(&mut self.0, &channel);
            (0..3).for_each(|column| row[column] += sums[column]);
        }
    }

    fn write(self, _: &[String], model: &Model) {
        let mut insert = model.insert(&Workload::Document.tables()[0]);
        for (channel, [transfers, amount, text_bytes]) in sorted(self.0) {
            insert.execute((channel, transfers, amount, text_bytes)).expect("a row");
        }
    }
}
