//! **Lying**: says that each row depends on one stream, and sums over all of them.

use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Transfer {
    Deposited { amount: i64 },
}

#[derive(Row)]
struct Sum {
    #[key]
    amount: i64,
    transfers: u64,
}

#[derive(Default, Tables)]
struct Sums {
    sums: Table<Sum>,
}

impl Projection for Sums {
    type Event = Transfer;

    fn apply(&mut self, event: Transfer, _: &Envelope) -> Result<(), Fault> {
        let Transfer::Deposited { amount } = event;
        self.sums.entry(amount).transfers += 1;
        Ok(())
    }
}

export!(Sums, name = "sums", version = 1, partition = by_stream);
