//! **Executing** commands, whoever gave them.

use crossbeam_channel::Sender;

use crate::event::{Fault, Result};
use crate::read_model::{DesiredState, RequestId};

use super::command::{Command, CommandReply, ReplyTo};
use super::host::Host;
use super::notice::Notice;
use super::projection_entry::ProjectionEntry;
use super::status::{self, short_hash};

impl Host {
    /// A command of this process.
    pub(super) fn handle_command(&mut self, command: Command, reply: Sender<Result<CommandReply>>) {
        self.execute(command, ReplyTo::Channel(reply));
    }

    /// Executes a command; the reply to a rebuild is sent once it is done.
    pub(super) fn execute(&mut self, command: Command, reply_to: ReplyTo) {
        let done = match &command {
            Command::Rebuild { name } => match self.rebuild(name, reply_to.clone()) {
                Ok(()) => return,
                Err(fault) => Err(fault),
            },
            Command::Pause { name } => self.pause(name),
            Command::Resume { name } => self.resume(name),
            Command::Rollback { name } => self.roll_back(name),
        };
        self.reply(Some(reply_to), CommandReply::of(done));
        self.reconcile(command.name());
    }

    fn pause(&mut self, name: &str) -> Result<CommandReply> {
        self.known(name)?;
        self.catalogue.set_desired_state(name, DesiredState::Paused)?;
        self.notices.push_back(Notice::Paused { projection: name.to_owned() });
        // Before the reply: whoever waits for it may look at once.
        self.reconcile(name);
        Ok(CommandReply::Paused)
    }

    fn resume(&mut self, name: &str) -> Result<CommandReply> {
        let has_file = self.known(name)?.path.is_some();
        if self.is_booted && !has_file {
            return Err(Fault::input(format!("the plugin file of `{name}` is gone from the plugin folder"))
                .hint("put it back: the projection goes on from its checkpoint"));
        }
        self.catalogue.set_desired_state(name, DesiredState::Running)?;
        self.known(name)?.unpark();
        self.hasten_projection(name);
        Ok(CommandReply::Resumed)
    }

    fn roll_back(&mut self, name: &str) -> Result<CommandReply> {
        self.known(name)?;
        let (from, to) = self.catalogue.rollback(name)?;
        self.drop_candidate(name);
        let entry = self.known(name)?;
        entry.unpark();
        entry.waits.clear();
        let asked = entry.rebuild_asked.take();
        self.reply(asked, CommandReply::Failed(Fault::input(format!("`{name}` was rolled back meanwhile"))));
        self.reconcile(name);
        Ok(CommandReply::RolledBack { from: short_hash(&from), to: short_hash(&to) })
    }

    /// Starts a rebuild; the reply is sent once the new generation serves, or was refused.
    fn rebuild(&mut self, name: &str, reply_to: ReplyTo) -> Result<()> {
        let entry = self.known(name)?;
        if entry.rebuild_asked.is_some() {
            return Err(Fault::input(format!("a rebuild of `{name}` is already on its way")));
        }
        let Some(path) = entry.path.clone() else {
            return Err(Fault::input(format!("the plugin file of `{name}` is not in the plugin folder"))
                .hint("put it back, or drop in another version"));
        };
        if self.catalogue.expect_projection(name)?.desired_state == DesiredState::Paused {
            return Err(
                Fault::input(format!("`{name}` is paused")).hint(format!("`projectionist resume {name}` first"))
            );
        }
        let is_refused = self.refused.contains_key(&path);
        let entry = self.known(name)?;
        entry.rebuild_asked = Some(reply_to);
        entry.failed = None;
        if entry.file.is_none() || is_refused || entry.load_waits.is_some() {
            // It was not loaded: it is looked at once more, and what comes of that is the reply.
            self.folder.look_again(&path);
        }
        self.hasten_projection(name);
        Ok(())
    }

    /// Sends what came of a command to whoever gave it.
    pub(super) fn reply(&mut self, to: Option<ReplyTo>, reply: CommandReply) {
        match to {
            None => {}
            // Whoever does not wait any more needs no reply.
            Some(ReplyTo::Channel(sender)) => _ = sender.try_send(reply.into_result()),
            Some(ReplyTo::Request(id)) => match serde_json::to_string(&reply) {
                Ok(text) => self.send_reply(id, text),
                Err(error) => self.warn(Fault::storage("writing a reply", error)),
            },
        }
    }

    /// Writes a reply down for another process; one that cannot be written now is written later.
    pub(super) fn send_reply(&mut self, id: RequestId, text: String) {
        if let Err(fault) = self.catalogue.answer(id, &text) {
            self.unsent_replies.push((id, text));
            self.write_later(fault);
        }
    }

    fn known(&mut self, name: &str) -> Result<&mut ProjectionEntry> {
        if !self.projections.contains_key(name) {
            // The catalogue knows the others by name, and says so.
            let record = self.catalogue.expect_projection(name)?;
            let published = status::published(record.state.as_deref());
            self.projections.insert(name.to_owned(), ProjectionEntry { published, ..ProjectionEntry::default() });
        }
        Ok(self.projections.entry(name.to_owned()).or_default())
    }
}
