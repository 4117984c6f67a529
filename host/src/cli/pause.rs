//! `projectionist pause`: stops a projection for a while.

use super::ask::ask;
use super::shell::Shell;
use crate::server::Command;

/// Stop a projection at its checkpoint until it is resumed; its read model stays and can be queried
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  projectionist pause balances\n\nA pause outlasts a restart of the host.")]
pub(super) struct Pause {
    /// The projection's name
    name: String,
}

impl Pause {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        ask(shell, &self.name, &Command::Pause { name: self.name.clone() })
    }
}
