//! A **batch**: the events of `(after, through]` that a projection asked for, as columns.

use arrow_buffer::ScalarBuffer;

use super::{Column, Range, Symbols, Text};

/// What the guest is given in one `apply`; shapes as in `wit/*/events.wit`.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The positions it covers, whether or not each holds an event that was asked for.
    pub range: Range,
    /// For each event in log order, the index of its type in the subscription.
    pub kinds: ScalarBuffer<u16>,
    /// Positions of the events, one each. Always here, for faults; the guest gets them when it asked.
    pub positions: ScalarBuffer<u64>,
    /// The envelope parts that the projection asked for.
    pub envelope: Envelope,
    /// One for each type of the subscription, in its order; a single one when it takes every type.
    pub groups: Vec<Group>,
}

impl Batch {
    /// How many events.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether the range held nothing that was asked for.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }
}

/// Facts about the events of a batch, one entry an event, as far as they were asked for.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// Whether positions were asked for.
    pub with_positions: bool,
    /// Names of the streams.
    pub streams: Option<Symbols>,
    /// Places in their streams.
    pub stream_versions: Option<ScalarBuffer<u64>>,
    /// Microseconds since 1970.
    pub times: Option<ScalarBuffer<i64>>,
    /// Event ids as text.
    pub ids: Option<Text>,
    /// Names of the event types.
    pub type_names: Option<Symbols>,
    /// The whole metadata as JSON.
    pub metadata: Option<Column>,
    /// The metadata fields asked for.
    pub metadata_fields: Vec<Column>,
}

/// The events of one type: row `i` is the `i`-th event of this type in the batch.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// How many events of this type.
    pub length: u32,
    /// The fields asked for, in the manifest's order.
    pub fields: Vec<Column>,
    /// The whole payloads, when asked for.
    pub document: Option<Text>,
}
