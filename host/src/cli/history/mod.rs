//! `projectionist history`: the mirror of the log as columns.

mod status;
mod build;
mod drop;

use std::sync::Arc;

use super::shell::Shell;
use crate::event::Result;
use crate::event_store::EventStore;
use crate::history::{CaughtUp, Pace};
use crate::project::Project;

/// Look after history, the log once more as columns: show it, build it, drop it
///
/// Replays read history instead of the event store, several times faster, with the same rows. It is only a mirror: it
/// is made from the event store, checksummed, kept up by a running host and by imports, and mended when it is damaged.
#[derive(Debug, clap::Subcommand)]
pub(super) enum History {
    Status(status::Status),
    Build(build::Build),
    Drop(drop::Drop),
}

impl History {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        match self {
            History::Status(command) => command.run(shell),
            History::Build(command) => command.run(shell),
            History::Drop(command) => command.run(shell),
        }
    }
}

/// The project's event store and its history.
fn open(project: &Project) -> Result<(Arc<dyn EventStore>, crate::history::History)> {
    let store = project.event_store()?;
    let history = crate::history::History::open(&project.history.folder, &*store)?;
    Ok((store, history))
}

/// Seals what is whole, on all cores, with a progress bar; ctrl-c ends it, and what is sealed by then stays.
pub(super) fn catch_up(
    shell: &Shell,
    store: &dyn EventStore,
    history: &crate::history::History,
    stop: &crate::server::Stop,
) -> Result<CaughtUp> {
    let head = store.reader()?.head()?;
    let bar = shell.bar("building history", Some(0), "events");
    let caught_up = history.catch_up(store, head, Pace::Full, &mut |sealing| {
        bar.set_length(sealing.events_total);
        bar.set_position(sealing.events);
        stop.flow()
    });
    bar.finish_and_clear();
    caught_up
}
