//! A **command** is what an operator tells the host to do with one projection, and its **reply** what came of it.
//!
//! Commands of this process arrive over a channel, those of others through the catalogue; the host executes both the
//! same way.

use crossbeam_channel::Sender;
use serde::{Deserialize, Serialize};

use crate::event::{Fault, Result};
use crate::read_model::RequestId;

use super::notice::SwapReport;

/// What an operator wants done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each holds the projection's name")]
pub enum Command {
    /// Build a new generation from all of history, and swap it in.
    Rebuild { name: String },
    /// Make the generation before the serving one serve again.
    Rollback { name: String },
    /// Stop at the checkpoint until resumed, over restarts too.
    Pause { name: String },
    /// Go on from the checkpoint.
    Resume { name: String },
}

impl Command {
    pub(super) fn name(&self) -> &str {
        let (Command::Rebuild { name }
        | Command::Rollback { name }
        | Command::Pause { name }
        | Command::Resume { name }) = self;
        name
    }
}

/// What came of a command.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum CommandReply {
    /// A rebuild is done.
    Swapped(SwapReport),
    /// An older generation serves.
    RolledBack {
        /// The hash that served.
        from: String,
        /// The hash that serves.
        to: String,
    },
    /// It is paused.
    Paused,
    /// It goes on, or will once a host runs.
    Resumed,
    /// It could not be done.
    Failed(Fault),
}

impl CommandReply {
    pub(super) fn of(result: Result<CommandReply>) -> CommandReply {
        result.unwrap_or_else(CommandReply::Failed)
    }

    pub(super) fn into_result(self) -> Result<CommandReply> {
        match self {
            CommandReply::Failed(fault) => Err(fault),
            reply => Ok(reply),
        }
    }
}

/// Where a reply goes.
#[derive(Clone, Debug)]
pub(super) enum ReplyTo {
    /// To another process, by the number of its request in the catalogue.
    Request(RequestId),
    /// To a thread of this process.
    Channel(Sender<Result<CommandReply>>),
}
