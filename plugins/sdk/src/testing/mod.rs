//! The **test kit**: a projection's events in, its rows out, natively and without a host.
//!
//! [`given`] replays the events many times over: in batches of 1, 2, 3, 7 and all events, flushed after each batch or
//! only at the end, with and without memory for unchanged rows, by one instance or a new one for each batch, and with
//! columns of every kind that a host may choose. All replays must agree before anything is compared, since what a
//! projection computes must not depend on any of this.
//!
//! ```
//! use projectionist_sdk::prelude::*;
//! use projectionist_sdk::testing::{event, given};
//! use serde_json::json;
//!
//! #[derive(Event)]
//! enum Ledger { Deposited { amount: i64 }, Withdrawn { amount: i64 } }
//!
//! #[derive(Row)]
//! struct Balance { #[key] account: String, balance: i64 }
//!
//! #[derive(Default, Tables)]
//! struct Balances { balances: Table<Balance> }
//!
//! impl Projection for Balances {
//!     type Event = Ledger;
//!     fn apply(&mut self, event: Ledger, envelope: &Envelope) -> Result<(), Fault> {
//!         let row = self.balances.entry(envelope.stream());
//!         match event {
//!             Ledger::Deposited { amount } => row.balance += amount,
//!             Ledger::Withdrawn { amount } if amount > row.balance => return Err(Fault::new("overdrawn")),
//!             Ledger::Withdrawn { amount } => row.balance -= amount,
//!         }
//!         Ok(())
//!     }
//! }
//! export!(Balances, name = "balances", version = 1);
//!
//! let deposited = event("a", "Deposited", json!({"amount": 5}));
//! given::<Balances>([deposited.clone()]).then([Balance { account: "a".into(), balance: 5 }]);
//! given::<Balances>([deposited.clone()]).then_table("balances", json!([{"account": "a", "balance": 5}]));
//! given::<Balances>([deposited.clone(), event("a", "Withdrawn", json!({"amount": 9}))]).then_fault_at(1, "overdrawn");
//! given::<Balances>([deposited, event("a", "Withdrawn", json!({"amount": "9"}))])
//!     .then_fault_at(1, "field `amount`: expected an integer, found a string");
//! ```

mod recorded;
mod value;
mod shred;
pub(crate) mod store;
mod replay;
mod difference;

use std::marker::PhantomData;

use serde_json::Value;

pub use recorded::{Recorded, event};

use crate::row::Row;
use crate::{Exported, runtime};
use replay::{Outcome, replay_all};
use store::Rows;

/// The events that a projection is given, and what is to become of them. See [the module](self).
pub fn given<P: Exported>(events: impl IntoIterator<Item = Recorded>) -> Given<P> {
    Given { events: events.into_iter().collect(), settings: "{}".into(), projection: PhantomData }
}

/// Events that wait for an expectation.
pub struct Given<P> {
    events: Vec<Recorded>,
    settings: String,
    projection: PhantomData<P>,
}

impl<P: Exported> Given<P> {
    /// The projection's settings, an object.
    #[must_use]
    pub fn settings(mut self, settings: Value) -> Self {
        self.settings = settings.to_string();
        self
    }

    /// Demands that the table of these rows holds exactly them, in any order. Panics with the difference when not,
    /// and when several tables hold such rows: then use [`Given::then_table`].
    #[track_caller]
    pub fn then<R: Row>(self, rows: impl IntoIterator<Item = R>) -> Self {
        let mut tables = Vec::new();
        P::default().each(&mut |name, table| {
            if table.row_type() == std::any::TypeId::of::<R>() {
                tables.push(name);
            }
        });
        let [table] = tables[..] else {
            panic!("{} tables of `{}` hold such rows; name one with then_table", tables.len(), P::NAME);
        };
        let mut columns = R::Columns::default();
        let mut length = 0;
        for row in rows {
            row.push(&mut columns).unwrap_or_else(|fault| panic!("an expected row cannot be stored: {fault}"));
            length += 1;
        }
        let expected = store::rows_of(&R::table(), &R::finish(columns), length);
        self.compare(table, &expected);
        self
    }

    /// Demands that a table holds exactly these rows: an array with an object for each, by column; a column that is
    /// left out is NULL. Bytes are base64.
    #[track_caller]
    pub fn then_table(self, table: &str, rows: Value) -> Self {
        let manifest = runtime::manifest::<P>();
        let Some(described) = manifest.tables.iter().find(|known| known.name == table) else {
            panic!("`{}` has no table `{table}`", P::NAME);
        };
        let expected = value::rows_from_json(described, &rows).unwrap_or_else(|wrong| panic!("{wrong}"));
        self.compare(table, &expected);
        self
    }

    /// Demands that the projection stops with a fault whose text (`field ...: message (hint)`) contains `text`.
    #[track_caller]
    pub fn then_fault(self, text: &str) -> Self {
        self.fault(None, text);
        self
    }

    /// The same, at the event with this index among the given ones.
    #[track_caller]
    pub fn then_fault_at(self, event: usize, text: &str) -> Self {
        self.fault(Some(event), text);
        self
    }

    /// The rows of a table as JSON objects, in key order, for other comparisons. Panics at a fault.
    #[track_caller]
    pub fn rows(&self, table: &str) -> Vec<Value> {
        let manifest = runtime::manifest::<P>();
        let Some(described) = manifest.tables.iter().find(|known| known.name == table) else {
            panic!("`{}` has no table `{table}`", P::NAME);
        };
        self.found(table).values().map(|row| value::row_to_json(described, row)).collect()
    }

    #[track_caller]
    fn fault(&self, event: Option<usize>, text: &str) {
        match self.outcome() {
            Outcome::Rows(_) => panic!("no fault: all {} events were folded; expected `{text}`", self.events.len()),
            Outcome::Fault(fault) => {
                if event.is_some() && fault.event != event {
                    panic!("the fault is at {}, expected at event {}:\n  {fault}", fault.place(), event.unwrap_or(0));
                }
                assert!(fault.text().contains(text), "another fault\n  expected: {text}\n  found:    {fault}");
            }
        }
    }

    #[track_caller]
    fn compare(&self, table: &str, expected: &Rows) {
        let manifest = runtime::manifest::<P>();
        let described = manifest.tables.iter().find(|known| known.name == table);
        if let Some(difference) =
            described.and_then(|table| difference::between(table, expected, &self.found(&table.name)))
        {
            panic!("{difference}");
        }
    }

    #[track_caller]
    fn found(&self, table: &str) -> Rows {
        match self.outcome() {
            Outcome::Rows(mut tables) => tables.remove(table).unwrap_or_default(),
            Outcome::Fault(fault) => panic!("the projection stopped: {fault}"),
        }
    }

    #[track_caller]
    fn outcome(&self) -> Outcome {
        replay_all::<P>(&self.events, &self.settings).unwrap_or_else(|disagreement| panic!("{disagreement}"))
    }
}
