//! A **stop barrier** lets instances that fold beside each other end at the same position when they are stopped.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::event::{Position, Range};

/// How far everybody goes. Scans of partitions cut at the same positions, so they also end at the same one.
pub(super) struct StopBarrier(Mutex<Limits>);

struct Limits {
    /// Nobody begins a batch at or beyond this.
    limit: Position,
    /// The end of the furthest batch that anybody began.
    begun: Position,
}

impl StopBarrier {
    pub fn new(through: Position) -> StopBarrier {
        StopBarrier(Mutex::new(Limits { limit: through, begun: Position::START }))
    }

    /// Whether a batch of `range` may begin.
    pub fn begin(&self, range: Range) -> bool {
        let mut limits = self.limits();
        let may = range.after < limits.limit;
        if may {
            limits.begun = limits.begun.max(range.through);
        }
        may
    }

    /// Lets everybody come to where the furthest is, and end there.
    pub fn stop(&self) {
        let mut limits = self.limits();
        limits.limit = limits.limit.min(limits.begun);
    }

    /// Ends everybody now; what they have is of no use.
    pub fn give_up(&self) {
        self.limits().limit = Position::START;
    }

    /// Whether nobody need begin any more.
    pub fn is_given_up(&self) -> bool {
        self.limits().limit == Position::START
    }

    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_are_stopped_end_where_the_furthest_is() {
        let barrier = StopBarrier::new(Position(100));
        let batch = |after, through| Range { after: Position(after), through: Position(through) };
        assert!(barrier.begin(batch(0, 10)));
        assert!(barrier.begin(batch(10, 20)));
        barrier.stop();
        assert!(barrier.begin(batch(0, 10)), "the slower one goes on");
        assert!(barrier.begin(batch(10, 20)));
        assert!(!barrier.begin(batch(20, 30)));
        assert!(!barrier.is_given_up());
        barrier.give_up();
        assert!(!barrier.begin(batch(0, 10)));
        assert!(barrier.is_given_up());
    }
}
