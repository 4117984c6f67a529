//! Logs: what the host does inside, on stderr, for `-v`.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// The variable that sets the filter in full, as in `PROJECTIONIST_LOG=projectionist=trace,wasmtime=debug`.
const VARIABLE: &str = "PROJECTIONIST_LOG";

/// Starts logging: warnings, and with each `-v` more.
pub(super) fn start(verbosity: u8) {
    let level = match verbosity {
        0 => "warn",
        1 => "projectionist=info,warn",
        2 => "projectionist=debug,info",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colour);
    // Told on stderr itself, which panics where stderr is a file on a full disk.
    log.log_internal_errors(false).init();
}
