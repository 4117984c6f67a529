//! `projectionist serve`: watches the plugin folder, follows the log, swaps.

use super::render::Watch;
use super::shell::Shell;
use super::stop;
use crate::server::Host;

/// Run the project: watch the plugin folder, follow the log, swap changed projections in
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist serve\n  \
    projectionist serve --json | jq 'select(.notice == \"swapped\")'\n\n\
    Prints a line on stderr for each thing that happens; with --json each is one object on stdout, its kind in \
    `notice`. Ctrl-c or SIGTERM stops it cleanly, a second one at once.")]
pub(super) struct Serve {}

impl Serve {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        let stop = stop::on_signals()?;
        let mut host = Host::open(&project)?;
        let mut watch = Watch::new(shell);
        let ended = host.serve(&stop, &mut |notice| {
            watch.notice(&notice);
            if watch.broken.is_some() {
                stop.ask(); // nobody reads the notices any more
            }
        });
        match watch.broken.take() {
            Some(error) => Err(error),
            None => Ok(ended?),
        }
    }
}
