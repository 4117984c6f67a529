//! The **sizes** of a history: what one segment covers, what one block holds, and what becomes a column.

/// Positions that a segment covers: the newest events are sealed in small ones, and small ones are replaced by larger
/// as the log grows.
pub const SIZES: [u64; 3] = [1 << 14, 1 << 17, 1 << 20];
/// A block takes no more events than this.
pub const BLOCK_EVENTS_MAX: usize = 65_536;
/// A field that fewer than one in so many events of its type have is no column of the block.
pub const RARE_FIELD: usize = 256;
/// When more types than this have few events in a block, those stand together.
pub const SMALL_TYPES_MIN: usize = 64;
/// What is remembered from block to block (dictionaries, names); past it a segment's dictionaries start anew.
const MEMORY_BYTES_MAX: usize = 128 << 20;

/// How much the segments and blocks of a history hold. Every process that uses a history must use the same segment
/// sizes. With small ones a log of some hundred events crosses as many borders as a long one does with the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Positions that a segment covers: ascending, each a multiple of the one before.
    pub segments: [u64; 3],
    /// Events that a block holds at most; from 1 to [`BLOCK_EVENTS_MAX`].
    pub block_events: usize,
    /// Bytes that dictionaries and names take in memory at most, before a segment begins new dictionaries.
    pub dictionary_bytes: usize,
    /// A field that fewer than one in so many events of its type have is no column of a block.
    pub rare_field: usize,
    /// When more types than this have few events in a block, those stand together, without columns of their fields.
    pub small_types: usize,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes {
            segments: SIZES,
            block_events: BLOCK_EVENTS_MAX,
            dictionary_bytes: MEMORY_BYTES_MAX,
            rare_field: RARE_FIELD,
            small_types: SMALL_TYPES_MIN,
        }
    }
}

impl Sizes {
    /// Panics when they cannot be used; they are constants of a program, never input.
    pub(super) fn checked(self) -> Sizes {
        let [small, middle, large] = self.segments;
        assert!(small > 0 && middle.is_multiple_of(small) && large.is_multiple_of(middle), "{self:?}");
        assert!((1..=BLOCK_EVENTS_MAX).contains(&self.block_events), "{self:?}");
        self
    }
}
