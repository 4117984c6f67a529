//! `projectionist history build`: seals what is not sealed, and anew what is damaged.

use std::time::Instant;

use serde::Serialize;

use crate::cli::failure::Said;
use crate::cli::render::{count, grouped, time};
use crate::cli::shell::Shell;
use crate::cli::stop;
use crate::history::CaughtUp;

/// Seal everything that is not sealed, and anew what is damaged
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  projectionist history build\n\n\
                        Works on all cores, beside a running host too. A host and imports do the same by themselves; \
                        this does it now. Interrupted, it goes on the next time where it ended.")]
pub(in crate::cli) struct Build {}

#[derive(Serialize)]
struct Built {
    #[serde(flatten)]
    caught_up: CaughtUp,
    seconds: f64,
}

impl Build {
    pub(in crate::cli) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        let stop = stop::on_signals()?;
        let started = Instant::now();
        let (store, history) = super::open(&project)?;
        // Reads all of it: damage that has not shown yet is to be mended too.
        history.verify(store.reader()?.head()?)?;
        let caught_up = super::catch_up(shell, &*store, &history, &stop)?;
        let built = Built { caught_up, seconds: started.elapsed().as_secs_f64() };
        shell.answer(&built, for_people)?;
        if caught_up.is_elsewhere {
            shell.say("somebody else is sealing (a running host, an import); try again when it is done");
        }
        if caught_up.is_stopped {
            shell.say("interrupted; the next build goes on where this ended");
        }
        match caught_up.is_elsewhere || caught_up.is_stopped {
            true => Err(Said.into()),
            false => Ok(()),
        }
    }
}

fn for_people(built: &Built) -> String {
    let CaughtUp { events, segments, through, .. } = built.caught_up;
    let rate = (events as f64 / built.seconds.max(1e-6)) as u64;
    let (seconds, segments) = (time(built.seconds * 1_000.0), count(segments as u64, "segment"));
    format!("{} in {segments} ({seconds}, {}/s), sealed up to {through}", count(events, "event"), grouped(rate))
}
