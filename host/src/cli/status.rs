//! `projectionist status`: how the project stands, beside a running host or without one.

use std::fmt::Write;

use super::failure::lay_out_fault;
use super::render::grouped;
use super::shell::Shell;
use super::table;
use crate::supervisor::{self, ProjectionStatus};

/// Show the head of the log and how each projection stands; works beside a running host
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist status\n  \
                        projectionist status --json | jq '.projections[] | {name, lag}'\n\n\
                        With --json one object: `head`, `host` (a process id or null) and `projections`, each with \
                        `name`, `state`, `version`, `hash`, `checkpoint`, `lag` and `rows`.")]
pub(super) struct Status {}

impl Status {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        shell.answer(&supervisor::status(&shell.project()?)?, for_people)
    }
}

fn for_people(status: &supervisor::Status) -> String {
    let host = match status.host {
        Some(process) => format!("host runs as process {process}"),
        None => "no host runs".into(),
    };
    let mut text = format!("head {}, {host}\n", grouped(status.head.0));
    if status.projections.is_empty() {
        return text + "no projection yet: drop a plugin into the plugins folder";
    }
    let headings = ["NAME", "STATE", "VERSION", "HASH", "CHECKPOINT", "LAG", "ROWS"];
    let mut table = table::with_headings(&headings, &[2, 4, 5, 6]);
    for projection in &status.projections {
        table.add_row(row(projection));
    }
    let mut lines = Vec::new();
    table::write(&table, &mut lines).expect("memory takes everything");
    text.push_str(&String::from_utf8_lossy(&lines));
    for projection in &status.projections {
        for (what, fault) in [("parked", &projection.fault), ("refused", &projection.refused)] {
            if let Some(fault) = fault {
                let mut fault = fault.clone();
                fault.projection = None;
                writeln!(text, "{} {what}: {}", projection.name, lay_out_fault(&fault))
                    .expect("a string takes everything");
            }
        }
    }
    anstream::adapter::strip_str(text.trim_end()).to_string()
}

fn row(projection: &ProjectionStatus) -> [String; 7] {
    let none = || "-".to_owned();
    let state = format!("{:?}", projection.state).to_lowercase();
    let state = if projection.building.is_some() { state + ", building" } else { state };
    [
        projection.name.clone(),
        state,
        projection.version.map_or_else(none, |version| version.to_string()),
        projection.hash.clone().unwrap_or_else(none),
        grouped(projection.checkpoint.0),
        grouped(projection.lag),
        grouped(projection.rows),
    ]
}
