//! **History** turns recorded JSON into columns, and keeps them.
//!
//! The [`Shredder`] takes events one by one and gives batches: the fields that a projection asked for, each in the
//! narrowest column that loses nothing. A [`Segment`] holds the events of a range, everything that was recorded of
//! them, in the same columns; the [`History`] of a log is a folder of segments. It is a mirror: it can be made from the
//! source again at any time, and a projection comes to the same rows with it and without.

mod shredder;
mod object;
mod number;
mod field;
mod strings;
mod dictionary;
mod streams;
mod words;
mod discovered;
mod everything;
mod segment;
mod folder;
mod window;
mod naming;
mod opened;
mod weave;
mod chosen;
mod cut;
mod scan;

pub use chosen::Part;
pub use discovered::FIELDS_MAX;
pub use everything::{BLOCK_BYTES_MAX, BLOCK_EVENTS_MAX, BLOCK_FIELDS_MAX};
pub use folder::{CaughtUp, DamagedFile, History, Pace, SIZES, Sealing, Status, TAIL_BYTES_MAX};
pub use scan::{Cut, Mend, Scan};
pub use segment::{Block, Damaged, Found, Held, Segment, Words};
pub use shredder::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, Shredder};
