//! The **report** of a run, in Markdown: how it was made and on what, the bars, and everything that was measured.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::bars;
use super::plot;
use super::results::{Results, stages};
use super::run::Run;
use super::transfers::{ACCOUNTS, SEED};

pub fn write(results: &Results, run: &Run) -> String {
    let mut report = format!(
        "# What was measured\n\n- **Command:** `{}`\n- **Machine:** {}\n- **Versions:** {}\n- **Events:** seed {SEED:#x}, {ACCOUNTS} accounts\n\n",
        command(),
        machine(),
        versions(run).join(", ")
    );
    let bars = bars::table(results);
    if !bars.is_empty() {
        write!(report, "## Bars\n\n{bars}\n").expect("text");
    }
    write!(
        report,
        "## All contenders\n\nMedians; the spread beside them; memory is the highest resident size, `own` that without \
        mapped files.\n\n{}",
        results.table()
    )
    .expect("text");
    let stages = stages_table(results);
    if !stages.is_empty() {
        write!(report, "\n## Stages of a swap\n\nAs the host reports them, medians in milliseconds.\n\n{stages}")
            .expect("text");
    }
    report
}

/// Writes everything that is kept of a run.
pub fn save(folder: &Path, results: &Results, report: &str) {
    fs::create_dir_all(folder).expect("the results' folder");
    for (file, text) in [
        ("results.csv", results.csv()),
        ("spread.csv", results.spread_csv()),
        ("stages.csv", results.stages_csv()),
        ("plot.svg", plot::svg(results)),
        ("report.md", report.to_owned()),
    ] {
        fs::write(folder.join(file), text).expect(file);
    }
}

fn stages_table(results: &Results) -> String {
    let mut table = String::new();
    for result in &results.0 {
        for (projection, [load, replay, finish, served]) in stages(result) {
            writeln!(
                table,
                "| `{}` | `{}` | {} | {} | {projection} | {load:.1} | {replay:.1} | {finish:.1} | {served:.1} |",
                result.name,
                result.contender.name(),
                result.events,
                result.threads
            )
            .expect("text");
        }
    }
    if table.is_empty() {
        return table;
    }
    "| workload | contender | events | cores | projection | load | replay | finish | served |\n\
     | --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |\n"
        .to_owned()
        + &table
}

/// What was typed, as far as it is known here.
fn command() -> String {
    let typed = std::env::args().skip(1).filter(|argument| argument != "--bench");
    std::iter::once("scripts/bench".to_owned()).chain(typed).collect::<Vec<_>>().join(" ")
}

pub fn machine() -> String {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let (processor, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let model = processor.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(':').nth(1));
    let kib = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    format!(
        "{cores} cores of {}, {} GiB, Linux {}, load {} when written",
        model.unwrap_or("an unknown processor").trim(),
        kib >> 20,
        read("/proc/sys/kernel/osrelease").trim(),
        load.split(' ').next().unwrap_or("unknown")
    )
}

fn versions(run: &Run) -> Vec<String> {
    let said = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let mut versions = vec![format!("Projectionist {}", env!("CARGO_PKG_VERSION"))];
    versions.extend(said("rustc", "--version"));
    versions.push(format!("SQLite {}", rusqlite::version()));
    versions.extend(run.peers.versions());
    versions
}
