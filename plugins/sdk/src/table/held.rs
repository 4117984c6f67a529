//! What a table knows of a row that it **holds**, beside the row.

/// In one number, since there is one for each row: the batch in which it was last reached, and four marks.
#[derive(Clone, Copy)]
pub(super) struct Held(u32);

/// The row is there; else it is known not to be.
pub(super) const LIVE: u32 = 1;
/// It waits for a flush.
pub(super) const DIRTY: u32 = 2;
/// The read model may have a row with its key.
pub(super) const STORED: u32 = 4;
/// It is among those that were reached since they were last weighed.
pub(super) const REACHED: u32 = 8;

const MARKS: u32 = 4;

/// Batches are counted below this.
pub(super) const BATCHES_MAX: u32 = u32::MAX >> MARKS;

impl Held {
    pub(super) fn new(batch: u32, marks: u32) -> Held {
        Held(batch << MARKS | marks)
    }

    /// Whether it has one of these marks.
    pub(super) fn is(self, marks: u32) -> bool {
        self.0 & marks != 0
    }

    pub(super) fn set(&mut self, marks: u32, on: bool) {
        self.0 = self.0 & !marks | if on { marks } else { 0 };
    }

    /// The batch in which it was last reached.
    pub(super) fn batch(self) -> u32 {
        self.0 >> MARKS
    }

    #[inline]
    pub(super) fn reach_in(&mut self, batch: u32) {
        self.0 = batch << MARKS | self.0 & ((1 << MARKS) - 1);
    }
}
