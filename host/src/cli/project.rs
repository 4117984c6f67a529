//! `projectionist project`: brings every projection to the head once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::failure::{Said, lay_out_fault};
use super::render::{Watch, grouped};
use super::shell::Shell;
use super::stop;
use crate::server::{Host, Outcome, Stop};

/// Bring every projection to the head of the log once, and exit
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist project\n  projectionist project --json | jq .checkpoint\n\n\
                        New and changed plugin files are rebuilt and swapped in first. What fails with something that may \
                        pass, such as a full disk, is tried again until it goes well or the time is over. \
                        Exits with 1 when a projection is parked, its plugin refused, or something is left to be done.")]
pub(super) struct Project {
    /// Stop after this long, such as `90s` or `5m`, and say what is left; what is committed stays
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
}

/// `90s`, `5m`, `1h 30m`: longer than nothing.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text.parse().map_err(|error| format!("{error}; write `90s` or `5m`"))?;
    let positive = Duration::try_from(parsed).ok().filter(|duration| !duration.is_zero());
    positive.ok_or_else(|| "it has to be longer than nothing".to_owned())
}

impl Project {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        let stop = stop::on_signals()?;
        let is_over = self.timeout.map(|timeout| ask_after(timeout, &stop)).transpose()?;
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
        if let Some(timeout) = self.timeout.filter(|_| is_over.is_some_and(|over| over.load(Ordering::Acquire))) {
            let left = outcomes.iter().filter_map(|outcome| Some((&outcome.projection, outcome.left.as_ref()?)));
            let left: Vec<String> = left.map(|(projection, left)| format!("\n  {projection}: {left}")).collect();
            shell.say(format!("stopped after {timeout:?}; left to be done:{}", left.concat()));
        }
        match stop.asked() || outcomes.iter().any(|outcome| outcome.fault.is_some()) {
            true => Err(Said.into()),
            false => Ok(()),
        }
    }
}

/// Asks to stop after a while; the flag tells that it was this.
fn ask_after(timeout: Duration, stop: &Stop) -> anyhow::Result<Arc<AtomicBool>> {
    let (stop, is_over) = (stop.clone(), Arc::new(AtomicBool::new(false)));
    let over = is_over.clone();
    thread::Builder::new().name("timeout".into()).spawn(move || {
        thread::sleep(timeout);
        over.store(true, Ordering::Release);
        stop.ask();
    })?;
    Ok(is_over)
}

fn for_people(outcome: &Outcome) -> String {
    let Outcome { projection, checkpoint, fault, left, .. } = outcome;
    let left = left.as_ref().map(|left| format!("  left: {left}")).unwrap_or_default();
    let text = match fault {
        Some(fault) => format!("{projection}  checkpoint {}  {}", grouped(checkpoint.0), lay_out_fault(fault)),
        None => format!("{projection}  checkpoint {}{left}", grouped(checkpoint.0)),
    };
    anstream::adapter::strip_str(&text).to_string()
}
