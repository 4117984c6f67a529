//! `projectionist replay`: a dry run of a plugin.

use std::fmt::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::failure::Said;
use super::render::{count, grouped, time};
use super::shell::Shell;
use super::stop;
use crate::event::{Position, Timestamp};
use crate::projection::{Proceed, Stage};
use crate::replay::{self, Report, Until};

/// Replay the log through a plugin into a throw-away read model: a dry run that changes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist replay target/revenue.wasm\n  \
    projectionist replay plugins/balances.wasm --until 1000 --out then.sqlite\n  \
    projectionist replay plugins/balances.wasm --until 2026-01-01T00:00:00Z --json\n\n\
    Nothing that serves is touched, also beside a running host.")]
pub(super) struct Replay {
    /// The plugin file
    plugin: PathBuf,
    /// Stop after this position, or before the first event recorded after this time (RFC 3339)
    #[arg(long, value_name = "POSITION|TIME", value_parser = until)]
    until: Option<Until>,
    /// Keep the read model in this file, which must not be there yet
    #[arg(long, value_name = "FILE.sqlite")]
    out: Option<PathBuf>,
}

/// The report with its tables as an object.
#[derive(Serialize)]
struct Answer<'a> {
    projection: &'a str,
    version: u32,
    hash: &'a str,
    checkpoint: Position,
    events: u64,
    rows: u64,
    tables: serde_json::Map<String, serde_json::Value>,
    load_ms: f64,
    replay_ms: f64,
    events_per_s: u64,
    out: Option<&'a PathBuf>,
}

impl Replay {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        let stop = stop::on_signals()?;
        let bar = shell.bar("replaying", Some(0), "positions");
        let report = replay::run(
            &project,
            &self.plugin,
            self.until,
            self.out.as_deref(),
            &mut |progress| {
                bar.set_message(match (progress.stage, progress.wave) {
                    (Stage::History, _) => "making history".to_owned(),
                    (Stage::Replay, (_, 1)) => "replaying".to_owned(),
                    (Stage::Replay, (wave, of)) => format!("replaying, part {wave} of {of}"),
                });
                bar.set_length(progress.through.0);
                bar.set_position(progress.covered.0);
                if stop.asked() { Proceed::Stop } else { Proceed::On }
            },
            &mut |lines| {
                for line in lines {
                    shell.say(format!("{}: {}", line.level.as_str(), line.message));
                }
            },
        );
        bar.finish_and_clear();
        let report = report?;
        shell.answer(&Answer::of(&report), |_| for_people(&report))?;
        if stop.asked() {
            shell.say("interrupted: the rows are those at the checkpoint");
            return Err(Said.into());
        }
        Ok(())
    }
}

impl<'a> Answer<'a> {
    fn of(report: &'a Report) -> Answer<'a> {
        Answer {
            projection: &report.projection,
            version: report.version,
            hash: &report.hash,
            checkpoint: report.checkpoint,
            events: report.events,
            rows: report.tables.iter().map(|(_, rows)| rows).sum(),
            tables: report.tables.iter().map(|(table, rows)| (table.clone(), (*rows).into())).collect(),
            load_ms: report.load_ms,
            replay_ms: report.replay_ms,
            events_per_s: report.events_per_s,
            out: report.out.as_ref(),
        }
    }
}

fn for_people(report: &Report) -> String {
    let Report { projection, version, hash, checkpoint, .. } = report;
    let mut text = format!("{projection} version {version} ({hash}), up to position {}\n", grouped(checkpoint.0));
    for (table, rows) in &report.tables {
        writeln!(text, "  {table}: {}", count(*rows, "row")).expect("a string takes everything");
    }
    write!(
        text,
        "{} in {}, {}/s (load {})",
        count(report.events, "event"),
        time(report.replay_ms),
        grouped(report.events_per_s),
        time(report.load_ms)
    )
    .expect("a string takes everything");
    if let Some(out) = &report.out {
        write!(text, "\nread model: {}", out.display()).expect("a string takes everything");
    }
    text
}

fn until(text: &str) -> Result<Until, String> {
    if let Ok(position) = text.parse() {
        return Ok(Until::Position(Position(position)));
    }
    match text.parse::<Timestamp>() {
        Ok(time) => Ok(Until::Time(time)),
        Err(_) => Err("it is a position, or a time such as 2026-01-01T00:00:00Z".into()),
    }
}
