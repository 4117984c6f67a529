//! **Heavy**: rows of 8 KiB each, far more than a planner would expect.

use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Transfer {
    Deposited { amount: i64 },
    Withdrawn { amount: i64 },
}

#[derive(Row)]
struct Account {
    #[key]
    stream: String,
    balance: i64,
    note: String,
}

#[derive(Default, Tables)]
struct Accounts {
    accounts: Table<Account>,
}

impl Projection for Accounts {
    type Event = Transfer;

    fn apply(&mut self, event: Transfer, envelope: &Envelope) -> Result<(), Fault> {
        let account = self.accounts.entry(envelope.stream());
        account.balance += match event {
            Transfer::Deposited { amount } => amount,
            Transfer::Withdrawn { amount } => -amount,
        };
        if account.note.is_empty() {
            account.note = "n".repeat(8 << 10);
        }
        Ok(())
    }
}

export!(Accounts, name = "accounts", version = 1, partition = by_stream);
