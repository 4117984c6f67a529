//! **Seals now**: somebody waits for the history, so it is made on all cores.

use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use super::catch_up::{Pace, Sealing};
use super::history::History;
use crate::event::{Position, Result};
use crate::event_store::Source;

/// How often it looks whether another process has sealed more,
const LOOK: Duration = Duration::from_millis(10);
/// and how long it waits for one that does not.
const PATIENCE: Duration = Duration::from_secs(3);

impl History {
    /// Seals everything through `through` on all cores, or waits while another process does. Returns when that is
    /// done, `watch` breaks, or another process that holds the lock makes no progress: then less is sealed.
    pub fn hurry(
        &self,
        source: &dyn Source,
        through: Position,
        watch: &mut dyn FnMut(Sealing) -> ControlFlow<()>,
    ) -> Result<()> {
        let _waiter = self.0.waiting.enter();
        let mut sealed = (self.through(), Instant::now());
        loop {
            let mut is_stopped = false;
            let caught_up = self.catch_up(source, through, Pace::Full, &mut |sealing| {
                let flow = watch(sealing);
                is_stopped |= flow.is_break();
                flow
            })?;
            if !caught_up.is_elsewhere || is_stopped {
                return Ok(());
            }
            if caught_up.through > sealed.0 {
                sealed = (caught_up.through, Instant::now());
            }
            if sealed.1.elapsed() > PATIENCE {
                return Ok(());
            }
            thread::sleep(LOOK);
        }
    }
}
