//! `projectionist rollback`: goes back to the generation before.

use super::ask::ask;
use super::shell::Shell;
use crate::server::Command;

/// Make the generation before the serving one serve again
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  projectionist rollback balances\n\nThe next change of the plugin file builds a new generation as usual."
)]
pub(super) struct Rollback {
    /// The projection's name
    name: String,
}

impl Rollback {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        ask(shell, &self.name, &Command::Rollback { name: self.name.clone() })
    }
}
