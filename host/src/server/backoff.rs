//! A **backoff** remembers a fault that may pass, and when to try again: soon at first, then less and less often.

use std::time::{Duration, Instant};

use crate::event::Fault;

/// The first rest, doubled after each failure up to the last.
const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(15);

#[derive(Clone, Debug)]
pub(super) struct Backoff {
    pub fault: Fault,
    rest: Duration,
    /// When to try again; none while it is being tried.
    again: Option<Instant>,
}

impl Backoff {
    /// After a failure, which may have followed an earlier one.
    pub fn after(former: Option<&Backoff>, fault: Fault) -> Backoff {
        let rest = former.map_or(FIRST, |former| (former.rest * 2).min(LAST));
        Backoff { fault, rest, again: Some(Instant::now() + rest) }
    }

    /// When it is to be tried again, unless it is being tried.
    pub fn again(&self) -> Option<Instant> {
        self.again
    }

    /// Whether it rests, and not yet long enough.
    pub fn is_resting(&self, now: Instant) -> bool {
        self.again.is_some_and(|again| again > now)
    }

    /// Notes that it is being tried.
    pub fn trying(&mut self) {
        self.again = None;
    }

    /// Something changed that may help: it is tried at once, and rests shortly after the next failure.
    pub fn hasten(&mut self) {
        self.rest = FIRST / 2;
        self.again = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_longer_each_time_until_something_changes() {
        let fault = || Fault::input("no");
        let mut backoff = Backoff::after(None, fault());
        assert!(backoff.is_resting(Instant::now()));
        for _ in 0..20 {
            let next = Backoff::after(Some(&backoff), fault());
            assert!(next.rest == LAST || next.rest == backoff.rest * 2);
            backoff = next;
        }
        assert_eq!(backoff.rest, LAST);
        backoff.hasten();
        assert!(!backoff.is_resting(Instant::now()) && backoff.again().is_some());
        backoff.trying();
        assert_eq!(backoff.again(), None);
        assert_eq!(Backoff::after(Some(&backoff), fault()).rest, FIRST);
    }
}
