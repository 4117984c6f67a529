//! **Daily**: one row for each day and type of transfer, over all accounts.
//!
//! Events of any stream touch the same rows, so there is no partition: it is replayed in log order.

use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Transfer<'a> {
    Deposited { amount: i64, day: Text<'a> },
    Withdrawn { amount: i64, day: Text<'a> },
}

/// The transfers of one type on one day, in cents.
#[derive(Row)]
struct Day {
    #[key]
    day: String,
    #[key]
    kind: String,
    transfers: u64,
    amount: i64,
}

#[derive(Default, Tables)]
struct Daily {
    daily: Table<Day>,
}

impl Projection for Daily {
    type Event = Transfer<'static>;

    fn apply(&mut self, event: Transfer, envelope: &Envelope) -> Result<(), Fault> {
        let (Transfer::Deposited { amount, day } | Transfer::Withdrawn { amount, day }) = event;
        let row = self.daily.entry((day, envelope.type_name()));
        row.transfers += 1;
        row.amount += amount;
        Ok(())
    }
}

export!(Daily, name = "daily", version = 1, envelope = [type_name]);

#[cfg(test)]
mod tests {
    use projectionist_sdk::testing::{event, given};
    use serde_json::json;

    use super::*;

    #[test]
    fn days_and_types_add_up_apart() {
        let on = |day: &str, amount: i64| json!({"amount": amount, "day": day});
        let row =
            |day: &str, kind: &str, transfers, amount| Day { day: day.into(), kind: kind.into(), transfers, amount };
        given::<Daily>([
            event("account-1", "Deposited", on("2026-01-01", 5)),
            event("account-2", "Deposited", on("2026-01-01", 6)),
            event("account-1", "Withdrawn", on("2026-01-01", 7)),
            event("account-1", "Deposited", on("2026-01-02", 8)),
        ])
        .then([
            row("2026-01-01", "Deposited", 2, 11),
            row("2026-01-01", "Withdrawn", 1, 7),
            row("2026-01-02", "Deposited", 1, 8),
        ]);
    }
}
