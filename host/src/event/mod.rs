//! **Events**: the facts, and the shapes in which they travel.
//!
//! Plain values only: no I/O, no threads, nothing async, and nothing imported from the rest of the house.
//! Reading order: where an event stands, what it is, how many of them look as columns, what a projection
//! asks for, what it gives back, and what can go wrong.

mod position;
mod timestamp;
mod recorded;
mod column;
mod batch;
mod manifest;
mod check;
mod changes;
mod passing;
mod fault;
mod counted;

pub use batch::{Batch, Envelope, Group};
pub use changes::{Changes, Rows};
pub use check::check_projection_name;
pub use column::{Binary, Bitmap, Column, Str, Symbols, Text, Values};
pub use counted::{count, grouped};
pub use fault::{Blame, Detail, Fault, FaultKind, Result};
pub use manifest::{
    EnvelopeParts, EventType, Index, Kind, Manifest, Partitioning, Selection, Subscription, Table, TableColumn,
};
pub use passing::{Cause, sqlite_code_may_pass};
pub use position::{Position, Range, StreamVersion};
pub use recorded::{EventRef, ExpectedVersion, NewEvent, StreamNumber, TypeIndex, TypeNumber};
pub use timestamp::Timestamp;
