//! How a running host is told to **stop**: ctrl-c or SIGTERM once ends it cleanly, a second one at once.

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::server::Stop;

/// A stop that the signals ask for.
pub(super) fn on_signals() -> anyhow::Result<Stop> {
    let stop = Stop::default();
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag down and only raises it.
        flag::register_conditional_shutdown(signal, 128 + signal, stop.flag()).context("listening for signals")?;
        flag::register(signal, stop.flag()).context("listening for signals")?;
    }
    Ok(stop)
}
