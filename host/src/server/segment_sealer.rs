//! The **keeper**: one thread that seals history as the log grows, beside the projectors and slower than they.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::head::{HeadWatch, Stop};
use super::message::Message;
use crate::event::{Blame, Fault, FaultKind, Position, Result};
use crate::event_store::Source;
use crate::history::{History, Pace, SIZES};

/// How often it looks whether there is something to seal. Nobody waits for it.
const LOOK: Duration = Duration::from_millis(200);
/// How long after something went wrong it tries again, and after finding that somebody else is sealing.
const REST: Duration = Duration::from_secs(10);
const REST_FOR_OTHERS: Duration = Duration::from_secs(1);

/// Keeps history up until it is dropped.
pub(super) struct SegmentSealer {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl SegmentSealer {
    /// Starts the thread. `sender` hears once of each thing that goes wrong, until it goes well again.
    pub fn start(
        history: History,
        source: Arc<dyn Source>,
        head: Arc<HeadWatch>,
        sender: Sender<Message>,
    ) -> Result<SegmentSealer> {
        let stop = Stop::default();
        let asked = stop.clone();
        let keep = Keep { history, source, head, sender, stop: asked, told: None };
        let thread = thread::Builder::new()
            .name("history".into())
            .spawn(move || keep.run())
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

struct Keep {
    history: History,
    source: Arc<dyn Source>,
    head: Arc<HeadWatch>,
    sender: Sender<Message>,
    stop: Stop,
    /// What was last told and has not gone well since.
    told: Option<String>,
}

impl Keep {
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
                Ok(Ok(Kept::Up)) => (known, self.told) = (Some(whole), None),
                Ok(Ok(Kept::ByOthers)) => self.rest(REST_FOR_OTHERS),
                Ok(Err(fault)) => {
                    self.tell(fault);
                    self.rest(REST);
                }
                Err(_) => {
                    let fault = Fault::new(FaultKind::Storage, "the keeper of history panicked").blame(Blame::Host);
                    self.tell(fault.hint("this is a bug in projectionist; projections go on, reading the event store"));
                    return;
                }
            }
        }
    }

    fn catch_up(&self, through: Position) -> Result<Kept> {
        let stop = &self.stop;
        let caught_up = self.history.catch_up(&*self.source, through, Pace::Gentle, &mut |_| stop.flow())?;
        let is_others = caught_up.is_elsewhere || caught_up.is_stopped;
        Ok(if is_others { Kept::ByOthers } else { Kept::Up })
    }

    /// Tells it, unless it is the same as before; when nobody can listen now, the next time.
    fn tell(&mut self, fault: Fault) {
        if self.told.as_ref() != Some(&fault.message) {
            let message = fault.message.clone();
            self.told = self.sender.try_send(Message::Trouble(fault)).is_ok().then_some(message);
        }
    }

    fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.stop.asked() && Instant::now() < until {
            thread::park_timeout(until.saturating_duration_since(Instant::now()));
        }
    }
}

enum Kept {
    Up,
    /// Another process is sealing, or a build that waits for it.
    ByOthers,
}

impl Stop {
    /// For those who ask at each step whether to go on.
    pub(crate) fn flow(&self) -> ControlFlow<()> {
        match self.asked() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
