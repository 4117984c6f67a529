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

    /// One of the things that can happen next: a part goes on, or everybody is stopped.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Next {
        Part(usize),
        Stop,
    }

    /// Where two parts of four batches end when things happen in this order, and then the rest goes on.
    fn ends(order: &[Next]) -> [u64; 2] {
        let barrier = StopBarrier::new(Position(40));
        let (mut covered, mut has_ended) = ([0; 2], [false; 2]);
        let rest = (0..10).map(|turn| Next::Part(turn % 2));
        for next in order.iter().copied().chain(rest) {
            match next {
                Next::Stop => barrier.stop(),
                Next::Part(part) if has_ended[part] => {}
                Next::Part(part) => {
                    let range = Range { after: Position(covered[part]), through: Position(covered[part] + 10) };
                    let goes_on = covered[part] < 40 && barrier.begin(range);
                    covered[part] += if goes_on { 10 } else { 0 };
                    has_ended[part] = !goes_on;
                }
            }
        }
        covered
    }

    /// Every order of up to nine of them: more make no difference to four batches.
    #[test]
    fn both_parts_end_at_the_same_position_in_every_order() {
        let mut orders = vec![Vec::new()];
        for _ in 0..9 {
            let longer = orders.iter().flat_map(|order: &Vec<Next>| {
                [Next::Part(0), Next::Part(1), Next::Stop].map(|next| [&order[..], &[next]].concat())
            });
            orders = longer.collect();
        }
        for order in orders {
            let [one, other] = ends(&order);
            assert_eq!(one, other, "{order:?}");
            assert!(order.contains(&Next::Stop) || one == 40, "{order:?}");
        }
    }
}
