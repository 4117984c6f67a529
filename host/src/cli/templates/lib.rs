//! The balance of each account: an example to change into yours.

use projectionist_sdk::prelude::*;

/// The events that it takes: their type names and the payload fields that it reads. Nothing else is read.
#[derive(Event)]
enum Ledger {
    Deposited { amount: i64 },
    Withdrawn { amount: i64 },
}

/// One row of a table. The key says which.
#[derive(Row)]
struct Balance {
    #[key]
    account: String,
    balance: i64,
    entries: u64,
}

/// The tables. Each field is a table that SQL sees under the field's name.
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

export!(Balances, name = "{{name}}", version = 1);

#[cfg(test)]
mod tests {
    use projectionist_sdk::testing::{event, given};
    use serde_json::json;

    use super::*;

    #[test]
    fn deposits_and_withdrawals_add_up() {
        given::<Balances>([
            event("account-1", "Deposited", json!({"amount": 5})),
            event("account-2", "Deposited", json!({"amount": 7})),
            event("account-1", "Withdrawn", json!({"amount": 3})),
        ])
        .then([
            Balance { account: "account-1".into(), balance: 2, entries: 2 },
            Balance { account: "account-2".into(), balance: 7, entries: 1 },
        ]);
    }
}
