//! **History** turns recorded JSON into columns, and keeps them.
//!
//! The [`Shredder`] takes events one by one and gives batches: the fields that a projection asked for, each in the
//! narrowest column that loses nothing. A [`Segment`] holds the events of a range, everything that was recorded of
//! them, in the same columns; the [`History`] of a log is a folder of segments. It is a mirror: it can be made from the
//! source again at any time, and a projection comes to the same rows with it and without.

mod numbers;
mod shredder;
mod object;
mod number;
mod field;
mod strings;
mod dictionary;
mod streams;
mod distinct;
mod segment_dictionaries;
mod inferred_columns;
mod segment_builder;
mod segment;
mod sizes;
mod folder;
mod scan;
mod cardinality;

pub use cardinality::{Distinct, distinct_streams, distinct_values};
pub use folder::{CaughtUp, DamagedFile, History, Pace, SIZES, Sealing, Status, TAIL_BYTES_MAX};
pub use inferred_columns::{FIELDS_MAX, RARE_FIELD};
pub use numbers::{DictionaryNumber, SealedKeys, SegmentId, TypeInBlock, TypeInSegment};
pub use scan::{Cut, Mend, Part, Scan};
pub use segment::{Block, Damaged, FieldRows, Found, KeyColumn, SealedColumn, Segment, Words};
pub use segment_builder::{BLOCK_BYTES_MAX, BLOCK_EVENTS_MAX, BLOCK_FIELDS_MAX, SMALL_TYPE_EVENTS, SMALL_TYPES_MIN};
pub use shredder::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, Shredder};
pub use sizes::Sizes;
