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
mod words;
mod discovered;
mod everything;
mod segment;
mod folder;
mod window;
mod naming;
mod opened;
mod chosen;
mod cut;
mod scan;

pub use chosen::Part;
pub use discovered::FIELDS_MAX;
pub use everything::{BLOCK_BYTES_MAX, BLOCK_EVENTS_MAX, BLOCK_FIELDS_MAX};
pub use folder::{CaughtUp, DamagedFile, History, Pace, SIZES, Sealing, Status};
pub use scan::{Cut, Mend, Scan};
pub use segment::{Block, Damaged, Found, Held, Segment, Words};
pub use shredder::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, Shredder};
