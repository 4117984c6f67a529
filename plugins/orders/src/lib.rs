//! **Orders**: one row for each order, read from events that changed their shape four times.
//!
//! Recorded events are never rewritten, so a projection that starts at the beginning meets every shape there ever
//! was. Most changes take an attribute: a new name, a field that came later, a field that may be null. A field whose
//! type changed is read as JSON into an enum of the types it had.

use projectionist_sdk::prelude::*;
use serde::Deserialize;

#[derive(Event)]
#[expect(clippy::enum_variant_names, reason = "variants are named after the recorded types")]
enum Order<'a> {
    OrderPlaced {
        // Called `customer` until 2023.
        #[event(alias = "customer")]
        customer_id: Text<'a>,
        // A number until 2022, a string since.
        #[event(json)]
        total: Total,
        // Not recorded until 2022, when everything was paid in euros.
        #[event(default = "EUR".into())]
        currency: Text<'a>,
        // Absent until 2023; since then absent or null means the same: none.
        coupon: Option<Text<'a>>,
        // Recorded since 2024. `Vec`s are read as JSON by themselves.
        lines: Option<Vec<Line>>,
    },
    OrderShipped {
        carrier: Text<'a>,
        tracking: Option<Text<'a>>,
    },
    // The type itself was spelt otherwise until 2023.
    #[event(alias = "OrderCanceled")]
    OrderCancelled {
        reason: Option<Text<'a>>,
    },
}

/// What was to be paid, in both of its shapes.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number or a decimal string")]
enum Total {
    Number(f64),
    Decimal(String),
}

impl Total {
    fn cents(&self) -> Result<i64, Fault> {
        match self {
            // 19.99 is not a double; the nearest one times 100 is 1998.9999999999998, and the cents are meant.
            Total::Number(number) => {
                let cents = (number * 100.0).round();
                let is_whole = (number * 100.0 - cents).abs() < 1e-6 && cents.abs() < 1e15;
                is_whole.then_some(cents as i64)
            }
            Total::Decimal(text) => text.split_once('.').and_then(|(whole, cents)| {
                let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
                (cents.len() == 2 && is_digits(whole) && is_digits(cents))
                    .then(|| format!("{whole}{cents}").parse().ok())?
            }),
        }
        .ok_or_else(|| Fault::new("the total is no amount of whole cents").field("total"))
    }
}

#[derive(Deserialize)]
struct Line {
    quantity: u32,
}

/// An order as its latest event left it.
#[derive(Row, Debug, PartialEq)]
struct OrderState {
    #[key]
    order: String,
    #[index]
    customer_id: String,
    total_cents: i64,
    currency: String,
    coupon: Option<String>,
    /// How many pieces were ordered; not known of orders before 2024.
    pieces: Option<u32>,
    /// placed, shipped or cancelled.
    state: String,
    shipped_with: Option<String>,
    tracking: Option<String>,
    cancelled_because: Option<String>,
}

#[derive(Default, Tables)]
struct Orders {
    orders: Table<OrderState>,
}

impl Projection for Orders {
    type Event = Order<'static>;

    fn apply(&mut self, event: Order, envelope: &Envelope) -> Result<(), Fault> {
        let row = self.orders.entry(envelope.stream());
        match event {
            Order::OrderPlaced { customer_id, total, currency, coupon, lines } => {
                row.customer_id = customer_id.into();
                row.total_cents = total.cents()?;
                row.currency = currency.into();
                row.coupon = coupon.map(String::from);
                row.pieces = lines.map(|lines| lines.iter().map(|line| line.quantity).sum());
                row.state = "placed".into();
            }
            Order::OrderShipped { carrier, tracking } => {
                row.shipped_with = Some(carrier.into());
                row.tracking = tracking.map(String::from);
                row.state = "shipped".into();
            }
            Order::OrderCancelled { reason } => {
                row.cancelled_because = reason.map(String::from);
                row.state = "cancelled".into();
            }
        }
        Ok(())
    }
}

export!(
    Orders,
    name = "orders",
    version = 1,
    description = "Orders, read from events of four generations",
    partition = by_stream
);

#[cfg(test)]
mod tests {
    use projectionist_sdk::testing::{Recorded, event, given};
    use serde_json::{Value, json};

    use super::*;

    fn placed(data: Value) -> Recorded {
        event("order-1", "OrderPlaced", data)
    }

    fn row() -> OrderState {
        OrderState {
            order: "order-1".into(),
            customer_id: "ada".into(),
            total_cents: 1999,
            currency: "EUR".into(),
            coupon: None,
            pieces: None,
            state: "placed".into(),
            shipped_with: None,
            tracking: None,
            cancelled_because: None,
        }
    }

    #[test]
    fn every_shape_is_read() {
        given::<Orders>([placed(json!({"customer": "ada", "total": 19.99}))]).then([row()]);
        given::<Orders>([placed(json!({"customer": "ada", "total": "19.99", "currency": "CHF"}))])
            .then([OrderState { currency: "CHF".into(), ..row() }]);
        given::<Orders>([placed(json!({"customer_id": "ada", "total": "19.99", "currency": "EUR", "coupon": null}))])
            .then([row()]);
        let lines = json!([{"sku": "lamp", "quantity": 2}, {"sku": "bulb", "quantity": 4}]);
        given::<Orders>([placed(
            json!({"customer_id": "ada", "total": "19.99", "currency": "EUR", "coupon": "SPRING", "lines": lines}),
        )])
        .then([OrderState { coupon: Some("SPRING".into()), pieces: Some(6), ..row() }]);
    }

    #[test]
    fn both_spellings_cancel() {
        for spelling in ["OrderCanceled", "OrderCancelled"] {
            given::<Orders>([
                placed(json!({"customer": "ada", "total": 19.99})),
                event("order-1", spelling, json!({"reason": "never paid"})),
            ])
            .then([OrderState {
                state: "cancelled".into(),
                cancelled_because: Some("never paid".into()),
                ..row()
            }]);
        }
    }

    #[test]
    fn whole_euros_are_a_number_too() {
        given::<Orders>([placed(json!({"customer": "ada", "total": 5}))])
            .then([OrderState { total_cents: 500, ..row() }]);
    }

    #[test]
    fn a_total_that_is_no_amount_stops_the_projection() {
        for total in [json!(19.995), json!("19,99"), json!("19.9"), json!("-1.00"), json!(1e300)] {
            given::<Orders>([placed(json!({"customer": "ada", "total": total}))])
                .then_fault_at(0, "field `total`: the total is no amount of whole cents");
        }
        given::<Orders>([placed(json!({"customer": "ada", "total": [19, 99]}))])
            .then_fault_at(0, "field `total`: expected a number or a decimal string");
    }
}
