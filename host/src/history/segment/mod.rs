//! A **segment**: one immutable piece of history, everything that was recorded of the events of a range.
//!
//! ```text
//! magic │ buffers of each block, 64-byte aligned, and of the dictionaries │ index (JSON) │ its length │ its checksum │ magic
//! ```
//!
//! Lengths and checksums are 64 bits, little-endian; so are the numbers in the buffers, whose layout is Apache
//! Arrow's. A segment that was cut off, torn or is something else shows at opening, which reads the index alone; each
//! buffer has a checksum in the index (XXH3-64) that is compared when the buffer is first used.

mod damaged;
mod distinct;
mod dictionaries;
mod inferred_columns;
mod builder;
mod index;
mod write;
mod block;
mod open;
mod seal;

pub use block::{Block, FieldRows, Found, KeyColumn, SealedColumn};
pub use builder::{BLOCK_BYTES_MAX, BLOCK_FIELDS_MAX, SMALL_TYPE_EVENTS};
pub use damaged::Damaged;
pub(super) use distinct::{Sketch, mixed};
pub use inferred_columns::FIELDS_MAX;
pub use open::{Segment, Words};
