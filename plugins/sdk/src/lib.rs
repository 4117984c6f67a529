//! Write a **Projectionist** projection in Rust: say which events you read and which rows you keep, and fold one into
//! the other.
//!
//! ```
//! use projectionist_sdk::prelude::*;
//!
//! #[derive(Event)]
//! enum Ledger {
//!     Deposited { amount: i64 },
//!     Withdrawn { amount: i64 },
//! }
//!
//! #[derive(Row)]
//! struct Balance { #[key] account: String, balance: i64, entries: u64 }
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
//!             Ledger::Withdrawn { amount } => row.balance -= amount,
//!         }
//!         row.entries += 1;
//!         Ok(())
//!     }
//! }
//! export!(Balances, name = "balances", version = 1);
//!
//! // And its test, which needs neither Wasm nor a host:
//! use projectionist_sdk::testing::{event, given};
//! use serde_json::json;
//!
//! given::<Balances>([event("account-1", "Deposited", json!({"amount": 5}))])
//!     .then([Balance { account: "account-1".into(), balance: 5, entries: 1 }]);
//! ```
//!
//! | what you write | where it is explained |
//! | --- | --- |
//! | which events, and which of their fields | [`Event`], [`Fields`], [`Field`], [`AnyEvent`] |
//! | what else was recorded about an event | [`Envelope`] |
//! | rows, their columns, keys and indexes | [`Row`], [`ColumnValue`], [`Key`] |
//! | reading, changing and deleting rows | [`Table`] |
//! | rows that are only ever added | [`InsertTable`] |
//! | the projection itself, its settings and its name | [`Projection`], [`Settings`], [`export!`] |
//! | stopping with a reason | [`Fault`] |
//! | messages for the operator | [`debug!`], [`info!`], [`warn!`], [`error!`]; [`println!`] by name |
//! | text, ids, instants, anything else | [`Text`], [`Uuid`], [`Timestamp`], [`Json`] |
//! | tests | [`testing`] |
//!
//! A plugin is a `cdylib` built with `cargo build --release --target wasm32-unknown-unknown`; it needs no WASI.
//!
//! What a projection computes must follow from its events, settings and tables alone: the host may cut batches and
//! flush anywhere, and may go on with a new instance at any event.
//!
//! | what there is not | what comes of it | what there is |
//! | --- | --- | --- |
//! | a clock | `SystemTime::now()` and `Instant::now()` panic; the fault says what to do | [`Envelope::time`] |
//! | randomness | the crates `rand` and `getrandom` do not compile | a hash of [`Envelope::id`] |
//! | an order of a `HashMap` | it compiles and works, but may differ from instance to instance | `BTreeMap` |
//! | files, sockets, threads | errors and panics: "not supported on this platform" | [`Settings`], lookups in [`Table`]s |
//! | output | Rust's `println!` says nothing | [`info!`], [`println!`] |
//!
//! Two things are taken care of:
//!
//! - **Memory.** A [`Table`] keeps the rows that changed until the next flush, and of the others only what fits the
//!   host's budget; whatever else is reached is looked up. A field marked `#[setting]` and a row that grows with each
//!   event are bounded by nothing but the plugin's memory.
//! - **Arithmetic.** A sum beyond its type panics, in tests and, with `overflow-checks = true` in the profile that
//!   builds the plugin (a new plugin has it), in Wasm too: the projection stops before the event, and the fault says
//!   where the panic was. Where an overflow is to be expected, use `checked_add` and a [`Fault`] of your own. A cast
//!   with `as` is never checked; prefer `try_from`.

extern crate self as projectionist_sdk;

#[doc(hidden)]
pub mod bindings;
mod fault;
mod arena;
mod dictionary;
mod json;
mod cells;
mod field;
mod base64;
mod uuid;
mod timestamp;
mod read;
mod event;
pub mod owned;
mod envelope;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod key;
mod builder;
mod column;
mod row;
mod slots;
mod table;
mod insert_table;
mod tables;
mod settings;
mod projection;
mod log;
mod backend;
mod ahead;
#[cfg(any(test, all(target_arch = "wasm32", feature = "heap")))]
mod heap;
#[doc(hidden)]
pub mod runtime;

#[cfg(all(target_arch = "wasm32", feature = "heap"))]
#[global_allocator]
static HEAP: heap::Heap<heap::Pages> = heap::Heap::new(heap::Pages);

pub use column::ColumnValue;
pub use dictionary::Text;
pub use envelope::Envelope;
pub use event::{AnyEvent, Event, Fields};
pub use fault::Fault;
pub use field::Field;
pub use insert_table::InsertTable;
pub use json::Json;
pub use key::{AsKey, Key};
pub use log::{debug, error, info, warn};
pub use projection::{Exported, Projection};
/// Names a projection and exports it from the plugin.
///
/// | word | what it says |
/// | --- | --- |
/// | `name = "balances"` | names the projection and its read model: lower-case letters, digits, hyphens |
/// | `version = 1` | the author's number for what it computes; only ever shown |
/// | `description = ".."` | a sentence for listings |
/// | `envelope = [stream, time]` | the [`Envelope`] parts that cross: `position`, `stream`, `stream_version`, `time`, `id`, `type_name`, `metadata`; `[stream]` unless told |
/// | `metadata = ["user"]` | metadata fields, for [`Envelope::metadata_field`] |
/// | `streams = "account-"` | only events of streams whose names start so |
/// | `partition = by_stream` | what a row depends on: `whole` (anything, the default), `by_stream` (events of one stream only) or `by_field("account")` (events with one value of that field); it decides what may be replayed in parallel |
///
/// ```
/// use projectionist_sdk::prelude::*;
/// use projectionist_sdk::testing::{event, given};
///
/// #[derive(Event)]
/// enum Door { Opened, Closed }
///
/// #[derive(Row)]
/// struct State { #[key] door: String, open: bool, changed: Timestamp }
///
/// #[derive(Default, Tables)]
/// struct Doors { doors: Table<State> }
///
/// impl Projection for Doors {
///     type Event = Door;
///     fn apply(&mut self, event: Door, envelope: &Envelope) -> Result<(), Fault> {
///         let row = self.doors.entry(envelope.stream());
///         row.open = matches!(event, Door::Opened);
///         row.changed = envelope.time();
///         Ok(())
///     }
/// }
///
/// export!(
///     Doors,
///     name = "doors",
///     version = 3,
///     description = "Which doors are open",
///     envelope = [stream, time],
///     streams = "door-",
///     partition = by_stream,
/// );
///
/// given::<Doors>([event("door-1", "Opened", ()), event("window-1", "Opened", ())])
///     .then([State { door: "door-1".into(), open: true, changed: Timestamp(1_000_000) }]);
/// ```
pub use projectionist_sdk_macros::export;
pub use projectionist_sdk_macros::{Event, Fields, Row, Tables};
pub use row::Row;
pub use settings::Settings;
pub use table::Table;
pub use tables::Tables;
pub use timestamp::Timestamp;
pub use uuid::Uuid;

/// Everything a plugin needs: `use projectionist_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::{
        AnyEvent, Envelope, Event, Fault, Fields, InsertTable, Json, Projection, Row, Settings, Table, Tables, Text,
        Timestamp, Uuid, debug, error, export, info, warn,
    };
}

/// What the macros expand to; no part of the interface.
#[doc(hidden)]
pub mod macros {
    pub use crate::ahead::{ReadEvents, Reading};
    pub use crate::bindings;
    pub use crate::builder::{Builder, Nullable, Texts};
    pub use crate::cells::Cells;
    pub use crate::column::{json_heap, json_read, json_read_option};
    pub use crate::envelope::parts;
    pub use crate::read::{Groups, absent_or, alias, document, document_json, field, json_field, json_option};
    pub use crate::row::{column, index, json_column, put, put_json, put_json_option, take, wrong_width};
    pub use crate::runtime::{Runtime, manifest, not_open};
    pub use crate::tables::AnyTable;
}
