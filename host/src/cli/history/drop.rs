//! `projectionist history drop`: removes it.

use serde::Serialize;

use crate::cli::render::bytes;
use crate::cli::shell::Shell;
use crate::read_model::HostLock;

/// Remove history; it can be built again from the event store at any time
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  projectionist history drop\n\n\
                        Nothing but room is gained and nothing but speed is lost. It is safe beside a running host: \
                        replays that are under way go on reading what they have open, others read the event store, and \
                        the host builds history again. To be without it, set `enabled = false` under `[history]` in \
                        projectionist.toml and start the host anew.")]
pub(in crate::cli) struct Drop {}

#[derive(Serialize)]
struct Dropped {
    bytes: u64,
}

impl Drop {
    pub(in crate::cli) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        let (_store, history) = super::open(&project)?;
        let dropped = Dropped { bytes: history.drop_all()? };
        shell.answer(&dropped, |dropped| format!("{} removed", bytes(dropped.bytes)))?;
        if project.history.enabled && HostLock::held(&project.data)?.is_some() {
            shell.say("a host runs, and will build it again");
        }
        Ok(())
    }
}
