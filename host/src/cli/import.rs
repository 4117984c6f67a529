//! `projectionist import`: brings events from JSON Lines into the embedded store.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::failure::{Said, lay_out_fault};
use super::render::time;
use super::shell::Shell;
use super::stop;
use crate::event::{Fault, count, grouped};
use crate::event_store::EventStore;
use crate::history::History;
use crate::import::{BadLine, Input, Options, Progress, Report, import, open_aside};
use crate::project::Project;
use crate::server::Stop;

/// Bring events from JSON Lines or CloudEvents JSON Lines into the embedded store; doing it twice adds nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist import orders.jsonl\n  projectionist import flights.jsonl.zst\n  \
    ssh shop cat orders.jsonl | projectionist import - --skip-bad bad.jsonl\n\n\
    A line: {\"stream\": \"account-1\", \"type\": \"Deposited\", \"data\": {\"amount\": 5}, \"metadata\": {...}, \
    \"id\": \"...\", \"time\": \"2026-01-01T00:00:00Z\"}; metadata, id and time may be left out. \
    Gzip and zstd are recognised. A bad line ends the import; everything before it is kept. \
    In the end history is brought up (see `projectionist history --help`), unless it is turned off.\n\n\
    The same again adds nothing: an `id` is recorded once, and a line without one is known by itself and all lines \
    without an id before it in its file. So a file that grew adds what is new, and two different files that begin \
    with the same such lines count as one that grew: those lines are recorded once. A line that was changed, and \
    every line without an id after it, is new. --again records lines without an id regardless.\n\n\
    Lines put aside do not count: mend them in their own file and import that one. The whole file with those lines \
    mended would add all later lines without an id a second time.")]
pub(super) struct Import {
    /// The file, or - for stdin
    file: PathBuf,
    /// Put bad lines into this file, new or empty, and go on
    #[arg(long, value_name = "FILE")]
    skip_bad: Option<PathBuf>,
    /// Record lines without an id even when the same file was imported before
    #[arg(long)]
    again: bool,
}

impl Import {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        let is_stdin = self.file.as_os_str() == "-";
        let input = match is_stdin {
            true => Input::new("stdin", io::stdin())?,
            false => Input::open(&self.file)?,
        };
        let store = project.event_store_for_appending()?;
        let stop = stop::on_signals()?;
        let (mut aside, aside_name) = match &self.skip_bad {
            Some(path) => {
                let file = open_aside(path, (!is_stdin).then_some(self.file.as_path()))?;
                (Some(BufWriter::new(file)), path.display().to_string())
            }
            None => (None, String::new()),
        };

        let bar = shell.bar("importing", std::fs::metadata(&self.file).ok().map(|about| about.len()), "bytes");
        let mut on_bad = |bad: &BadLine| {
            shell.say(format!("bad line {}:{bad}", self.file.display()));
        };
        let mut progress = |progress: &Progress| {
            bar.set_position(progress.bytes_read);
            if stop.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let report = import(
            &*store,
            input,
            Options {
                again: self.again,
                skip_bad: aside.as_mut().map(|file| file as &mut dyn Write),
                on_bad: Some(&mut on_bad),
                progress: Some(&mut progress),
            },
        );
        bar.finish_and_clear();
        if let Some(file) = &mut aside {
            file.flush().map_err(|error| Fault::storage(format!("writing {aside_name}"), error))?;
        }
        let report = report?;
        if project.history.enabled && !report.interrupted {
            keep_history(shell, &project, &*store, &stop);
        }
        shell.answer(&report, for_people)?;
        if report.bad > 0 {
            let (are, them) = if report.bad == 1 { ("is", "it") } else { ("are", "them") };
            let bad = count(report.bad, "bad line");
            shell.say(format!("{bad} {are} in {aside_name}: mend {them} there and import that file"));
        }
        if report.already_there > 0 {
            shell.say(
                "known by their ids; lines without an `id` by the beginning of the file, and `--again` records those",
            );
        }
        if report.interrupted {
            shell.say("interrupted; import the file again to go on where this ended");
            return Err(Said.into());
        }
        Ok(())
    }
}

/// The events are in; that their mirror cannot be kept up is no failure of the import. A host that runs does it itself.
fn keep_history(shell: &Shell, project: &Project, store: &dyn EventStore, stop: &Stop) {
    let kept = History::open(&project.history.folder, store)
        .and_then(|history| super::history::catch_up(shell, store, &history, stop));
    if let Err(fault) = kept {
        shell.say(format!("the events are imported, but history was not built: {}", lay_out_fault(&fault)));
    }
}

fn for_people(report: &Report) -> String {
    let rate = (report.lines as f64 / report.seconds.max(1e-6)) as u64;
    let mut text = format!("{} added", count(report.added, "event"));
    if report.already_there > 0 {
        let were = if report.already_there == 1 { "was" } else { "were" };
        text += &format!(", {} {were} there already", grouped(report.already_there));
    }
    if report.bad > 0 {
        text += &format!(", {} put aside", count(report.bad, "bad line"));
    }
    text + &format!(" ({}, {}/s)", time(report.seconds * 1_000.0), grouped(rate))
}
