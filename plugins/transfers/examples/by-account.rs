//! **By account**: one row for each account that is named as the other side of a transfer.
//!
//! The rows hang on a field and not on the stream. Saying so (`partition = by_field("to")`) lets the host replay the
//! accounts in parallel, whatever streams name them.

use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Transfer<'a> {
    Deposited { amount: i64, to: Text<'a> },
    Withdrawn { amount: i64, to: Text<'a> },
}

/// What was moved to and from one account, in cents.
#[derive(Row)]
struct Account {
    #[key]
    account: String,
    transfers: u64,
    deposited: i64,
    withdrawn: i64,
}

#[derive(Default, Tables)]
struct Accounts {
    accounts: Table<Account>,
}

impl Projection for Accounts {
    type Event = Transfer<'static>;

    fn apply(&mut self, event: Transfer, _: &Envelope) -> Result<(), Fault> {
        let row = match event {
            Transfer::Deposited { amount, to } => {
                let row = self.accounts.entry(to);
                row.deposited += amount;
                row
            }
            Transfer::Withdrawn { amount, to } => {
                let row = self.accounts.entry(to);
                row.withdrawn += amount;
                row
            }
        };
        row.transfers += 1;
        Ok(())
    }
}

export!(Accounts, name = "by-account", version = 1, partition = by_field("to"));

#[cfg(test)]
mod tests {
    use projectionist_sdk::testing::{event, given};
    use serde_json::json;

    use super::*;

    #[test]
    fn transfers_count_for_the_account_they_name() {
        given::<Accounts>([
            event("account-1", "Deposited", json!({"amount": 50, "to": "account-9"})),
            event("account-2", "Withdrawn", json!({"amount": 7, "to": "account-9"})),
            event("account-9", "Deposited", json!({"amount": 20, "to": "account-1"})),
        ])
        .then([
            Account { account: "account-1".into(), transfers: 1, deposited: 20, withdrawn: 0 },
            Account { account: "account-9".into(), transfers: 2, deposited: 50, withdrawn: 7 },
        ]);
    }
}
