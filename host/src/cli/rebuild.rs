//! `projectionist rebuild`: makes a read model anew, without a gap.

use super::ask::ask;
use super::shell::Shell;
use crate::server::Command;

/// Replay all of history into a new generation beside the serving one, then swap it in
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  projectionist rebuild balances")]
pub(super) struct Rebuild {
    /// The projection's name
    name: String,
}

impl Rebuild {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        ask(shell, &self.name, &Command::Rebuild { name: self.name.clone() })
    }
}
