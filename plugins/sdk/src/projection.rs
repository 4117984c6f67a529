//! A **projection** is a function from events to rows.

use crate::bindings::manifests::Partitioning;
use crate::{Envelope, Event, Fault, Settings, Tables};

/// A projection: tables, and what each event does to them.
///
/// What it computes may depend on its events, its settings and its tables, and on nothing else; the host may start a
/// new instance at any event.
///
/// ```
/// use projectionist_sdk::prelude::*;
/// use projectionist_sdk::testing::{event, given};
/// use serde::Deserialize;
/// use serde_json::json;
///
/// #[derive(Event)]
/// enum Ledger { Deposited { amount: i64 }, Withdrawn { amount: i64 } }
///
/// #[derive(Row)]
/// struct Large { #[key] account: String, payments: u64 }
///
/// #[derive(Default, Tables)]
/// struct LargePayments {
///     large: Table<Large>,
///     #[setting]
///     least: i64,
/// }
///
/// #[derive(Deserialize)]
/// struct Config { least: i64 }
///
/// impl Projection for LargePayments {
///     type Event = Ledger;
///
///     fn open(&mut self, settings: &Settings) -> Result<(), Fault> {
///         self.least = settings.parse::<Config>()?.least;
///         Ok(())
///     }
///
///     fn apply(&mut self, event: Ledger, envelope: &Envelope) -> Result<(), Fault> {
///         let (Ledger::Deposited { amount } | Ledger::Withdrawn { amount }) = event;
///         if amount >= self.least {
///             self.large.entry(envelope.stream()).payments += 1;
///         }
///         Ok(())
///     }
/// }
/// export!(LargePayments, name = "large-payments", version = 1);
///
/// given::<LargePayments>([
///     event("a", "Deposited", json!({"amount": 5})),
///     event("a", "Withdrawn", json!({"amount": 50})),
/// ])
/// .settings(json!({"least": 10}))
/// .then([Large { account: "a".into(), payments: 1 }]);
/// ```
pub trait Projection: Tables + Default + 'static {
    /// The events it takes.
    type Event: Event;

    /// Reads the settings; called once, before any event.
    fn open(&mut self, settings: &Settings) -> Result<(), Fault> {
        let _ = settings;
        Ok(())
    }

    /// Folds one event into the tables. A fault stops the projection before the event.
    fn apply(&mut self, event: <Self::Event as Event>::Of<'_>, envelope: &Envelope<'_>) -> Result<(), Fault>;
}

/// What `export!` says of a projection.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not exported",
    note = "name it: `export!({Self}, name = \"...\", version = 1);`"
)]
pub trait Exported: Projection {
    /// Its name.
    const NAME: &'static str;
    /// The author's number for what it computes.
    const VERSION: u32;
    /// A sentence for listings.
    const DESCRIPTION: &'static str;
    /// Envelope parts asked for.
    #[doc(hidden)]
    const PARTS: u8;
    /// Metadata fields asked for.
    #[doc(hidden)]
    const METADATA: &'static [&'static str];
    /// Only streams whose name starts with this.
    #[doc(hidden)]
    const STREAM_PREFIX: Option<&'static str>;
    /// On what rows depend.
    #[doc(hidden)]
    fn partitioning() -> Partitioning;
}
