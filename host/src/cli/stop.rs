//! How a running host is told to **stop**: ctrl-c or SIGTERM once ends it cleanly, a second one at once.

use std::thread;

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::server::Stop;

/// A stop that the signals ask for.
pub(super) fn on_signals() -> anyhow::Result<Stop> {
    let stop = Stop::default();
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("listening for signals")?;
    let asked = stop.clone();
    // On a thread, so that it can wake whatever waits.
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                if asked.asked() {
                    std::process::exit(128 + signal);
                }
                asked.ask();
            }
        })
        .context("listening for signals")?;
    Ok(stop)
}
