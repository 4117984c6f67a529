//! `projectionist events`: the embedded event store by hand.

mod append;
mod show;

use super::shell::Shell;

/// Append events to the embedded store, or show what it holds
#[derive(Debug, clap::Subcommand)]
pub(super) enum Events {
    Append(append::Append),
    Show(show::Show),
}

impl Events {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        match self {
            Events::Append(command) => command.run(shell),
            Events::Show(command) => command.run(shell),
        }
    }
}
