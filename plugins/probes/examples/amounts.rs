//! **Amounts**: what happened to each amount, which is a number however it is written; partitioned by it.

use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Change {
    Set { amount: i64, ratio: Option<f64> },
}

#[derive(Row)]
struct Amount {
    #[key]
    amount: i64,
    #[index]
    events: u64,
    largest: Option<f64>,
    streams: Vec<String>,
}

#[derive(Default, Tables)]
struct Amounts {
    amounts: Table<Amount>,
}

impl Projection for Amounts {
    type Event = Change;

    fn apply(&mut self, Change::Set { amount, ratio }: Change, envelope: &Envelope) -> Result<(), Fault> {
        let row = self.amounts.entry(amount);
        row.events += 1;
        row.largest = ratio.into_iter().chain(row.largest).reduce(f64::max);
        if row.streams.len() < 4 {
            row.streams.push(envelope.stream().into());
        }
        Ok(())
    }
}

export!(Amounts, name = "amounts", version = 1, partition = by_field("amount"));
