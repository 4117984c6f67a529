//! **Asking** something of one projection: through the running host, or here when none runs.

use super::render::{self, Watch};
use super::shell::Shell;
use crate::server::{self, Answer, Notice, Request};

/// Asks, and prints what came of it.
pub(super) fn ask(shell: &Shell, name: &str, request: &Request) -> anyhow::Result<()> {
    let project = shell.project()?;
    let mut watch = Watch::new(shell);
    let answer = server::ask(&project, request, &mut |notice| {
        // With JSON the answer is one object; a swap stands in the answer anyway.
        if !shell.json() && !matches!(notice, Notice::Swapped(_)) {
            watch.notice(&notice);
        }
    })?;
    drop(watch);
    shell.answer(&answer, |answer| for_people(name, answer))
}

fn for_people(name: &str, answer: &Answer) -> String {
    let text = match answer {
        Answer::Swapped(report) => render::line(&Notice::Swapped(report.clone())),
        Answer::RolledBack { from, to } => format!("rolled back {name}: {to} serves in place of {from}"),
        Answer::Paused => format!("paused {name}"),
        Answer::Resumed => format!("resumed {name}"),
        Answer::Failed(fault) => format!("failed {name}: {fault}"),
    };
    anstream::adapter::strip_str(&text).to_string()
}
