//! **Event stores**: where events are kept, behind one trait for reading and one for appending.
//!
//! An adapter implements [`EventStore`] and, if events can be appended through it, [`AppendableStore`]. `sqlite` is the
//! embedded store, the default; `memory` is the plain reference that the tests hold adapters against.
//! [`open`] and [`open_for_appending`] are the only places that choose an adapter.

mod id;
mod check;
mod read;
mod append;
pub mod memory;
pub mod sqlite;
mod open;

pub use append::{AppendableStore, BulkAppender, BulkEvent, BulkOutcome, Recorded};
pub use check::{ID_BYTES_MAX, JSON_DEPTH_MAX, NAME_BYTES_MAX, PAYLOAD_BYTES_MAX};
pub use id::EventId;
pub use open::{WhenMissing, open, open_for_appending};
pub use read::{EventStore, EventStore as Source, Follower, Reader, Visit, Wanted};

pub(crate) use check::{check_id, check_json, check_name};
