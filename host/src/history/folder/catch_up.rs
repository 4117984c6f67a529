//! **Catching up**: sealing what of the log is not sealed yet.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::files::lock;
use super::history::{File, History};
use super::lock::SealingLock;
use super::names::{key, wanted};
use super::seal::{Made, seal};
use crate::event::{Fault, Position, Range, Result};
use crate::event_store::Source;

/// How often progress is told.
const TELL: Duration = Duration::from_millis(50);
/// With less to seal, a second thread is not worth its start.
const THREADS_EVENTS_MIN: u64 = 1 << 16;
/// How long a gentle one works before it rests as long.
const WORK: Duration = Duration::from_millis(5);

/// How hard to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// On all cores.
    Full,
    /// On one, at most half of the time: beside projections that follow the log.
    Gentle,
}

/// How far a catching up has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// Events shredded so far.
    pub events: u64,
    /// Positions to be sealed in all.
    pub events_total: u64,
    /// Segments sealed so far.
    pub segments: usize,
    /// Segments to be sealed in all.
    pub segments_total: usize,
}

/// What a catching up did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct CaughtUp {
    /// Segments sealed.
    pub segments: usize,
    /// Events in them.
    pub events: u64,
    /// How far the log is sealed now.
    pub through: Position,
    /// Somebody else is sealing, so nothing was done.
    pub is_elsewhere: bool,
    /// The watch ended it.
    pub is_stopped: bool,
}

/// What the threads of one catching up share.
struct Work<'a> {
    history: &'a History,
    source: &'a dyn Source,
    pace: Pace,
    plan: &'a [Range],
    next: AtomicUsize,
    events: AtomicU64,
    is_stopped: AtomicBool,
    /// The first that went wrong.
    fault: Mutex<Option<Fault>>,
}

impl History {
    /// Seals everything through `through` (or the head, when that is less) that makes a whole segment and is not
    /// sealed: what was damaged and what is missing too. Smaller segments are replaced by larger ones where those have
    /// become whole. `watch` is told several times a second, and ends it by breaking; what is sealed by then is kept.
    ///
    /// Does nothing while another process is sealing, and says so. Retriable faults when the folder cannot be
    /// written: everything sealed before is kept, and projections read the rest from the source.
    pub fn catch_up(
        &self,
        source: &dyn Source,
        through: Position,
        pace: Pace,
        watch: &mut dyn FnMut(Sealing) -> ControlFlow<()>,
    ) -> Result<CaughtUp> {
        let through = through.min(source.reader()?.head()?);
        self.list()?;
        if self.plan(through).is_empty() && self.bad().is_empty() {
            return Ok(CaughtUp { through: self.through(), ..CaughtUp::default() });
        }
        let Some(_lock) = SealingLock::take(self.folder(), Duration::ZERO)? else {
            return Ok(CaughtUp { through: self.through(), is_elsewhere: true, ..CaughtUp::default() });
        };
        self.list()?; // another may have sealed between the last look and the lock
        self.sweep()?;
        self.list()?;
        let plan = self.plan(through);
        let work = Work {
            history: self,
            source,
            pace,
            plan: &plan,
            next: AtomicUsize::new(0),
            events: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
            fault: Mutex::new(None),
        };
        let segments = work.run(watch)?;
        if let Some(fault) = lock(&work.fault).take() {
            return Err(fault);
        }
        Ok(CaughtUp {
            segments,
            events: work.events.load(Ordering::Relaxed),
            through: self.through(),
            is_elsewhere: false,
            is_stopped: work.is_stopped.load(Ordering::Relaxed),
        })
    }

    /// The ranges to be sealed, in log order.
    fn plan(&self, through: Position) -> Vec<Range> {
        let known = self.known();
        let is_there = |range: &Range| matches!(known.files.get(&key(*range)), Some((_, File::Good(_))));
        wanted(through, &self.0.sizes.segments).into_iter().filter(|range| !is_there(range)).collect()
    }
}

impl Work<'_> {
    /// How many segments were sealed.
    fn run(&self, watch: &mut dyn FnMut(Sealing) -> ControlFlow<()>) -> Result<usize> {
        let events_total: u64 = self.plan.iter().map(|range| range.through.0 - range.after.0).sum();
        let threads = match self.pace {
            Pace::Full if events_total >= THREADS_EVENTS_MIN => {
                thread::available_parallelism().map_or(1, usize::from).min(self.plan.len())
            }
            _ => 1,
        };
        let mut segments = 0;
        let (sender, sealed) = bounded(threads);
        thread::scope(|scope| {
            for _ in 0..threads {
                let sender = sender.clone();
                scope.spawn(move || self.seal_some(&mut |range| sender.send(range).is_ok()));
            }
            drop(sender);
            loop {
                match sealed.recv_timeout(TELL) {
                    Ok(_range) => {
                        segments += 1;
                        let settled = self.history.list().and_then(|()| self.history.sweep_covered());
                        if let Err(fault) = settled {
                            self.fail(fault);
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                let events = self.events.load(Ordering::Relaxed);
                let sealing = Sealing { events, events_total, segments, segments_total: self.plan.len() };
                if watch(sealing).is_break() {
                    self.is_stopped.store(true, Ordering::Relaxed);
                }
            }
        });
        Ok(segments)
    }

    /// One thread: seals the next of the plan until there are none.
    fn seal_some(&self, sealed: &mut dyn FnMut(Range) -> bool) {
        let mut reader = match self.source.reader() {
            Ok(reader) => reader,
            Err(fault) => return self.fail(fault),
        };
        let mut worked = Instant::now();
        let mut watch = |events| {
            self.events.fetch_add(events, Ordering::Relaxed);
            let busy = worked.elapsed();
            if self.pace == Pace::Gentle && busy >= WORK {
                thread::sleep(busy.min(4 * WORK));
                worked = Instant::now();
            }
            let makes_room = self.pace == Pace::Gentle && self.history.0.waiting.is_on();
            if makes_room {
                self.is_stopped.store(true, Ordering::Relaxed);
            }
            match self.is_stopped.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        while !self.is_stopped.load(Ordering::Relaxed) {
            let Some(&range) = self.plan.get(self.next.fetch_add(1, Ordering::Relaxed)) else { return };
            match seal(self.history.folder(), &mut *reader, range, self.history.0.sizes, &mut watch) {
                Ok(Made::Whole) if sealed(range) => {}
                Ok(_) => return,
                Err(fault) => return self.fail(fault),
            }
        }
    }

    /// Ends the work of all threads.
    fn fail(&self, fault: Fault) {
        lock(&self.fault).get_or_insert(fault);
        self.is_stopped.store(true, Ordering::Relaxed);
    }
}
