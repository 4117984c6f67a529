//! The **memory budget** of the process: one number that bounds what all projections take together.
//!
//! Whoever needs memory has a [`MemoryShare`] of the budget. A build reserves its share before it starts, and waits
//! for room; what serves begins with nothing and takes as it grows. A [`MemoryPermit`] is what one holder, such as an
//! instance or the rows that wait to be written, has of a share at the moment. Nothing here waits: what does not fit
//! is refused, and [`MemoryBudget::when_freed`] tells when to ask again.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// All of the memory. Cheap to clone; clones are the same budget.
#[derive(Clone)]
pub struct MemoryBudget(Arc<Budget>);

struct Budget {
    bytes_max: u64,
    taken: Mutex<Taken>,
    freed: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

#[derive(Default)]
struct Taken {
    bytes: u64,
    peak: u64,
}

/// Reservations leave this part of the budget to those that grow: what serves, above all.
const GROWTH: u64 = 8;

/// It does not fit at the moment, or never will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// What the whole budget is.
    pub bytes_max: u64,
    /// Whether others hold some of it, so that it may fit later.
    pub may_pass: bool,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    pub fn new(bytes_max: u64) -> MemoryBudget {
        MemoryBudget(Arc::new(Budget { bytes_max, taken: Mutex::default(), freed: OnceLock::new() }))
    }

    /// How much there is.
    pub fn bytes_max(&self) -> u64 {
        self.0.bytes_max
    }

    /// How much of it is taken or reserved.
    pub fn bytes_taken(&self) -> u64 {
        self.taken().bytes
    }

    /// The most that was ever taken or reserved at once.
    pub fn bytes_peak(&self) -> u64 {
        self.taken().peak
    }

    /// The largest share that can ever be reserved.
    pub fn reservation_max(&self) -> u64 {
        self.0.bytes_max - self.0.bytes_max / GROWTH
    }

    /// A share with nothing reserved, which takes as it grows.
    pub fn share(&self) -> MemoryShare {
        MemoryShare(Arc::new(Share { budget: self.clone(), holding: Mutex::default() }))
    }

    /// A share with so many bytes reserved; none while there is no room. More than [`MemoryBudget::reservation_max`]
    /// counts as that.
    pub fn reserve(&self, bytes: u64) -> Option<MemoryShare> {
        let reserved = bytes.min(self.reservation_max());
        self.take(reserved, self.reservation_max()).ok()?;
        let holding = Mutex::new(Holding { reserved, used: 0 });
        Some(MemoryShare(Arc::new(Share { budget: self.clone(), holding })))
    }

    /// A share with so many bytes reserved, or with what is left of them when there is less room: for one that is alone and
    /// would wait for ever for those that serve.
    pub fn reserve_up_to(&self, bytes: u64) -> MemoryShare {
        let mut taken = self.taken();
        let reserved = bytes.min(self.reservation_max().saturating_sub(taken.bytes));
        taken.bytes += reserved;
        taken.peak = taken.peak.max(taken.bytes);
        drop(taken);
        let holding = Mutex::new(Holding { reserved, used: 0 });
        MemoryShare(Arc::new(Share { budget: self.clone(), holding }))
    }

    /// Calls this, once set, each time something was given back. It must be quick and take nothing itself.
    pub fn when_freed(&self, call: impl Fn() + Send + Sync + 'static) {
        // Only the first counts: there is one host for a budget.
        let _ = self.0.freed.set(Box::new(call));
    }

    fn take(&self, bytes: u64, bytes_max: u64) -> Result<(), Shortage> {
        let mut taken = self.taken();
        match taken.bytes.checked_add(bytes) {
            Some(sum) if sum <= bytes_max => {
                taken.bytes = sum;
                taken.peak = taken.peak.max(sum);
                Ok(())
            }
            _ => Err(Shortage { bytes_max: self.0.bytes_max, may_pass: bytes <= bytes_max }),
        }
    }

    fn give_back(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let mut taken = self.taken();
        taken.bytes = taken.bytes.saturating_sub(bytes); // an unlimited share never took what it holds
        drop(taken);
        if let Some(freed) = self.0.freed.get() {
            freed();
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBudget").field("max", &self.bytes_max()).field("taken", &self.bytes_taken()).finish()
    }
}

/// One projection's part of the budget. Cheap to clone; clones are the same share. What is reserved is given back
/// with the last of them.
#[derive(Clone, Debug)]
pub struct MemoryShare(Arc<Share>);

#[derive(Debug)]
struct Share {
    budget: MemoryBudget,
    holding: Mutex<Holding>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Holding {
    reserved: u64,
    used: u64,
}

impl Holding {
    /// What of the budget is held.
    fn bytes(self) -> u64 {
        self.reserved.max(self.used)
    }
}

impl MemoryShare {
    /// A share that everything fits into.
    pub fn unlimited() -> MemoryShare {
        let holding = Mutex::new(Holding { reserved: u64::MAX, used: 0 });
        MemoryShare(Arc::new(Share { budget: MemoryBudget::new(u64::MAX), holding }))
    }

    /// What is reserved and not used.
    pub fn available(&self) -> u64 {
        let Holding { reserved, used } = *self.holding();
        reserved.saturating_sub(used)
    }

    /// A permit for nothing yet.
    pub fn permit(&self) -> MemoryPermit {
        MemoryPermit { share: self.clone(), bytes: 0 }
    }

    /// Gives back what was reserved and is not used: from now on it takes as it grows.
    pub fn release_reservation(&self) {
        // Whatever the sum was before, giving back always fits.
        let _ = self.change(|holding| holding.reserved = 0);
    }

    fn change(&self, change: impl FnOnce(&mut Holding)) -> Result<(), Shortage> {
        let budget = &self.0.budget;
        let mut holding = self.holding();
        let mut changed = *holding;
        change(&mut changed);
        let (before, after) = (holding.bytes(), changed.bytes());
        if after > before {
            budget.take(after - before, budget.bytes_max()).map_err(|shortage| {
                // What this share holds itself would not come free by waiting.
                let may_pass = after <= budget.bytes_max();
                Shortage { may_pass, ..shortage }
            })?;
        }
        *holding = changed;
        drop(holding);
        budget.give_back(before.saturating_sub(after));
        Ok(())
    }

    fn holding(&self) -> MutexGuard<'_, Holding> {
        self.0.holding.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let held = self.holding.get_mut().unwrap_or_else(PoisonError::into_inner).bytes();
        self.budget.give_back(held);
    }
}

/// What one holder has of a share; given back when dropped.
#[derive(Debug)]
pub struct MemoryPermit {
    share: MemoryShare,
    bytes: u64,
}

impl MemoryPermit {
    /// How much it is for.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes it for so many bytes; when they do not fit it stays as it is.
    pub fn resize(&mut self, bytes: u64) -> Result<(), Shortage> {
        let former = self.bytes;
        self.share.change(|holding| holding.used = (holding.used - former).saturating_add(bytes))?;
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        // Giving back always fits.
        let _ = self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn what_is_taken_never_exceeds_the_budget() {
        let budget = MemoryBudget::new(100);
        let share = budget.share();
        let (mut first, mut second) = (share.permit(), budget.share().permit());
        first.resize(60).unwrap();
        assert_eq!(second.resize(41), Err(Shortage { bytes_max: 100, may_pass: true }));
        second.resize(40).unwrap();
        assert_eq!(budget.bytes_taken(), 100);
        drop(first);
        assert_eq!((budget.bytes_taken(), budget.bytes_peak()), (40, 100));
        assert_eq!(second.resize(101), Err(Shortage { bytes_max: 100, may_pass: false }), "it never fits");
        assert_eq!(second.bytes(), 40);
    }

    #[test]
    fn a_reservation_is_used_up_before_more_is_taken() {
        let budget = MemoryBudget::new(80);
        let share = budget.reserve(50).unwrap();
        let mut permit = share.permit();
        permit.resize(30).unwrap();
        assert_eq!((budget.bytes_taken(), share.available()), (50, 20));
        permit.resize(60).unwrap();
        assert_eq!((budget.bytes_taken(), share.available()), (60, 0));
        permit.resize(10).unwrap();
        assert_eq!(budget.bytes_taken(), 50);
        share.release_reservation();
        assert_eq!(budget.bytes_taken(), 10);
        drop((permit, share));
        assert_eq!(budget.bytes_taken(), 0);
    }

    #[test]
    fn reservations_wait_and_leave_room_for_growth() {
        let budget = MemoryBudget::new(80);
        let freed = Arc::new(AtomicUsize::new(0));
        let counted = freed.clone();
        budget.when_freed(move || _ = counted.fetch_add(1, Ordering::Relaxed));
        let build = budget.reserve(70).unwrap();
        assert!(budget.reserve(1).is_none(), "the last eighth is for those that grow");
        let mut live = budget.share().permit();
        live.resize(10).unwrap();
        drop(build);
        assert_eq!(freed.load(Ordering::Relaxed), 1);
        assert!(budget.reserve(1_000).is_none(), "the largest there can be, while another holds some");
        let rest = budget.reserve_up_to(1_000);
        assert_eq!((rest.available(), budget.bytes_taken()), (60, 70), "what is left beside those that serve");
        assert_eq!(budget.reserve_up_to(1_000).available(), 0);
        drop(rest);
        drop(live);
        assert_eq!(budget.reserve(1_000).unwrap().available(), 70);
    }
}
