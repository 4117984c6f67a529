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

#[cfg(test)]
mod tests {
    use projectionist_sdk::testing::{event, given};
    use serde_json::json;

    use super::*;

    #[test]
    fn each_account_has_its_balance() {
        given::<Balances>([
            event("account-1", "Deposited", json!({"amount": 50})),
            event("account-2", "Deposited", json!({"amount": 7})),
            event("account-1", "Withdrawn", json!({"amount": 20})),
        ])
        .then([
            Balance { account: "account-1".into(), balance: 30, entries: 2 },
            Balance { account: "account-2".into(), balance: 7, entries: 1 },
        ]);
    }

    #[test]
    fn an_amount_that_is_no_integer_stops_the_projection() {
        given::<Balances>([
            event("account-1", "Deposited", json!({"amount": 50})),
            event("account-1", "Deposited", json!({"amount": 0.5})),
        ])
        .then_fault_at(1, "field `amount`: expected an integer, found a number with a fraction");
    }
}
