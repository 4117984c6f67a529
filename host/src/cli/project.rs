//! `projectionist project`: brings every projection to the head once.

use super::failure::{Said, lay_out_fault};
use super::render::{Watch, grouped};
use super::shell::Shell;
use super::stop;
use crate::server::{Host, Outcome};

/// Bring every projection to the head of the log once, and exit
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist project\n  projectionist project --json | jq .checkpoint\n\n\
                        New and changed plugin files are rebuilt and swapped in first. \
                        Exits with 1 when a projection is parked or its plugin refused.")]
pub(super) struct Project {}

impl Project {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        let stop = stop::on_signals()?;
        let mut watch = Watch::new(shell);
        let outcomes = Host::open(&project)?.project_once(&stop, &mut |notice| {
            // With JSON the outcomes are the listing.
            if !shell.json() {
                watch.notice(&notice);
            }
        })?;
        drop(watch);
        for outcome in &outcomes {
            shell.answer(outcome, for_people)?;
        }
        if outcomes.is_empty() {
            shell.say(format!("no plugin in {}", project.plugins.display()));
        }
        match stop.asked() || outcomes.iter().any(|outcome| outcome.fault.is_some()) {
            true => Err(Said.into()),
            false => Ok(()),
        }
    }
}

fn for_people(outcome: &Outcome) -> String {
    let Outcome { projection, checkpoint, fault, .. } = outcome;
    let text = match fault {
        Some(fault) => format!("{projection}  checkpoint {}  {}", grouped(checkpoint.0), lay_out_fault(fault)),
        None => format!("{projection}  checkpoint {}", grouped(checkpoint.0)),
    };
    anstream::adapter::strip_str(&text).to_string()
}
