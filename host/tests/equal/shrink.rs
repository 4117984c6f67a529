//! **Shrinks** a case that differs: takes away events, then choices of its way, as long as it still does.

use std::time::{Duration, Instant};

use crate::case::Case;
use crate::way::{CodeWay, Way};

/// Shrinking goes on for so long at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// The smallest case found that still differs, and how it does.
pub fn shrink(mut case: Case, mut difference: String) -> (Case, String) {
    let started = Instant::now();
    let mut chunk = case.events.len().div_ceil(2);
    while chunk > 0 && started.elapsed() < PATIENCE {
        let (mut at, mut is_smaller) = (0, false);
        while at < case.events.len() && started.elapsed() < PATIENCE {
            let mut smaller = case.clone();
            smaller.events.drain(at..(at + chunk).min(case.events.len()));
            match smaller.run() {
                Err(found) if !smaller.events.is_empty() => {
                    (case, difference, is_smaller) = (smaller, found, true);
                }
                _ => at += chunk,
            }
        }
        chunk = if is_smaller && chunk == 1 { 1 } else { chunk / 2 };
    }
    for way in simpler(&case.way) {
        if started.elapsed() > PATIENCE {
            break;
        }
        let candidate = Case { way: way(case.way.clone()), ..case.clone() };
        if candidate.way != case.way
            && let Err(found) = candidate.run()
        {
            (case, difference) = (candidate, found);
        }
    }
    (case, difference)
}

type Simplify = fn(Way) -> Way;

/// Each makes one choice as plain as it can be.
fn simpler(_: &Way) -> [Simplify; 13] {
    [
        |way| Way { stretches: way.stretches.last().cloned().into_iter().collect(), ..way },
        |way| Way { stop_after: None, ..way },
        |way| Way { history: None, ..way },
        |way| Way { code: CodeWay::Optimised, ..way },
        |way| Way { is_parallel: false, ..way },
        |way| Way { is_partitioned: false, partitions: 1, ..way },
        |way| Way { partitions: 2, ..way },
        |way| Way { waves: 1, ..way },
        |way| Way { lookups: 10_000, ..way },
        |way| Way { build_bytes: 64 << 20, ..way },
        |way| Way { writes_pages: false, ..way },
        |way| Way { batch_bytes: 16 << 20, ..way },
        |way| Way { flush_rows: 250_000, ..way },
    ]
}
