//! `projectionist resume`: lets a projection go on.

use super::ask::ask;
use super::shell::Shell;
use crate::server::Command;

/// Let a paused or parked projection go on from its checkpoint
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  projectionist resume balances")]
pub(super) struct Resume {
    /// The projection's name
    name: String,
}

impl Resume {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        ask(shell, &self.name, &Command::Resume { name: self.name.clone() })
    }
}
