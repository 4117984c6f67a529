//! Events that **own** what they hold, and so have no lifetime.

use serde::de::DeserializeOwned;

use crate::ahead::{ReadEvents, Reading};
use crate::bindings::manifests;
use crate::cells::Cells;
use crate::read::{Groups, document};
use crate::{Envelope, Event, Fault, Json, json};

/// As [`crate::AnyEvent`], with texts of its own, which are copied out of each batch.
///
/// It is what `AnyEvent` means where a file writes it without a lifetime, `type Event = AnyEvent;`: `export!` imports it
/// there.
///
/// ```
/// use projectionist_sdk::owned::AnyEvent;
/// use projectionist_sdk::prelude::*;
/// use projectionist_sdk::testing::{event, given};
/// use serde_json::json;
///
/// #[derive(Row)]
/// struct Last { #[key] stream: String, type_name: String, payload: Json }
///
/// #[derive(Default, Tables)]
/// struct Lasts { lasts: Table<Last> }
///
/// impl Projection for Lasts {
///     type Event = AnyEvent;
///     fn apply(&mut self, event: AnyEvent, envelope: &Envelope) -> Result<(), Fault> {
///         let payload = event.json();
///         self.lasts.put(Last { stream: envelope.stream().into(), type_name: event.type_name, payload });
///         Ok(())
///     }
/// }
/// export!(Lasts, name = "lasts", version = 1);
///
/// given::<Lasts>([event("a", "Opened", json!({})), event("a", "Closed", json!(7))])
///     .then_table("lasts", json!([{"stream": "a", "type_name": "Closed", "payload": 7}]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnyEvent {
    /// The recorded type name.
    pub type_name: String,
    /// The payload, JSON text as recorded.
    pub document: String,
}

impl AnyEvent {
    /// The payload for a row.
    pub fn json(&self) -> Json {
        json::verbatim(&self.document)
    }

    /// The payload read with serde; what does not fit is a fault of the event.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_str(&self.document).map_err(|error| Fault::event(error.to_string()))
    }
}

impl Event for AnyEvent {
    type Of<'a> = AnyEvent;
    type Columns<'a> = [Cells<'a>; 1];
    const PARTS: u8 = <crate::AnyEvent<'static> as Event>::PARTS;

    fn selection() -> manifests::Selection {
        <crate::AnyEvent<'static> as Event>::selection()
    }

    fn columns<'a>(groups: &mut Groups<'a>) -> Result<Self::Columns<'a>, Fault> {
        groups.next(0, true)
    }

    fn read<'e, 'a>(columns: &Self::Columns<'a>, _: usize, reading: Reading<'e, 'a, AnyEvent>) -> ReadEvents<'e> {
        let envelope = *reading.envelope;
        reading.each_at(|row, place| {
            let envelope = Envelope { index: envelope.index + place, ..envelope };
            Ok(AnyEvent { type_name: envelope.type_name().into(), document: document(&columns[0], row)? })
        })
    }
}
