//! **Document**: asks for whole payloads and reads them with serde, as one does who has the types already.
//!
//! The field by which rows are told apart is asked for beside the payload: that is what a partition goes by.

use projectionist_sdk::prelude::*;
use serde::Deserialize;

#[derive(Event)]
enum Transfer<'a> {
    Deposited {
        channel: Text<'a>,
        #[event(document)]
        payload: &'a str,
    },
    Withdrawn {
        channel: Text<'a>,
        #[event(document)]
        payload: &'a str,
    },
}

/// The payload of a transfer.
#[derive(Deserialize)]
struct Payload<'a> {
    amount: i64,
    to: &'a str,
    day: &'a str,
    channel: &'a str,
    reference: &'a str,
}

/// The transfers that came by one channel; `amount` in cents, withdrawals negative.
#[derive(Row)]
struct Channel {
    #[key]
    channel: String,
    transfers: u64,
    amount: i64,
    text_bytes: u64,
}

#[derive(Default, Tables)]
struct Channels {
    channels: Table<Channel>,
}

impl Projection for Channels {
    type Event = Transfer<'static>;

    fn apply(&mut self, event: Transfer, _: &Envelope) -> Result<(), Fault> {
        let (sign, channel, text) = match event {
            Transfer::Deposited { channel, payload } => (1, channel, payload),
            Transfer::Withdrawn { channel, payload } => (-1, channel, payload),
        };
        let payload: Payload = serde_json::from_str(text).map_err(|error| Fault::new(error.to_string()))?;
        if channel != payload.channel {
            return Err(Fault::new("the payload is of another channel"));
        }
        let row = self.channels.entry(channel);
        row.transfers += 1;
        row.amount += sign * payload.amount;
        row.text_bytes += (payload.to.len() + payload.day.len() + payload.reference.len()) as u64;
        Ok(())
    }
}

export!(Channels, name = "document", version = 1, partition = by_field("channel"));

#[cfg(test)]
mod tests {
    use projectionist_sdk::testing::{event, given};
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_payloads_are_read() {
        let by = |channel: &str, amount: i64| json!({"amount": amount, "to": "account-2", "day": "2026-01-01", "channel": channel, "reference": "t-0"});
        given::<Channels>([
            event("account-1", "Deposited", by("web", 9)),
            event("account-1", "Withdrawn", by("web", 2)),
            event("account-1", "Deposited", by("desk", 1)),
        ])
        .then([
            Channel { channel: "desk".into(), transfers: 1, amount: 1, text_bytes: 22 },
            Channel { channel: "web".into(), transfers: 2, amount: 7, text_bytes: 44 },
        ]);
    }

    #[test]
    fn a_payload_that_is_no_transfer_stops_the_projection() {
        given::<Channels>([event("account-1", "Deposited", json!({"amount": 1, "channel": "web"}))])
            .then_fault_at(0, "missing field `to`");
    }
}
