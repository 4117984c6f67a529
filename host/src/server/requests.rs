//! **Requests**: what an operator asks of a projection, through the running host or, when none runs, without one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Fault, Result};
use crate::project::Project;
use crate::read_model;
use crate::read_model::{Answered, Catalogue, HostLock, RequestId, Wanted};

use super::host::Host;
use super::notice::{Notice, SwapReport};
use super::projection_entry::ProjectionEntry;
use super::status;

/// How long a running host may take to notice a request; doing it may take longer. As often it is made sure that the
/// host still runs.
const PATIENCE: Duration = Duration::from_secs(20);

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each holds the projection's name")]
pub enum Request {
    /// Build a new generation from all of history, and swap it in.
    Rebuild { name: String },
    /// Make the generation before the serving one serve again.
    Rollback { name: String },
    /// Stop at the checkpoint until resumed, over restarts too.
    Pause { name: String },
    /// Go on from the checkpoint.
    Resume { name: String },
}

impl Request {
    fn name(&self) -> &str {
        let (Request::Rebuild { name }
        | Request::Rollback { name }
        | Request::Pause { name }
        | Request::Resume { name }) = self;
        name
    }
}

/// What came of a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
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

impl Answer {
    fn into_result(self) -> Result<Answer> {
        match self {
            Answer::Failed(fault) => Err(fault),
            answer => Ok(answer),
        }
    }
}

/// Who waits for an answer: another process, by the number of its request, or the caller of [`ask`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Beside(RequestId),
    Here,
}

/// Asks the running host, or does it here under the project's lock when none runs.
pub fn ask(project: &Project, request: &Request, tell: &mut dyn FnMut(Notice)) -> Result<Answer> {
    if HostLock::held(&project.data)?.is_some() {
        return ask_beside(project, request);
    }
    let mut host = Host::open(project)?;
    if let Request::Rebuild { .. } = request {
        return host.rebuild_here(request, tell);
    }
    let answered = host.obey(request);
    host.go_down(tell);
    answered
}

fn ask_beside(project: &Project, request: &Request) -> Result<Answer> {
    let catalogue = Catalogue::open(&project.data)?;
    let text = serde_json::to_string(request).map_err(|error| Fault::storage("writing the request", error))?;
    let id = catalogue.ask(&text, PATIENCE)?;
    let silent = |reason: &str| {
        Err(Fault::storage("asking the running host", reason)
            .hint("see what `projectionist serve` says, and try again"))
    };
    loop {
        match catalogue.wait_answer(id, PATIENCE)? {
            Answered::Answer(answer) => {
                let answer: Answer = serde_json::from_str(&answer)
                    .map_err(|error| Fault::storage("reading the host's answer", error))?;
                return answer.into_result();
            }
            Answered::NotTaken => return silent("it did not take the request"),
            Answered::StillRunning if HostLock::held(&project.data)?.is_none() => return silent("it went down"),
            Answered::StillRunning => {}
        }
    }
}

impl Host {
    /// Does what other processes asked for since the last turn.
    pub(super) fn answer_requests(&mut self) -> Result<()> {
        for read_model::Request { id, request } in self.catalogue.take_requests()? {
            let answer = match serde_json::from_str::<Request>(&request) {
                Ok(Request::Rebuild { name }) => match self.rebuild(&name, Asked::Beside(id)) {
                    Ok(()) => continue,
                    Err(fault) => Answer::Failed(fault),
                },
                Ok(request) => self.obey(&request).unwrap_or_else(Answer::Failed),
                Err(error) => Answer::Failed(
                    Fault::input(format!("the running host does not know this request: {error}"))
                        .hint("the host is of another release: restart it"),
                ),
            };
            self.answer(Some(Asked::Beside(id)), answer);
        }
        Ok(())
    }

    /// Anything but a rebuild: done at once.
    fn obey(&mut self, request: &Request) -> Result<Answer> {
        let name = request.name();
        let has_file = self.known(name)?.path.is_some();
        let answer = match request {
            Request::Pause { .. } => {
                self.catalogue.set_wanted(name, Wanted::Paused)?;
                self.notices.push_back(Notice::Paused { projection: name.to_owned() });
                Answer::Paused
            }
            Request::Resume { .. } => {
                if self.is_booted && !has_file {
                    return Err(Fault::input(format!("the plugin file of `{name}` is gone from the plugin folder"))
                        .hint("put it back: the projection goes on from its checkpoint"));
                }
                self.catalogue.set_wanted(name, Wanted::Running)?;
                self.known(name)?.unpark();
                Answer::Resumed
            }
            Request::Rollback { .. } => {
                let (from, to) = self.catalogue.rollback(name)?;
                self.drop_candidate(name);
                let entry = self.known(name)?;
                entry.unpark();
                let asked = entry.rebuild_asked.take();
                self.answer(asked, Answer::Failed(Fault::input(format!("`{name}` was rolled back meanwhile"))));
                Answer::RolledBack { from: status::short_hash(&from), to: status::short_hash(&to) }
            }
            Request::Rebuild { .. } => unreachable!("rebuilds are answered once they are done"),
        };
        self.steer(name);
        Ok(answer)
    }

    /// Starts a rebuild; it is answered once the new generation serves, or was refused.
    fn rebuild(&mut self, name: &str, asked: Asked) -> Result<()> {
        let entry = self.known(name)?;
        if entry.rebuild_asked.is_some() {
            return Err(Fault::input(format!("a rebuild of `{name}` is already on its way")));
        }
        if entry.path.is_none() {
            return Err(Fault::input(format!("the plugin file of `{name}` is not in the plugin folder"))
                .hint("put it back, or drop in another version"));
        }
        entry.rebuild_asked = Some(asked);
        entry.failed = None;
        if self.catalogue.expect_projection(name)?.wanted == Wanted::Paused {
            self.known(name)?.rebuild_asked = None;
            return Err(
                Fault::input(format!("`{name}` is paused")).hint(format!("`projectionist resume {name}` first"))
            );
        }
        self.steer(name);
        Ok(())
    }

    /// A rebuild without a running host: this one runs until it is done.
    fn rebuild_here(&mut self, request: &Request, tell: &mut dyn FnMut(Notice)) -> Result<Answer> {
        self.boot()?;
        self.rebuild(request.name(), Asked::Here)?;
        let answer = loop {
            self.turn(tell);
            if let Some(answer) = self.answered_here.take() {
                break answer;
            }
        };
        self.go_down(tell);
        answer.into_result()
    }

    pub(super) fn answer(&mut self, asked: Option<Asked>, answer: Answer) {
        match asked {
            None => {}
            Some(Asked::Here) => self.answered_here = Some(answer),
            Some(Asked::Beside(id)) => {
                let text = serde_json::to_string(&answer).map_err(|error| Fault::storage("writing an answer", error));
                if let Err(fault) = text.and_then(|text| self.catalogue.answer(id, &text)) {
                    self.trouble(fault);
                }
            }
        }
    }

    fn known(&mut self, name: &str) -> Result<&mut ProjectionEntry> {
        if !self.projections.contains_key(name)
            && let Some(record) = self.catalogue.projection(name)?
        {
            let published = status::published(record.state.as_deref());
            self.projections.insert(name.to_owned(), ProjectionEntry { published, ..ProjectionEntry::default() });
        }
        if !self.projections.contains_key(name) {
            // The catalogue knows the others by name, and says so.
            self.catalogue.expect_projection(name)?;
        }
        Ok(self.projections.entry(name.to_owned()).or_default())
    }
}
