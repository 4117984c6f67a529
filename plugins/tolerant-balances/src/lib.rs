//! **Tolerant balances**: version 2 of `balances`, which sets entries aside whose amount it cannot read.
//!
//! Version 1 stops at the first such entry, as it should: nobody had decided what to do about one. This version is
//! what such a decision looks like. It has the same name, so it takes the place of version 1, and nothing is lost:
//! what does not count is a row in `unreadable`, and every balance says whether it is the whole truth.

use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Ledger {
    // JSON holds whatever was recorded. An absent field and a recorded null are both `None`.
    Deposited { amount: Option<Json> },
    Withdrawn { amount: Option<Json> },
}

/// The state of one account.
#[derive(Row)]
struct Balance {
    #[key]
    account: String,
    balance: i64,
    /// Entries that make the balance.
    entries: u64,
    /// Entries that were set aside; where there are any, the balance is not to be trusted.
    unreadable: u64,
}

/// An entry that was set aside.
#[derive(Row)]
struct Unreadable {
    #[key]
    position: u64,
    #[index]
    account: String,
    /// What stands where the amount should, as recorded.
    amount: Option<Json>,
    reason: String,
}

#[derive(Default, Tables)]
struct Balances {
    balances: Table<Balance>,
    unreadable: InsertTable<Unreadable>,
}

impl Projection for Balances {
    type Event = Ledger;

    fn apply(&mut self, event: Ledger, envelope: &Envelope) -> Result<(), Fault> {
        let (amount, sign) = match event {
            Ledger::Deposited { amount } => (amount, 1),
            Ledger::Withdrawn { amount } => (amount, -1),
        };
        let row = self.balances.entry(envelope.stream());
        match cents(amount.as_ref()) {
            Ok(cents) => {
                row.balance += sign * cents;
                row.entries += 1;
            }
            Err(reason) => {
                row.unreadable += 1;
                projectionist_sdk::warn(&format!("position {}: {reason}", envelope.position()));
                self.unreadable.insert(Unreadable {
                    position: envelope.position(),
                    account: envelope.stream().into(),
                    amount,
                    reason,
                });
            }
        }
        Ok(())
    }
}

/// The amount in cents, or why there is none. It is not guessed at: "12,50" may be twelve and a half, or 1250.
fn cents(amount: Option<&Json>) -> Result<i64, String> {
    let amount = amount.ok_or("no amount was recorded")?;
    amount.parse().map_err(|_| format!("{amount} is no whole number of cents"))
}

export!(
    Balances,
    name = "balances",
    version = 2,
    description = "The balance of each account, setting aside entries that cannot be read",
    envelope = [position, stream]
);

#[cfg(test)]
mod tests {
    use projectionist_sdk::testing::{event, given};
    use serde_json::json;

    use super::*;

    #[test]
    fn readable_entries_count_as_before() {
        given::<Balances>([
            event("account-1", "Deposited", json!({"amount": 50})),
            event("account-2", "Deposited", json!({"amount": 7})),
            event("account-1", "Withdrawn", json!({"amount": 20})),
        ])
        .then([
            Balance { account: "account-1".into(), balance: 30, entries: 2, unreadable: 0 },
            Balance { account: "account-2".into(), balance: 7, entries: 1, unreadable: 0 },
        ])
        .then_table("unreadable", json!([]));
    }

    #[test]
    fn others_are_set_aside_as_they_were_recorded() {
        let unreadable = |position, amount: Option<&str>, reason: &str| Unreadable {
            position,
            account: "account-1".into(),
            amount: amount.map(Json::from_text),
            reason: reason.into(),
        };
        given::<Balances>([
            event("account-1", "Deposited", json!({"amount": 50})),
            event("account-1", "Deposited", json!({"amount": "12,50"})),
            event("account-1", "Withdrawn", json!({"amount": 12.5})),
            event("account-1", "Withdrawn", json!({"amount": null})),
            event("account-1", "Withdrawn", json!({"amout": 3})),
            event("account-1", "Deposited", json!({"amount": 9_223_372_036_854_775_808_u64})),
            event("account-1", "Withdrawn", json!({"amount": 5})),
        ])
        .then([Balance { account: "account-1".into(), balance: 45, entries: 2, unreadable: 5 }])
        .then([
            unreadable(2, Some("\"12,50\""), "\"12,50\" is no whole number of cents"),
            unreadable(3, Some("12.5"), "12.5 is no whole number of cents"),
            unreadable(4, None, "no amount was recorded"),
            unreadable(5, None, "no amount was recorded"),
            unreadable(6, Some("9223372036854775808"), "9223372036854775808 is no whole number of cents"),
        ]);
    }
}
