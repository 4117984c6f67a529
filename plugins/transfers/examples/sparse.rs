//! **Sparse**: takes one rare type out of a large log; the rest of the log should cost nothing.

use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Review {
    Reviewed { score: i64 },
}

/// The reviews of one account.
#[derive(Row)]
struct Account {
    #[key]
    account: String,
    reviews: u64,
    score_total: i64,
}

#[derive(Default, Tables)]
struct Reviews {
    reviews: Table<Account>,
}

impl Projection for Reviews {
    type Event = Review;

    fn apply(&mut self, Review::Reviewed { score }: Review, envelope: &Envelope) -> Result<(), Fault> {
        let row = self.reviews.entry(envelope.stream());
        row.reviews += 1;
        row.score_total += score;
        Ok(())
    }
}

export!(Reviews, name = "sparse", version = 1, partition = by_stream);

#[cfg(test)]
mod tests {
    use projectionist_sdk::testing::{event, given};
    use serde_json::json;

    use super::*;

    #[test]
    fn only_reviews_count() {
        given::<Reviews>([
            event("account-1", "Reviewed", json!({"score": 60})),
            event("account-1", "Deposited", json!({"amount": 1})),
            event("account-1", "Reviewed", json!({"score": 30})),
        ])
        .then([Account { account: "account-1".into(), reviews: 2, score_total: 90 }]);
    }
}
