//! **Balances**: one row for each account of a ledger, with its balance and how many entries made it.

use projectionist_sdk::prelude::*;

/// What happens to an account; each account is a stream.
#[derive(Event)]
enum Ledger {
    Deposited { amount: i64 },
    Withdrawn { amount: i64 },
}

/// The state of one account.
#[derive(Row)]
struct Balance {
    #[key]
    account: String,
    balance: i64,
    entries: u64,
}

#[derive(Default, Tables)]
struct Balances {
    balances: Table<Balance>,
}

impl Projection for Balances {
    type Event = Ledger;

    fn apply(&mut self, event: Ledger, envelope: &Envelope) -> Result<(), Fault> {
        let row = self.balances.entry(envelope.stream());
        match event {
            Ledger::Deposited { amount } => row.balance += amount,
            Ledger::Withdrawn { amount } => row.balance -= amount,
        }
        row.entries += 1;
        Ok(())
    }
}

export!(Balances, name = "balances", version = 1, partition = by_stream);
