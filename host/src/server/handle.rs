//! A **handle** is the way to a running host for other threads of its process.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::event::Result;

use super::command::{Command, CommandReply};
use super::message::HostMessage;
use super::snapshot::{HostSnapshot, SnapshotCell};

/// A way to a running host, for other threads of its process. Cheap to clone.
#[derive(Clone)]
pub struct HostHandle {
    pub(super) messages: Sender<HostMessage>,
    pub(super) snapshot: SnapshotCell,
}

impl HostHandle {
    /// Sends a command; the reply comes over the channel once it is done, which for a rebuild may take long. The
    /// channel closes without one when the host goes down.
    pub fn send(&self, command: Command) -> Receiver<Result<CommandReply>> {
        let (reply, replies) = bounded(1);
        // A host that is gone drops the sender, which closes the channel.
        let _ = self.messages.send(HostMessage::Command { command, reply });
        replies
    }

    /// How the host stands, as it last said; asks nobody.
    pub fn snapshot(&self) -> Arc<HostSnapshot> {
        self.snapshot.get()
    }
}
