//! **Rows**: a journal, one row for each transfer, inserted once and never changed.

use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Transfer<'a> {
    Deposited { amount: i64, reference: Text<'a> },
    Withdrawn { amount: i64, reference: Text<'a> },
}

/// One transfer; `amount` in cents, negative when withdrawn.
#[derive(Row)]
struct Entry {
    #[key]
    position: u64,
    account: String,
    amount: i64,
    reference: String,
}

#[derive(Default, Tables)]
struct Journal {
    journal: InsertTable<Entry>,
}

impl Projection for Journal {
    type Event = Transfer<'static>;

    fn apply(&mut self, event: Transfer, envelope: &Envelope) -> Result<(), Fault> {
        let (amount, reference) = match event {
            Transfer::Deposited { amount, reference } => (amount, reference),
            Transfer::Withdrawn { amount, reference } => (-amount, reference),
        };
        self.journal.insert(Entry {
            position: envelope.position(),
            account: envelope.stream().into(),
            amount,
            reference: reference.into(),
        });
        Ok(())
    }
}

export!(Journal, name = "rows", version = 1, envelope = [position, stream], partition = by_stream);

#[cfg(test)]
mod tests {
    use projectionist_sdk::testing::{event, given};
    use serde_json::json;

    use super::*;

    #[test]
    fn each_transfer_is_a_row() {
        given::<Journal>([
            event("account-1", "Deposited", json!({"amount": 5, "reference": "t-0"})),
            event("account-2", "Withdrawn", json!({"amount": 7, "reference": "t-1"})),
        ])
        .then([
            Entry { position: 1, account: "account-1".into(), amount: 5, reference: "t-0".into() },
            Entry { position: 2, account: "account-2".into(), amount: -7, reference: "t-1".into() },
        ]);
    }
}
