//! **Commands** to one projection: through the running host, or here when none runs.

use super::render::{self, Watch};
use super::shell::Shell;
use crate::server::{self, Command, CommandReply, Notice};

/// Gives the command, and prints what came of it.
pub(super) fn ask(shell: &Shell, name: &str, command: &Command) -> anyhow::Result<()> {
    let project = shell.project()?;
    let mut watch = Watch::new(shell);
    let reply = server::ask(&project, command, &mut |notice| {
        // With JSON the reply is one object; a swap stands in the reply anyway.
        if !shell.json() && !matches!(notice, Notice::Swapped(_)) {
            watch.notice(&notice);
        }
    })?;
    drop(watch);
    shell.answer(&reply, |reply| for_people(name, reply))
}

fn for_people(name: &str, reply: &CommandReply) -> String {
    let text = match reply {
        CommandReply::Swapped(report) => render::line(&Notice::Swapped(report.clone())),
        CommandReply::RolledBack { from, to } => format!("rolled back {name}: {to} serves in place of {from}"),
        CommandReply::Paused => format!("paused {name}"),
        CommandReply::Resumed => format!("resumed {name}"),
        CommandReply::Failed(fault) => format!("failed {name}: {fault}"),
    };
    anstream::adapter::strip_str(&text).to_string()
}
