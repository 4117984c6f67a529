//! The **segment sealer**: one thread that seals history as the log grows, beside the projectors and slower than they.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::head::HeadWatch;
use super::message::HostMessage;
use super::stop::Stop;
use crate::event::{Blame, Fault, FaultKind, Position, Result};
use crate::event_store::Source;
use crate::history::{History, Pace, SIZES};

/// How often it looks whether there is something to seal. Nobody waits for it.
const LOOK: Duration = Duration::from_secs(1);
/// How long after something went wrong it tries again, and after finding that somebody else is sealing.
const REST: Duration = Duration::from_secs(10);
const REST_FOR_OTHERS: Duration = Duration::from_secs(1);

/// Keeps history up until it is dropped.
pub(super) struct SegmentSealer {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl SegmentSealer {
    /// Starts the thread. Each thing that goes wrong is sent to `sender` once, until it goes well again.
    pub fn start(
        history: History,
        source: Arc<dyn Source>,
        head: Arc<HeadWatch>,
        sender: Sender<HostMessage>,
    ) -> Result<SegmentSealer> {
        let stop = Stop::default();
        let asked = stop.clone();
        let sealing = Sealing { history, source, head, sender, stop: asked, warned: None };
        let thread = thread::Builder::new()
            .name("history".into())
            .spawn(move || sealing.run())
            .map_err(|error| Fault::storage("starting a thread", error))?;
        Ok(SegmentSealer { stop, thread: Some(thread) })
    }
}

impl Drop for SegmentSealer {
    fn drop(&mut self) {
        self.stop.ask();
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It catches its own panics, and stops within a moment.
            let _ = thread.join();
        }
    }
}

struct Sealing {
    history: History,
    source: Arc<dyn Source>,
    head: Arc<HeadWatch>,
    sender: Sender<HostMessage>,
    stop: Stop,
    /// What it last warned of and has not gone well since.
    warned: Option<String>,
}

impl Sealing {
    fn run(mut self) {
        // At the first look there may be damage to mend, however far it is sealed.
        let mut known = None;
        while !self.stop.asked() {
            let whole = self.head.head().0 / SIZES[0];
            if known == Some(whole) {
                self.rest(LOOK);
                continue;
            }
            match catch_unwind(AssertUnwindSafe(|| self.catch_up(Position(whole * SIZES[0])))) {
                Ok(Ok(Sealed::All)) => (known, self.warned) = (Some(whole), None),
                Ok(Ok(Sealed::ByOthers)) => self.rest(REST_FOR_OTHERS),
                Ok(Err(fault)) => {
                    self.warn(fault);
                    self.rest(REST);
                }
                Err(_) => {
                    let fault =
                        Fault::new(FaultKind::Storage, "the thread that seals history panicked").blame(Blame::Host);
                    self.warn(fault.hint("this is a bug in projectionist; projections go on, reading the event store"));
                    return;
                }
            }
        }
    }

    fn catch_up(&self, through: Position) -> Result<Sealed> {
        let stop = &self.stop;
        let caught_up = self.history.catch_up(&*self.source, through, Pace::Gentle, &mut |_| stop.flow())?;
        let is_others = caught_up.is_elsewhere || caught_up.is_stopped;
        Ok(if is_others { Sealed::ByOthers } else { Sealed::All })
    }

    /// Warns of it, unless it is the same as before; when the channel is full, the next time.
    fn warn(&mut self, fault: Fault) {
        if self.warned.as_ref() != Some(&fault.message) {
            let message = fault.message.clone();
            self.warned = self.sender.try_send(HostMessage::Warning(fault)).is_ok().then_some(message);
        }
    }

    fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.stop.asked() && Instant::now() < until {
            thread::park_timeout(until.saturating_duration_since(Instant::now()));
        }
    }
}

enum Sealed {
    All,
    /// Another process is sealing, or a build that waits for it.
    ByOthers,
}
