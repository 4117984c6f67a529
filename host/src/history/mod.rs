//! **History** turns recorded JSON into columns, and keeps them.
//!
//! The [`Shredder`] takes events one by one and gives batches: the fields that a projection asked for, each in the
//! narrowest column that loses nothing. A [`Segment`] holds the events of a range, everything that was recorded of
//! them, in the same columns; the [`History`] of a log is a folder of segments. It is a mirror: it can be made from the
//! source again at any time, and a projection comes to the same rows with it and without.

mod numbers;
mod sizes;
mod storage_fault;
mod json;
mod segment;
mod scan;
mod folder;
mod cardinality;

pub use cardinality::{Distinct, distinct_streams, distinct_values};
pub use folder::{CaughtUp, DamagedFile, History, Pace, Sealing, Status, TAIL_BYTES_MAX};
pub use json::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, Shredder};
pub use numbers::{DictionaryNumber, SealedKeys, SegmentId, TypeInBlock, TypeInSegment};
pub use scan::{Cut, Mend, Part, Scan};
pub use segment::{
    BLOCK_BYTES_MAX, BLOCK_FIELDS_MAX, Block, Damaged, FIELDS_MAX, FieldRows, Found, KeyColumn, SMALL_TYPE_EVENTS,
    SealedColumn, Segment, Words,
};
pub use sizes::{BLOCK_EVENTS_MAX, RARE_FIELD, SIZES, SMALL_TYPES_MIN, Sizes};
