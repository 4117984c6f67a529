//! **Requests**: commands of other processes, which reach the running host through the catalogue; where none runs, the
//! command is executed here.

use std::time::Duration;

use crossbeam_channel::TryRecvError;

use crate::event::{Fault, Result};
use crate::project::Project;
use crate::read_model::{Answered, Catalogue, HostLock, Request};

use super::command::{Command, CommandReply, ReplyTo};
use super::host::Host;
use super::notice::Notice;

/// How long a running host may take to notice a request; executing it may take longer. As often it is made sure that
/// the host still runs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Gives a command to the running host, or executes it here under the project's lock when none runs.
pub fn ask(project: &Project, command: &Command, tell: &mut dyn FnMut(Notice)) -> Result<CommandReply> {
    if HostLock::held(&project.data)?.is_some() {
        return ask_running_host(project, command);
    }
    let mut host = Host::open(project)?;
    let is_rebuild = matches!(command, Command::Rebuild { .. });
    if is_rebuild {
        // Nothing else needs projections that run.
        host.boot()?;
    }
    let replies = host.handle().send(command.clone());
    let reply = loop {
        host.turn(tell);
        match replies.try_recv() {
            Ok(reply) => break reply,
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => break Err(Fault::storage("executing a command", "nobody replied")),
        }
    };
    host.go_down(tell);
    reply
}

fn ask_running_host(project: &Project, command: &Command) -> Result<CommandReply> {
    let catalogue = Catalogue::open(&project.data)?;
    let text = serde_json::to_string(command).map_err(|error| Fault::storage("writing the request", error))?;
    let id = catalogue.ask(&text, PATIENCE)?;
    let silent = |reason: &str| {
        Err(Fault::storage("asking the running host", reason)
            .hint("see what `projectionist serve` says, and try again"))
    };
    loop {
        match catalogue.wait_answer(id, PATIENCE)? {
            Answered::Answer(reply) => {
                let reply: CommandReply =
                    serde_json::from_str(&reply).map_err(|error| Fault::storage("reading the host's reply", error))?;
                return reply.into_result();
            }
            Answered::NotTaken => return silent("it did not take the request"),
            Answered::StillRunning if HostLock::held(&project.data)?.is_none() => return silent("it went down"),
            Answered::StillRunning => {}
        }
    }
}

impl Host {
    /// Executes what other processes asked for. Asked at each turn: a request that could not be taken now is taken at
    /// the next.
    pub(super) fn take_requests(&mut self) {
        let taken = match self.catalogue.take_requests() {
            Ok(taken) => taken,
            Err(fault) => return self.warn(fault),
        };
        for Request { id, request } in taken {
            let reply_to = ReplyTo::Request(id);
            match serde_json::from_str::<Command>(&request) {
                Ok(command) => self.execute(command, reply_to),
                Err(error) => {
                    let fault = Fault::input(format!("the running host does not know this request: {error}"))
                        .hint("the host is of another release: restart it");
                    self.reply(Some(reply_to), CommandReply::Failed(fault));
                }
            }
        }
    }
}
