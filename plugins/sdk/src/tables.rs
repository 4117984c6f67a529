//! The **tables** of a projection: its fields of type [`crate::Table`] and [`crate::InsertTable`].

use std::any::TypeId;

use crate::Fault;
use crate::bindings::{manifests, tables};

/// A struct of tables; derive it with `#[derive(Default, Tables)]`. Each field is a table of the read model and names it,
/// unless `#[table(name = "..")]` does. A field marked `#[setting]` is none: it holds what
/// [`crate::Projection::open`] takes from the settings.
///
/// ```
/// use projectionist_sdk::prelude::*;
/// # #[derive(Row)] struct Flight { #[key] id: String }
/// # #[derive(Row)] struct Delay { #[key] id: u64 }
///
/// #[derive(Default, Tables)]
/// struct Flights {
///     flights: Table<Flight>,
///     #[table(name = "late_arrivals")]
///     late: InsertTable<Delay>,
///     #[setting]
///     late_minutes: i64,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which tables it keeps",
    note = "derive it: `#[derive(Default, Tables)]`"
)]
pub trait Tables {
    /// Visits each table with its name, in the manifest's order.
    #[doc(hidden)]
    fn each(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn AnyTable));
}

/// What a table needs to know when an instance is opened.
#[doc(hidden)]
#[derive(Clone, Copy, Default)]
pub struct Opening {
    /// Its index in the manifest.
    pub(crate) table: u16,
    /// Whether the generation has no rows yet.
    pub(crate) empty: bool,
    /// Whether the projection says that its rows depend on one partition of the events each.
    pub(crate) partitioned: bool,
    /// What its hashes are made with.
    pub(crate) seed: u64,
    /// How many bytes of unchanged rows it may keep.
    pub(crate) cache_bytes: u64,
}

/// What waits for a flush.
#[doc(hidden)]
#[derive(Clone, Copy, Default)]
pub struct Waiting {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// A table of any row.
#[doc(hidden)]
pub trait AnyTable {
    fn describe(&self) -> manifests::Table;
    fn row_type(&self) -> TypeId;
    fn open(&mut self, opening: Opening);
    /// After each batch.
    fn settle(&mut self) -> Waiting;
    /// Lets go of every row that did not change.
    fn let_go(&mut self);
    fn take_fault(&mut self) -> Option<Fault>;
    fn flush(&mut self) -> Result<Option<tables::Changes>, Fault>;
}
