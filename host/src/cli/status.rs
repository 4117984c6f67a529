//! `projectionist status`: how the project stands, beside a running host or without one.

use std::fmt::Write;
use std::path::Path;

use super::failure::hint_of;
use super::render::{bytes, grouped};
use super::shell::Shell;
use super::table;
use crate::projection::State;
use crate::server::{self, ProjectionStatus};

/// Show the head of the log and how each projection stands; works beside a running host
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist status\n  \
                        projectionist status --json | jq '.projections[] | {name, lag}'\n\n\
                        With --json one object: `head`, `host` (a process id or null) and `projections`, each with \
                        `name`, `state`, `version`, `hash`, `checkpoint`, `lag`, `rows`, and why it stands as it does: \
                        `fault`, `refused`, `building`, `waiting`. Of a running host also `memory` (`bytes_max`, `bytes`, \
                        `bytes_peak`), `queued` builds, and `files` that are no projection.")]
pub(super) struct Status {}

impl Status {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        shell.answer(&server::status(&project)?, |status| for_people(status, &project.plugins))
    }
}

fn for_people(status: &server::ProjectStatus, plugins: &Path) -> String {
    let host = match status.host {
        Some(process) => format!("host runs as process {process}"),
        None => "no host runs".into(),
    };
    let mut text = format!("head {}, {host}", grouped(status.head.0));
    if let Some(memory) = &status.memory {
        write!(text, ", {} of {} memory", bytes(memory.bytes), bytes(memory.bytes_max))
            .expect("a string takes everything");
    }
    text.push('\n');
    if status.projections.is_empty() {
        return text + &nothing_yet(plugins) + &files(status);
    }
    let headings = ["NAME", "STATE", "VERSION", "HASH", "CHECKPOINT", "LAG", "ROWS"];
    let mut table = table::with_headings(&headings, &[2, 4, 5, 6]);
    for projection in &status.projections {
        table.add_row(row(projection));
    }
    let mut lines = Vec::new();
    table::write(&table, &mut lines).expect("memory takes everything");
    let lines = String::from_utf8_lossy(&lines);
    let mut lines = lines.lines();
    text.push_str(lines.next().unwrap_or_default());
    for (line, projection) in lines.zip(&status.projections) {
        write!(text, "\n{line}{}", reasons(projection)).expect("a string takes everything");
    }
    text + &files(status)
}

/// Plugin files that are no projection, and why.
fn files(status: &server::ProjectStatus) -> String {
    let mut text = String::new();
    for file in &status.files {
        for (what, reason) in [("refused", &file.refused), ("waiting", &file.waiting)] {
            let Some(reason) = reason else { continue };
            write!(text, "\n{} {what}: {reason}", file.file).expect("a string takes everything");
            if let Some(hint) = &file.hint {
                write!(text, "\n    hint: {hint}").expect("a string takes everything");
            }
        }
    }
    text
}

/// A plugin that does not load has no name to be listed under; its file is there.
fn nothing_yet(plugins: &Path) -> String {
    let mut found = std::fs::read_dir(plugins).into_iter().flatten().flatten();
    match found.any(|entry| entry.path().extension().is_some_and(|extension| extension == "wasm")) {
        true => format!(
            "no projection yet, but plugins in {}: `projectionist project` builds them, \
             `projectionist check FILE` says why one is refused",
            plugins.display()
        ),
        false => format!("no projection yet: drop a plugin into {}", plugins.display()),
    }
}

/// Below a projection's row: what it is building, and why it stands where it stands.
fn reasons(projection: &ProjectionStatus) -> String {
    let mut text = String::new();
    if let Some(building) = &projection.building {
        let (covered, through) = (grouped(building.covered.0), grouped(building.through.0));
        let (hash, rate) = (&building.hash, grouped(building.events_per_s));
        write!(text, "\n    building {hash}: at {covered} of {through}, {rate}/s").expect("a string takes everything");
    }
    if let Some(waiting) = &projection.waiting {
        write!(text, "\n    waiting: {} ({})", waiting.reason, waiting.step.as_str())
            .expect("a string takes everything");
        if let Some(hint) = &waiting.hint {
            write!(text, "\n    hint: {hint}").expect("a string takes everything");
        }
    }
    let what = if projection.state == State::Parked { "parked" } else { "fault" };
    for (what, fault) in [(what, &projection.fault), ("refused", &projection.refused)] {
        let Some(fault) = fault else { continue };
        let mut fault = fault.clone();
        fault.projection = None; // its row names it
        write!(text, "\n    {what}: {fault}").expect("a string takes everything");
        if let Some(hint) = hint_of(&fault) {
            write!(text, "\n    hint: {hint}").expect("a string takes everything");
        }
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Fault, FaultKind, Position};

    #[test]
    fn below_a_row_stands_what_keeps_it() {
        let parked = Fault::new(FaultKind::Event, "expected an integer").of("balances").at(Position(7));
        let projection = |name: &str| ProjectionStatus {
            name: name.into(),
            state: State::Live,
            version: Some(2),
            hash: Some("0123456789ab".into()),
            checkpoint: Position(6),
            lag: 1_994,
            rows: 4,
            generations: 1,
            fault: None,
            building: None,
            refused: None,
            waiting: None,
        };
        let building =
            serde_json::json!({"hash": "ba9876543210", "covered": 1_000, "through": 2_000, "events-per-s": 50});
        let projections = vec![
            ProjectionStatus { state: State::Parked, fault: Some(parked), ..projection("balances") },
            ProjectionStatus { building: serde_json::from_value(building).unwrap(), ..projection("orders") },
            ProjectionStatus {
                waiting: Some(server::Waiting {
                    step: server::ReconcileStep::Build,
                    reason: "the disk is full".into(),
                    hint: Some("free some".into()),
                }),
                ..projection("prices")
            },
            ProjectionStatus {
                refused: Some(Fault::input("no").of("revenue").hint("mend it")),
                ..projection("revenue")
            },
        ];
        let memory = server::MemoryUse { bytes_max: 1 << 30, bytes: 3 << 20, bytes_peak: 3 << 20 };
        let file = server::FileState {
            file: "new.wasm".into(),
            refused: None,
            waiting: Some("reading new.wasm: Permission denied".into()),
            hint: None,
        };
        let status = server::ProjectStatus {
            head: Position(2_000),
            host: Some(1),
            memory: Some(memory),
            queued: Vec::new(),
            files: vec![file],
            projections,
        };
        assert_eq!(
            for_people(&status, Path::new("plugins")),
            "head 2,000, host runs as process 1, 3.00 MiB of 1.00 GiB memory\n\
             NAME      STATE           VERSION  HASH          CHECKPOINT    LAG  ROWS\n\
             balances  parked                2  0123456789ab           6  1,994     4\n    \
             parked: at position 7: expected an integer\n    \
             hint: change the plugin to take this event and drop it in, or look at it: \
             `projectionist events show --after 6 --limit 1`\n\
             orders    live, building        2  0123456789ab           6  1,994     4\n    \
             building ba9876543210: at 1,000 of 2,000, 50/s\n\
             prices    live                  2  0123456789ab           6  1,994     4\n    \
             waiting: the disk is full (building)\n    hint: free some\n\
             revenue   live                  2  0123456789ab           6  1,994     4\n    \
             refused: no\n    hint: mend it\n\
             new.wasm waiting: reading new.wasm: Permission denied"
        );
    }
}
