//! **StopBarrier** let instances that fold beside each other end at the same position when they are stopped.

use std::sync::{Mutex, PoisonError};

use crate::event::{Position, Range};

/// How far everybody goes. Scans of partitions cut at the same positions, so they also end at the same one.
pub(super) struct StopBarrier(Mutex<Turn>);

struct Turn {
    /// Nobody begins a batch at or beyond this.
    limit: Position,
    /// The end of the furthest batch that anybody began.
    begun: Position,
}

impl StopBarrier {
    pub fn new(through: Position) -> StopBarrier {
        StopBarrier(Mutex::new(Turn { limit: through, begun: Position::START }))
    }

    /// Whether a batch of `range` may begin.
    pub fn begin(&self, range: Range) -> bool {
        let mut turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let may = range.after < turn.limit;
        if may {
            turn.begun = turn.begun.max(range.through);
        }
        may
    }

    /// Lets everybody come to where the furthest is, and end there.
    pub fn stop(&self) {
        let mut turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turn.limit = turn.limit.min(turn.begun);
    }

    /// Lets nobody go beyond `through`, where nobody is yet.
    pub fn shorten(&self, through: Position) {
        let mut turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turn.limit = turn.limit.min(through);
    }

    /// Ends everybody now; what they have is of no use.
    pub fn give_up(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).limit = Position::START;
    }

    /// Where everybody ends.
    pub fn end(&self) -> Position {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_are_stopped_end_where_the_furthest_is() {
        let turns = StopBarrier::new(Position(100));
        let batch = |after, through| Range { after: Position(after), through: Position(through) };
        assert!(turns.begin(batch(0, 10)));
        assert!(turns.begin(batch(10, 20)));
        turns.stop();
        assert!(turns.begin(batch(0, 10)), "the slower one goes on");
        assert!(turns.begin(batch(10, 20)));
        assert!(!turns.begin(batch(20, 30)));
        assert_eq!(turns.end(), Position(20));
        turns.give_up();
        assert!(!turns.begin(batch(0, 10)));
    }
}
