//! The **screen**: everything one wants to know of the newest save, redrawn in place.

use std::collections::VecDeque;
use std::io::Write;

use console::{Term, truncate_str};

use super::report::Report;
use super::text::{self, BAD, CALM, DIM, GOOD};
use crate::cli::cargo::Diagnostic;
use crate::cli::render::{self, grouped};
use crate::server::Notice;

/// So many of the host's last notices stay on the screen.
const NOTICES_KEPT: usize = 4;

const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// The person's terminal, as long as it is drawn on. As it was before when this is dropped.
pub(super) struct Screen {
    terminal: Term,
    shown: Shown,
    /// Whether something else than the screen is shown, until a key is pressed.
    is_covered: bool,
    is_left: bool,
}

/// What is shown, part by part.
#[derive(Default)]
pub(super) struct Shown {
    /// The crate's name.
    pub name: String,
    /// What is being done, when anything is.
    doing: String,
    /// How the newest save fared.
    save: Vec<String>,
    /// What serves.
    serving: String,
    rows: Vec<String>,
    tests: Vec<String>,
    warnings: Vec<Diagnostic>,
    shows_warnings: bool,
    /// Of other projections, and what plugins log.
    notices: VecDeque<String>,
}

impl Screen {
    /// Takes over the terminal.
    pub fn enter(name: &str) -> Screen {
        let shown = Shown { name: name.to_owned(), ..Shown::default() };
        let mut screen = Screen { terminal: Term::stderr(), shown, is_covered: false, is_left: false };
        screen.write(ENTER);
        screen
    }

    /// Shows a report.
    pub fn report(&mut self, report: &Report) {
        self.shown.report(report);
        self.draw();
    }

    /// Shows a notice of the host.
    pub fn notice(&mut self, notice: &Notice) {
        self.shown.notice(notice);
        self.draw();
    }

    /// Shows the warnings, or hides them.
    pub fn toggle_warnings(&mut self) {
        self.shown.shows_warnings = !self.shown.shows_warnings;
        self.draw();
    }

    /// Prints lines to where the terminal scrolls, until a key is pressed.
    pub fn cover(&mut self, lines: &[String]) {
        self.is_covered = true;
        self.write(LEAVE);
        self.write(&format!("{}\n{DIM}any key returns{DIM:#}\n", lines.join("\n")));
    }

    /// Whether lines cover the screen; they do not any more.
    pub fn uncover(&mut self) -> bool {
        let was = std::mem::take(&mut self.is_covered);
        if was {
            self.write(ENTER);
            self.draw();
        }
        was
    }

    /// Gives the terminal back, with the last state as ordinary lines.
    pub fn leave(&mut self) {
        if !std::mem::replace(&mut self.is_left, true) {
            let last = self.shown.lines(usize::MAX);
            self.write(if self.is_covered { "" } else { LEAVE });
            self.write(&format!("{}\n", last.join("\n")));
        }
    }

    fn draw(&mut self) {
        if self.is_covered || self.is_left {
            return;
        }
        let (height, width) = self.terminal.size();
        let (height, width) = (usize::from(height).max(4), usize::from(width).max(20));
        let keys = format!("{DIM}r again  t tests  d all differences  w warnings  q quit{DIM:#}");
        let lines = self.shown.lines(height - 2);
        let mut frame = String::from("\x1b[?2026h\x1b[H");
        for line in lines.iter().chain([&String::new(), &keys]).take(height) {
            frame.push_str(&truncate_str(line, width, "…"));
            frame.push_str("\x1b[K\r\n");
        }
        frame.truncate(frame.len() - 2); // a new line at the bottom would scroll
        frame.push_str("\x1b[J\x1b[?2026l");
        self.write(&frame);
    }

    fn write(&mut self, text: &str) {
        // Nobody looking is no reason to stop.
        let _ = self.terminal.write_all(text.as_bytes()).and_then(|()| self.terminal.flush());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Shown {
    fn report(&mut self, report: &Report) {
        let lines = text::lines(report);
        match report {
            Report::FirstBuild { .. } => self.save = lines,
            Report::Compiling { crates, cargo } => {
                self.tests.clear();
                self.doing = match (crates, cargo) {
                    (_, Some(cargo)) => format!("cargo: {cargo}"),
                    (Some(crates), None) => format!("compiling ({crates} crates are there)"),
                    (None, None) => "compiling".into(),
                };
            }
            Report::NotCompiled { warnings, .. } => {
                (self.doing, self.save, self.warnings) = (String::new(), lines, warnings.clone());
            }
            Report::Compiled { is_same, warnings, .. } => {
                self.warnings.clone_from(warnings);
                self.doing = if *is_same { String::new() } else { "loading and replaying".into() };
                if *is_same {
                    self.save = lines;
                }
            }
            Report::Served(served) => {
                (self.doing, self.save) = (String::new(), lines);
                self.serving.clone_from(&served.hash);
            }
            Report::RowsChanged(_) => self.rows = lines,
            Report::FailedAt { .. } => self.save.extend(lines),
            Report::Tested(_) => self.tests = lines,
            Report::Failed { .. } => (self.doing, self.save) = (String::new(), lines),
        }
    }

    fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::Progress { covered, head, events_per_s, .. } => {
                let part = covered.0 * 100 / head.0.max(1);
                self.doing = format!("replaying: {part} %, {} events/s", grouped(*events_per_s));
                return;
            }
            Notice::Swapped(report) if report.projection == self.name => {
                self.serving.clone_from(&report.hash);
                return;
            }
            Notice::Building { projection, .. } if *projection == self.name => return,
            Notice::Serving { .. } => return,
            Notice::Refused { serving, .. } => {
                self.doing.clear();
                self.save = render::line(notice).lines().map(str::to_owned).collect();
                if let Some(serving) = serving {
                    self.serving.clone_from(serving);
                }
                return;
            }
            _ => {}
        }
        self.notices.extend(render::line(notice).lines().map(str::to_owned));
        self.notices.drain(..self.notices.len().saturating_sub(NOTICES_KEPT));
    }

    /// Everything, in at most so many lines: what stands further down gives way.
    fn lines(&self, room: usize) -> Vec<String> {
        let mut lines = vec![format!("{GOOD}projectionist dev{GOOD:#}  {}", self.name)];
        lines[0].push_str(&match (self.serving.as_str(), self.doing.as_str()) {
            ("", doing) => format!("  {CALM}{doing}{CALM:#}"),
            (serving, "") => format!("  serving {serving}"),
            (serving, doing) => format!("  serving {serving}  {CALM}{doing}{CALM:#}"),
        });
        let mut warnings = Vec::new();
        if !self.warnings.is_empty() {
            let count = self.warnings.len();
            warnings.push(format!("{BAD}{count} warning{}{BAD:#}", if count == 1 { "" } else { "s" }));
            if self.shows_warnings {
                warnings.extend(self.warnings.iter().flat_map(Diagnostic::lines).map(|line| format!("  {line}")));
            }
        }
        let notices: Vec<String> = self.notices.iter().map(|line| format!("{DIM}{line}{DIM:#}")).collect();
        for part in [&self.save, &self.tests, &warnings, &self.rows, &notices] {
            if !part.is_empty() {
                lines.push(String::new());
                lines.extend(part.iter().cloned());
            }
        }
        lines.truncate(room);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Served;
    use super::*;

    fn shown(shown: &Shown, room: usize) -> Vec<String> {
        shown.lines(room).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    fn warning() -> Diagnostic {
        Diagnostic { is_error: false, code: None, message: "unused".into(), place: None, help: None }
    }

    fn served(hash: &str) -> Report {
        let (load_ms, replay_ms, swap_ms) = (None, None, None);
        let (save_to_served_ms, notice_ms, build_ms) = (400.0, 4.0, 300.0);
        let hash = hash.to_owned();
        Report::Served(Served { hash, save_to_served_ms, notice_ms, build_ms, load_ms, replay_ms, swap_ms })
    }

    #[test]
    fn what_serves_stays_on_the_screen_while_a_save_does_not_compile() {
        let mut screen = Shown { name: "balances".into(), ..Shown::default() };
        screen.report(&served("0123456789ab"));
        let (errors, warnings) = (Vec::new(), Vec::new());
        screen.report(&Report::NotCompiled { errors, warnings, cargo: Some("no".into()), after_save_ms: 300.0 });
        assert_eq!(
            shown(&screen, 10),
            [
                "projectionist dev  balances  serving 0123456789ab",
                "",
                "it does not compile (300 ms after the save); what served goes on serving",
                "  no",
            ]
        );
    }

    #[test]
    fn warnings_are_counted_and_shown_on_demand() {
        let mut screen = Shown { name: "balances".into(), ..Shown::default() };
        let (hash, warnings) = ("0123456789ab".into(), vec![warning(), warning()]);
        screen.report(&Report::Compiled { build_ms: 300.0, bytes: 9, hash, warnings, is_same: false });
        let counted = ["projectionist dev  balances  loading and replaying", "", "2 warnings"];
        assert_eq!(shown(&screen, 10), counted);
        screen.shows_warnings = true;
        assert_eq!(shown(&screen, 10)[3..], ["  warning: unused", "  warning: unused"]);
        assert_eq!(shown(&screen, 2), counted[..2], "no more than there is room for");
    }
}
