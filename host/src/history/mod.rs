//! **History** turns recorded JSON into columns.
//!
//! The [`Shredder`] takes events one by one and gives batches: the fields that a projection asked for, each in the
//! narrowest column that loses nothing.

mod shredder;
mod object;
mod number;
mod field;
mod strings;
mod dictionary;
mod streams;

pub use shredder::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, Shredder};
