//! The **display**: one quiet screen where a person sits at a terminal, lines or objects elsewhere.

use std::io::{IsTerminal, stderr};

use super::report::Report;
use super::screen::Screen;
use super::text;
use crate::cli::render::Watch;
use crate::cli::shell::Shell;
use crate::server::Notice;

/// Where reports and notices are shown.
pub(super) struct Display<'a> {
    shell: &'a Shell,
    watch: Watch<'a>,
    screen: Option<Screen>,
}

impl<'a> Display<'a> {
    /// A screen when stderr is a terminal, keys can be pressed, and nobody asked for JSON.
    pub fn new(shell: &'a Shell, name: &str, has_keys: bool) -> Display<'a> {
        let has_screen = has_keys && stderr().is_terminal() && !shell.json();
        Display { shell, watch: Watch::new(shell), screen: has_screen.then(|| Screen::enter(name)) }
    }

    /// Shows a report.
    pub fn report(&mut self, report: &Report) {
        match &mut self.screen {
            Some(screen) => screen.report(report),
            None if self.shell.json() => {
                if let Err(error) = self.shell.object(report) {
                    self.watch.broken.get_or_insert(error);
                }
            }
            None => text::lines(report).iter().for_each(|line| self.shell.say(line)),
        }
    }

    /// Shows a notice of the host.
    pub fn notice(&mut self, notice: &Notice) {
        match &mut self.screen {
            Some(screen) => screen.notice(notice),
            None => self.watch.notice(notice),
        }
    }

    /// The screen, when there is one.
    pub fn screen(&mut self) -> Option<&mut Screen> {
        self.screen.as_mut()
    }

    /// The first failure to print; the command is to end with it.
    pub fn broken(&mut self) -> &mut Option<anyhow::Error> {
        &mut self.watch.broken
    }
}
