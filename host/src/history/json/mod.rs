//! From recorded **JSON** to columns: where fields stand in a text, what a value is, and columns that grow.
//!
//! The [`Shredder`] puts it together for one subscription; segments use the same parts, so that values are the same.

pub(in crate::history) mod object;
pub(in crate::history) mod number;
pub(in crate::history) mod strings;
pub(in crate::history) mod dictionary;
pub(in crate::history) mod field;
pub(in crate::history) mod names;
pub(in crate::history) mod shredder;

pub use shredder::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, Shredder};
