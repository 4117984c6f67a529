//! `projectionist history status`: what is sealed, and whether it is sound.

use std::fmt::Write;

use serde::Serialize;

use crate::cli::render::{bytes, count};
use crate::cli::shell::Shell;
use crate::project::Project;

/// Show what of the log is sealed, how much room it takes, and whether it is sound
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist history status\n  \
                        projectionist history status --json | jq '.damaged'\n\n\
                        Reads all of history and compares every checksum. The newest events, fewer than 16,384, are \
                        not sealed; replays read them from the event store.\n\n\
                        With --json one object: `enabled`, `folder`, `head`, `through` (sealed without a gap up to \
                        there), `events`, `segments`, `bytes`, `bytes_per_event`, `store_bytes` (the event store \
                        itself), `unsealed` (events that a build would seal), `missing` and `damaged`.")]
pub(in crate::cli) struct Status {}

#[derive(Serialize)]
struct Shown {
    enabled: bool,
    folder: String,
    #[serde(flatten)]
    status: crate::history::Status,
    store_bytes: u64,
}

impl Status {
    pub(in crate::cli) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        let (store, history) = super::open(&project)?;
        let status = history.verify(store.reader()?.head()?)?;
        let shown = Shown {
            enabled: project.history.enabled,
            folder: project.history.folder.display().to_string(),
            status,
            store_bytes: store_bytes(&project),
        };
        shell.answer(&shown, for_people)
    }
}

/// The event store with its write-ahead log.
fn store_bytes(project: &Project) -> u64 {
    let mut ahead = project.store.clone().into_os_string();
    ahead.push("-wal");
    let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |about| about.len());
    size(&project.store) + size(ahead.as_ref())
}

fn for_people(shown: &Shown) -> String {
    let status = &shown.status;
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("a string takes everything");
    if !shown.enabled {
        line("turned off in projectionist.toml: it is neither kept up nor used".into());
    }
    line(format!("{} sealed, up to {} of {}", count(status.events, "event"), status.through, status.head));
    line(format!(
        "{}, {} ({:.0} bytes an event; the event store has {})",
        count(status.segments as u64, "segment"),
        bytes(status.bytes),
        status.bytes_per_event,
        bytes(shown.store_bytes)
    ));
    for damaged in &status.damaged {
        line(format!("damaged: {}: {}", damaged.file, damaged.reason));
    }
    for missing in &status.missing {
        line(format!("missing: {missing}"));
    }
    let rest = status.head.0.saturating_sub(status.through.0) - status.unsealed;
    line(match status.unsealed {
        0 if rest == 0 => "nothing to build".into(),
        0 => format!("nothing to build; not sealed and read from the event store: the newest {}", count(rest, "event")),
        unsealed => {
            format!("{} to build: `projectionist history build`, or a running host does it", count(unsealed, "event"))
        }
    });
    text.truncate(text.trim_end().len());
    text
}
