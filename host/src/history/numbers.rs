//! The **numbers** that history goes by, each a type of its own.
//!
//! A number means something only to whoever gave it: the third type of one block is another than the third of the
//! next. A number that is used where another is meant does not compile.

use std::sync::atomic::{AtomicU64, Ordering};

use arrow_buffer::ScalarBuffer;
use serde::{Deserialize, Serialize};

/// A segment as it was opened: no other that this process opens has the same number, not even the same file again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SegmentId(u64);

impl SegmentId {
    /// One that was never given before.
    pub(super) fn next() -> SegmentId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        SegmentId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A dictionary among those of its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DictionaryNumber(pub(super) u32);

/// An event type among those of its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeInBlock(pub(super) u16);

/// An event type among those of its segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TypeInSegment(pub(super) u32);

/// A dictionary among all that this process reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum DictionaryId {
    /// One of the segment's own.
    OfSegment(SegmentId, DictionaryNumber),
    /// The names of its event types, whose keys are their numbers in the segment.
    TypeNames(SegmentId),
}

impl DictionaryId {
    /// The segment that it is of.
    pub fn segment(self) -> SegmentId {
        match self {
            DictionaryId::OfSegment(segment, _) | DictionaryId::TypeNames(segment) => segment,
        }
    }
}

/// An event type among those of a block that a projection takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TakenType(pub u16);

impl TakenType {
    /// Its place in a list with one entry for each taken type.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Keys into a dictionary as it was sealed. A plugin instance has keys of its own for the same words.
#[derive(Clone, Debug, PartialEq)]
pub struct SealedKeys(pub(super) ScalarBuffer<u32>);

impl std::ops::Deref for SealedKeys {
    type Target = [u32];
    fn deref(&self) -> &[u32] {
        &self.0
    }
}

/// The key that a plugin instance knows a word of one of its dictionaries by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InstanceKey(pub u32);
