//! An **event** type says which recorded types a projection takes, and which of their fields; its values are read
//! from columns.

use serde::de::DeserializeOwned;

use crate::ahead::{ReadEvents, Reading};
use crate::bindings::manifests;
use crate::cells::Cells;
use crate::dictionary::Text;
use crate::envelope::parts;
use crate::read::{Groups, document};
use crate::{Envelope, Fault, Json, json};

/// What a projection takes; derive it with `#[derive(Event)]`, or use [`AnyEvent`].
///
/// An enum has a variant for each recorded type, and each field of a variant is a top-level field of the payload.
/// Only what is named here is read and crosses into the plugin. An event that does not fit is a fault that names the
/// event, the field and the reason; see [`crate::Field`] for the types.
///
/// | on | attribute | what it says |
/// | --- | --- | --- |
/// | a variant | `#[event(name = "ledger.deposited")]` | the recorded type name; the variant's name unless told |
/// | a variant | `#[event(alias = "Paid")]` | a name the type had earlier; may be repeated |
/// | a field | `#[event(rename = "sum")]` | the recorded field name; the field's name unless told |
/// | a field | `#[event(alias = "total")]` | a name the field had earlier; the first that an event has counts |
/// | a field | `#[event(default)]`, `#[event(default = 5)]` | what it is when the event does not have it |
/// | a field | `#[event(json)]` | any serde type (a `Vec` or a map needs no telling) |
/// | a field | `#[event(document)]` | the whole payload: `&str`, `String` or [`Json`]; any serde type with `json` too |
/// | the enum | `#[event(rename_all = "camelCase")]` | how field names are spelled in the events |
///
/// ```
/// use projectionist_sdk::prelude::*;
/// use projectionist_sdk::testing::{event, given};
/// use serde::Deserialize;
/// use serde_json::json;
///
/// #[derive(Fields)]
/// struct Payment { amount: i64, #[event(default = "EUR".into())] currency: String }
///
/// #[derive(Deserialize)]
/// struct Item { name: String, pieces: u32 }
///
/// #[derive(Event)]
/// #[event(rename_all = "camelCase")]
/// enum Order<'a> {
///     // Borrowed: nothing is copied out of the batch.
///     Placed { customer: Text<'a>, order_lines: Vec<Item> },
///     // The payload's fields in a struct of their own.
///     #[event(alias = "Payed")]
///     Paid(Payment),
///     // The whole payload, read with serde.
///     #[event(json)]
///     Returned(Vec<String>),
///     Cancelled,
/// }
///
/// #[derive(Row)]
/// struct State { #[key] order: String, customer: String, pieces: u32, paid: i64, cancelled: bool }
///
/// #[derive(Default, Tables)]
/// struct Orders { orders: Table<State> }
///
/// impl Projection for Orders {
///     type Event = Order<'static>;
///     fn apply(&mut self, event: Order, envelope: &Envelope) -> Result<(), Fault> {
///         let row = self.orders.entry(envelope.stream());
///         match event {
///             Order::Placed { customer, order_lines } => {
///                 row.customer = customer.into();
///                 row.pieces = order_lines.iter().filter(|item| item.name != "gift").map(|item| item.pieces).sum();
///             }
///             Order::Paid(Payment { amount, currency }) if currency == "EUR" => row.paid += amount,
///             Order::Paid(_) => return Err(Fault::new("only euros are taken")),
///             Order::Returned(names) => row.pieces -= names.len() as u32,
///             Order::Cancelled => row.cancelled = true,
///         }
///         Ok(())
///     }
/// }
/// export!(Orders, name = "orders", version = 1);
///
/// given::<Orders>([
///     event("o-1", "Placed", json!({"customer": "ann", "orderLines": [{"name": "tea", "pieces": 3}]})),
///     event("o-1", "Payed", json!({"amount": 12})),
///     event("o-1", "Returned", json!(["tea"])),
/// ])
/// .then([State { order: "o-1".into(), customer: "ann".into(), pieces: 2, paid: 12, cancelled: false }]);
/// ```
///
/// A struct with `#[event(every)]` stands for every type, each with those of its fields that an event has:
///
/// ```
/// use projectionist_sdk::prelude::*;
/// use projectionist_sdk::testing::{event, given};
/// use serde_json::json;
///
/// #[derive(Event)]
/// #[event(every)]
/// struct Anything { user: Option<String>, #[event(document)] payload: Json }
///
/// #[derive(Row)]
/// struct Entry { #[key] position: u64, type_name: String, user: Option<String>, payload: Json }
///
/// #[derive(Default, Tables)]
/// struct Audit { log: InsertTable<Entry> }
///
/// impl Projection for Audit {
///     type Event = Anything;
///     fn apply(&mut self, Anything { user, payload }: Anything, envelope: &Envelope) -> Result<(), Fault> {
///         let type_name = envelope.type_name().into();
///         self.log.insert(Entry { position: envelope.position(), type_name, user, payload });
///         Ok(())
///     }
/// }
/// export!(Audit, name = "audit", version = 1, envelope = [position, type_name]);
///
/// given::<Audit>([event("a", "Opened", json!({"user": "ann"})), event("a", "Closed", json!({}))])
///     .then_table("log", json!([
///         {"position": 1, "type_name": "Opened", "user": "ann", "payload": {"user": "ann"}},
///         {"position": 2, "type_name": "Closed", "payload": {}},
///     ]));
/// ```
#[diagnostic::on_unimplemented(message = "`{Self}` is no event type", note = "derive it: `#[derive(Event)]`")]
pub trait Event {
    /// The event as the projection gets it, perhaps borrowing from its batch.
    type Of<'a>;

    #[doc(hidden)]
    type Columns<'a>;

    /// Envelope parts that reading it needs.
    #[doc(hidden)]
    const PARTS: u8 = 0;

    #[doc(hidden)]
    fn selection() -> manifests::Selection;

    #[doc(hidden)]
    fn columns<'a>(groups: &mut Groups<'a>) -> Result<Self::Columns<'a>, Fault>;

    /// Reads the next events of the type `kind`.
    #[doc(hidden)]
    fn read<'e, 'a>(columns: &Self::Columns<'a>, kind: usize, reading: Reading<'e, 'a, Self::Of<'a>>)
    -> ReadEvents<'e>;
}

/// A struct whose fields are payload fields; derive it with `#[derive(Fields)]` and use it inside an event's
/// variant: `Paid(Payment)`, as in the example of [`Event`]. It takes the same attributes as a variant's fields.
#[diagnostic::on_unimplemented(
    message = "the fields of `{Self}` are not known",
    note = "derive them: `#[derive(Fields)]`; or read it from the whole payload with serde: `#[event(json)]`"
)]
pub trait Fields<'a>: Sized {
    #[doc(hidden)]
    fn names() -> Vec<String>;

    #[doc(hidden)]
    fn document() -> bool;

    #[doc(hidden)]
    fn read(cells: &[Cells<'a>], row: usize) -> Result<Self, Fault>;
}

/// Every event, whatever its type, with its whole payload: for audit logs and the like.
///
/// It borrows from its batch, and `type Event = AnyEvent<'static>;` says so: the lifetime stands for that of whatever batch
/// an event comes in. Written without, `type Event = AnyEvent;` in the file that calls `export!`, it is
/// [`crate::owned::AnyEvent`], which has a copy of each text.
///
/// ```
/// use projectionist_sdk::prelude::*;
/// use projectionist_sdk::testing::{event, given};
/// use serde_json::json;
///
/// #[derive(Row)]
/// struct Count { #[key] type_name: String, events: u64 }
///
/// #[derive(Default, Tables)]
/// struct Census { counts: Table<Count> }
///
/// impl Projection for Census {
///     type Event = AnyEvent<'static>;
///     fn apply(&mut self, event: AnyEvent, _: &Envelope) -> Result<(), Fault> {
///         self.counts.entry(event.type_name).events += 1;
///         Ok(())
///     }
/// }
/// export!(Census, name = "census", version = 1);
///
/// given::<Census>([event("a", "Opened", json!({})), event("b", "Opened", json!({})), event("a", "Closed", json!(7))])
///     .then([Count { type_name: "Closed".into(), events: 1 }, Count { type_name: "Opened".into(), events: 2 }]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AnyEvent<'a> {
    /// The recorded type name.
    pub type_name: Text<'a>,
    /// The payload, JSON text as recorded.
    pub document: &'a str,
}

impl AnyEvent<'_> {
    /// The payload as an owned value, for a row.
    pub fn json(&self) -> Json {
        json::verbatim(self.document)
    }

    /// The payload read with serde; what does not fit is a fault of the event.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_str(self.document).map_err(|error| Fault::event(error.to_string()))
    }
}

impl Event for AnyEvent<'static> {
    type Of<'a> = AnyEvent<'a>;
    type Columns<'a> = [Cells<'a>; 1];
    const PARTS: u8 = parts::TYPE_NAME;

    fn selection() -> manifests::Selection {
        manifests::Selection::Every(manifests::EventType { name: String::new(), fields: Vec::new(), document: true })
    }

    fn columns<'a>(groups: &mut Groups<'a>) -> Result<Self::Columns<'a>, Fault> {
        groups.next(0, true)
    }

    fn read<'e, 'a>(columns: &Self::Columns<'a>, _: usize, reading: Reading<'e, 'a, AnyEvent<'a>>) -> ReadEvents<'e> {
        let envelope = *reading.envelope;
        reading.each_at(|row, place| {
            let envelope = Envelope { index: envelope.index + place, ..envelope };
            Ok(AnyEvent { type_name: envelope.type_name(), document: document(&columns[0], row)? })
        })
    }
}
