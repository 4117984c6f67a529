//! **Tier-up**: whether a build that runs quick code would be done sooner if it were started over with optimised code.

use std::time::{Duration, Instant};

use super::thresholds::{OPTIMISED_SHARE, TIER_UP_AFTER, TIER_UP_SHARE, TierUpRule};
use crate::event::Position;

/// How a build that runs quick code comes along.
pub(super) struct TierUp {
    rule: TierUpRule,
    started: Instant,
    /// About how long the optimised code takes to be made.
    optimise: Duration,
}

impl TierUp {
    /// Of a build that starts now.
    pub fn new(rule: TierUpRule, optimise: Duration) -> TierUp {
        TierUp { rule, started: Instant::now(), optimise }
    }

    /// Whether to start over, having come to `covered` on the way to `through`.
    pub fn is_slow(&self, covered: Position, through: Position) -> bool {
        match self.rule {
            TierUpRule::Measured => is_slow(self.started.elapsed(), self.optimise, covered, through),
            TierUpRule::At(position) => covered >= position,
            TierUpRule::Never => false,
        }
    }
}

fn is_slow(elapsed: Duration, optimise: Duration, covered: Position, through: Position) -> bool {
    if elapsed < TIER_UP_AFTER || through == Position::START {
        return false;
    }
    let done = covered.0 as f64 / through.0 as f64;
    let (elapsed, optimise) = (elapsed.as_secs_f64(), optimise.as_secs_f64());
    // Where nothing is done yet, the whole seems to take for ever.
    let whole = elapsed / done.max(1e-9);
    optimise + whole * OPTIMISED_SHARE < (whole - elapsed) * TIER_UP_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_soon_done_goes_on() {
        let ms = Duration::from_millis;
        let is_slow = |elapsed, done| is_slow(ms(elapsed), ms(50), Position(done), Position(1_000));
        assert!(!is_slow(10, 0), "nothing can be said yet");
        assert!(is_slow(20, 0) && is_slow(20, 10), "two seconds against one");
        assert!(!is_slow(20, 200), "100 ms");
        assert!(is_slow(100, 100) && !is_slow(900, 900), "the same speed, early and late");
        assert!(!is_slow(1_000, 1_000));
    }
}
