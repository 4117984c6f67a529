//! How **notices** look: for people one line each on stderr, with `--json` one object a line on stdout.

use std::collections::HashMap;

use anstyle::{AnsiColor, Style};
use indicatif::ProgressBar;

use super::failure::lay_out_fault;
use super::shell::Shell;
use crate::event::Fault;
pub use crate::event::{count, grouped};
use crate::projection::Stage;
use crate::server::{Notice, SwapReport};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const CALM: Style = AnsiColor::Cyan.on_default();

/// Shows notices as they come; the replays that are under way as progress bars.
pub struct Watch<'a> {
    shell: &'a Shell,
    bars: HashMap<String, ProgressBar>,
    /// The first failure to print, such as a closed pipe; the command is to end with it.
    pub broken: Option<anyhow::Error>,
}

impl<'a> Watch<'a> {
    /// Nothing shown yet.
    pub fn new(shell: &'a Shell) -> Watch<'a> {
        Watch { shell, bars: HashMap::new(), broken: None }
    }

    /// Shows one notice.
    pub fn notice(&mut self, notice: &Notice) {
        if self.shell.json() {
            if let Err(error) = self.shell.object(notice) {
                self.broken.get_or_insert(error);
            }
            return;
        }
        if let Notice::Progress { projection, stage, covered, head, .. } = notice {
            let bar = self
                .bars
                .entry(projection.clone())
                .or_insert_with(|| self.shell.bar(projection, Some(head.0), "positions"));
            bar.set_message(match stage {
                Stage::History => format!("{projection}: history"),
                Stage::Replay => projection.clone(),
            });
            bar.set_length(head.0);
            bar.set_position(covered.0);
            return;
        }
        if let Some(bar) = ended(notice).and_then(|projection| self.bars.remove(projection)) {
            bar.finish_and_clear();
        }
        self.shell.say(line(notice));
    }
}

/// The projection whose replay a notice ends.
fn ended(notice: &Notice) -> Option<&str> {
    match notice {
        Notice::Swapped(SwapReport { projection, .. })
        | Notice::Refused { projection: Some(projection), .. }
        | Notice::Parked { projection, .. }
        | Notice::Paused { projection }
        | Notice::Removed { projection } => Some(projection),
        _ => None,
    }
}

/// One notice for a person; a fault adds lines of its own.
pub fn line(notice: &Notice) -> String {
    match notice {
        Notice::Serving { plugins, head, projections } => {
            format!(
                "{GOOD}serving{GOOD:#} {}, head {head}, watching {plugins}",
                count(*projections as u64, "projection")
            )
        }
        Notice::Building { projection, version, hash } => {
            format!("{CALM}building{CALM:#} {projection} version {version} ({hash})")
        }
        Notice::Progress { projection, stage, covered, head, events_per_s } => {
            let doing = match stage {
                Stage::History => "making history",
                Stage::Replay => "replaying",
            };
            format!("{CALM}{doing}{CALM:#} {projection} {covered} of {head}, {}/s", grouped(*events_per_s))
        }
        Notice::Swapped(report) => swapped(report),
        Notice::Resumed { projection, checkpoint } => {
            format!("{GOOD}resumed{GOOD:#} {projection} at {checkpoint}")
        }
        Notice::Refused { projection, file, fault, serving } => {
            let name = projection.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
            let serving = match serving {
                Some(hash) => format!("\n    {hash} goes on serving"),
                None => String::new(),
            };
            format!("{BAD}refused{BAD:#} {file}{name}: {}{serving}", without_name(fault))
        }
        Notice::Parked { projection, checkpoint, fault } => {
            format!("{BAD}parked{BAD:#} {projection} at {checkpoint}: {}", without_name(fault))
        }
        Notice::Paused { projection } => format!("{CALM}paused{CALM:#} {projection}"),
        Notice::Removed { projection } => {
            format!("{CALM}removed{CALM:#} {projection}: its plugin file is gone; its read model stays")
        }
        Notice::Logged { projection, level, message } => format!("{CALM}{level}{CALM:#} {projection}: {message}"),
        Notice::Waiting { projection, file, step, fault } => {
            let what = projection.as_ref().or(file.as_ref()).map_or("", String::as_str);
            format!("{CALM}waiting{CALM:#} {what} ({}), tried again: {}", step.as_str(), without_name(fault))
        }
        Notice::Warning { fault } => format!("{BAD}warning{BAD:#} {}", lay_out_fault(fault)),
    }
}

/// Name, version, hash, what was replayed into what, and how long it took from the file's change to served.
fn swapped(report: &SwapReport) -> String {
    let SwapReport { projection, version, hash, replaced, events, rows, .. } = report;
    let replaced = match replaced {
        Some(before) => format!(" in place of {before}"),
        None => String::new(),
    };
    format!(
        "{GOOD}swapped{GOOD:#} {projection} version {version} ({hash}){replaced}: {}, {}, served in {} \
         (load {}, replay {}, finish {})",
        count(*events, "event"),
        count(*rows, "row"),
        time(report.served_ms),
        time(report.load_ms),
        time(report.replay_ms),
        time(report.finish_ms),
    )
}

/// The line already names the projection.
fn without_name(fault: &Fault) -> String {
    let mut fault = fault.clone();
    fault.projection = None;
    lay_out_fault(&fault)
}

/// A length of time in the unit that suits it.
pub fn time(ms: f64) -> String {
    match ms {
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms if ms < 60_000.0 => format!("{:.2} s", ms / 1_000.0),
        ms => format!("{:.0} min {:02.0} s", (ms / 60_000.0).floor(), (ms % 60_000.0 / 1_000.0).floor()),
    }
}

/// Bytes in KiB, MiB and so on.
pub fn bytes(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{FaultKind, Position};

    fn plain(notice: &Notice) -> String {
        anstream::adapter::strip_str(&line(notice)).to_string()
    }

    #[test]
    fn a_swap_says_what_and_how_fast() {
        let report = SwapReport {
            projection: "balances".into(),
            version: 2,
            hash: "0123456789ab".into(),
            replaced: Some("ba9876543210".into()),
            events: 1_002_073,
            rows: 10_000,
            checkpoint: Position(1_002_073),
            served_ms: 1_234.0,
            load_ms: 61.2,
            replay_ms: 1_150.0,
            finish_ms: 8.04,
        };
        assert_eq!(
            plain(&Notice::Swapped(report)),
            "swapped balances version 2 (0123456789ab) in place of ba9876543210: 1,002,073 events, 10,000 rows, \
             served in 1.23 s (load 61 ms, replay 1.15 s, finish 8.0 ms)"
        );
    }

    #[test]
    fn a_refusal_says_why_and_what_serves() {
        let fault = Fault::new(FaultKind::Incompatible, "it imports `clock`").of("b").hint("rebuild it");
        let notice = Notice::Refused {
            projection: Some("b".into()),
            file: "b.wasm".into(),
            fault,
            serving: Some("0123456789ab".into()),
        };
        assert_eq!(
            plain(&notice),
            "refused b.wasm (b): it imports `clock`\n    fault of: the plugin\n    hint: rebuild it\n    \
             0123456789ab goes on serving"
        );
    }

    #[test]
    fn times_read_well_at_every_size() {
        let times: Vec<String> = [0.04, 9.96, 999.4, 1_000.0, 59_990.0, 61_000.0].into_iter().map(time).collect();
        assert_eq!(times, ["0.0 ms", "10 ms", "999 ms", "1.00 s", "59.99 s", "1 min 01 s"]);
    }
}
