//! **Closing**: says that each row depends on one stream, but deletes rows of other streams and looks at them.

use projectionist_sdk::prelude::*;

#[derive(Event)]
#[allow(dead_code, reason = "an amount that is not looked at")]
enum Transfer {
    Deposited { amount: i64 },
    Withdrawn { amount: i64 },
}

#[derive(Row)]
struct Account {
    #[key]
    stream: String,
    deposits: u64,
    /// How often another account was there when it was looked at.
    met: u64,
}

#[derive(Default, Tables)]
struct Accounts {
    accounts: Table<Account>,
}

impl Projection for Accounts {
    type Event = Transfer;

    fn apply(&mut self, event: Transfer, envelope: &Envelope) -> Result<(), Fault> {
        match event {
            Transfer::Deposited { .. } => self.accounts.entry(envelope.stream()).deposits += 1,
            Transfer::Withdrawn { amount } => {
                let other = format!("account-{}", amount + 500);
                if amount % 2 == 0 {
                    self.accounts.delete(&other);
                } else if self.accounts.get(&other).is_some() {
                    self.accounts.entry(envelope.stream()).met += 1;
                }
            }
        }
        Ok(())
    }
}

export!(Accounts, name = "accounts", version = 1, partition = by_stream);
