//! What was **measured**: seconds, memory and the rows that came out, of one run of one contender.

use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::contender::Contender;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    pub seconds: f64,
    /// The process's highest resident memory.
    pub rss_mib: f64,
    /// Of all rows, in key order.
    pub rows_digest: Option<String>,
}

impl Measured {
    pub fn new(seconds: f64, rows_digest: Option<String>) -> Measured {
        Measured { seconds, rss_mib: rss_mib_max(), rows_digest }
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain values")
    }

    pub fn line(name: &str, threads: usize, events: u64, runs: &[Measured]) -> String {
        let seconds = median(runs);
        let (min, max) = spread(runs);
        format!(
            "{name:<22} {threads:>7} {seconds:>9.3} {:>17} {:>12.0} {:>8.0}",
            format!("({min:.3} to {max:.3})"),
            events as f64 / seconds,
            rss(runs)
        )
    }

    pub fn csv(name: &str, threads: usize, events: u64, runs: &[Measured]) -> String {
        let seconds = median(runs);
        format!("ledger,{name},{events},{threads},{seconds:.4},{:.0},{:.0}", events as f64 / seconds, rss(runs))
    }
}

pub fn median(runs: &[Measured]) -> f64 {
    let mut seconds = runs.iter().map(|run| run.seconds).collect::<Vec<_>>();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn spread(runs: &[Measured]) -> (f64, f64) {
    let seconds = || runs.iter().map(|run| run.seconds);
    (seconds().fold(f64::INFINITY, f64::min), seconds().fold(0.0, f64::max))
}

fn rss(runs: &[Measured]) -> f64 {
    runs.iter().map(|run| run.rss_mib).fold(0.0, f64::max)
}

/// Runs a contender in a process of its own; with one thread, on one core.
pub fn child(contender: Contender, threads: usize, folder: &Path, plugin: &Path) -> Measured {
    let this = std::env::current_exe().expect("this program");
    let mut command = match threads {
        1 => {
            let mut command = Command::new("taskset");
            command.args(["-c", "0"]).arg(this);
            command
        }
        _ => Command::new(this),
    };
    let output = command
        .args(["--once", contender.name(), "--folder"])
        .arg(folder)
        .arg("--plugin")
        .arg(plugin)
        .output()
        .expect("the benchmark starts itself (one thread needs `taskset` of util-linux)");
    assert!(output.status.success(), "{}: {}", contender.name(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a measurement")
}

fn rss_mib_max() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

pub fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(':').nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{} cores of {}", cores, model.unwrap_or("an unknown processor").trim())
}
