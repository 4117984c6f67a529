//! **Crowd**: how many entries each account has; dropped in many times over, to see how many projections live together.
//!
//! A projection's name is compiled in. This one ends in two digits that the benchmark replaces in the file, and it is
//! long enough to lie in the file as text: a short one may become a number in the code.

use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Ledger {
    Deposited,
    Withdrawn,
}

#[derive(Row)]
struct Account {
    #[key]
    account: String,
    entries: u64,
}

#[derive(Default, Tables)]
struct Accounts {
    accounts: Table<Account>,
}

impl Projection for Accounts {
    type Event = Ledger;

    fn apply(&mut self, _: Ledger, envelope: &Envelope) -> Result<(), Fault> {
        self.accounts.entry(envelope.stream()).entries += 1;
        Ok(())
    }
}

export!(Accounts, name = "crowd-of-projections-that-follow-one-log-number-00", version = 1);

#[cfg(test)]
mod tests {
    use projectionist_sdk::testing::{event, given};
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_are_counted() {
        given::<Accounts>([
            event("account-1", "Deposited", json!({"amount": 5})),
            event("account-1", "Withdrawn", json!({"amount": 3})),
        ])
        .then([Account { account: "account-1".into(), entries: 2 }]);
    }
}
