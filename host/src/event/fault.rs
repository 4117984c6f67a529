//! A **fault**: a failure that says whose it is, where it happened, whether trying again may help, and what to do.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

use super::passing::Cause;
use super::{Position, Range};

/// What the core of the house returns; the edges wrap it in `anyhow`.
pub type Result<T, E = Fault> = std::result::Result<T, E>;

/// Whose failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// The plugin's code or manifest.
    Plugin,
    /// This program, or the machine it runs on.
    Host,
    /// A recorded event, or input to be recorded.
    Data,
    /// What was asked for or configured.
    Operator,
}

/// What failed; a closed set, so that tools can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Not a plugin, of another contract version, or with an import the host does not know.
    Incompatible,
    /// The manifest does not fit together.
    Manifest,
    /// The settings are not usable.
    Settings,
    /// The plugin trapped: a bug in it.
    Trap,
    /// A call took longer than its deadline.
    Deadline,
    /// A call used up its fuel.
    Fuel,
    /// The plugin asked for more memory than it may have.
    Memory,
    /// More rows, bytes or lookups than allowed.
    Output,
    /// Row changes that break the contract: wrong shapes, unknown tables, duplicate keys.
    Changes,
    /// Two partitions changed the same row: the plugin is not partitioned as it says.
    Overlap,
    /// An event does not look as the projection expects.
    Event,
    /// The projection itself said no.
    Projection,
    /// A store, a read model or a file could not be read or written.
    Storage,
    /// Input that cannot be accepted: a bad line, a wrong stream version, an unknown name.
    Input,
}

/// A failure. Built with [`Fault::new`] and the `with`-style methods, read through its fields.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fault(Box<Detail>);

/// The fields of a [`Fault`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Detail {
    /// What failed.
    pub kind: FaultKind,
    /// Whose failure it is.
    pub blame: Blame,
    /// One sentence, without a full stop, naming the thing that failed.
    pub message: String,
    /// The projection it happened in.
    pub projection: Option<String>,
    /// The event it happened at.
    pub position: Option<Position>,
    /// The events it happened among, when the event itself is not known.
    pub range: Option<Range>,
    /// The index of the event in the batch, until the position is known.
    pub event: Option<u32>,
    /// The payload or metadata field that failed.
    pub field: Option<String>,
    /// Whether trying again, with nothing changed, may help.
    pub retry: bool,
    /// What to do about it.
    pub hint: Option<String>,
    /// Wasm frames with function names, innermost first.
    pub backtrace: Vec<String>,
}

impl Fault {
    /// A fault of this kind, with the blame that usually goes with it.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Fault {
        let blame = match kind {
            FaultKind::Storage => Blame::Host,
            FaultKind::Event => Blame::Data,
            FaultKind::Settings | FaultKind::Input => Blame::Operator,
            _ => Blame::Plugin,
        };
        Fault(Box::new(Detail {
            kind,
            blame,
            message: message.into(),
            projection: None,
            position: None,
            range: None,
            event: None,
            field: None,
            retry: false,
            hint: None,
            backtrace: Vec::new(),
        }))
    }

    /// A store or file that failed, with what was being done. Whether it may pass is decided by its [`Cause`].
    pub fn storage(doing: impl fmt::Display, cause: impl Cause) -> Fault {
        let fault = Fault::new(FaultKind::Storage, format!("{doing}: {cause}"));
        if cause.may_pass() { fault.retriable() } else { fault }
    }

    /// Input that cannot be accepted.
    pub fn input(message: impl Into<String>) -> Fault {
        Fault::new(FaultKind::Input, message)
    }

    /// Says what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }

    /// Names the projection.
    pub fn of(mut self, projection: &str) -> Fault {
        self.projection = Some(projection.to_owned());
        self
    }

    /// Names the event.
    pub fn at(mut self, position: Position) -> Fault {
        self.position = Some(position);
        self.range = None;
        self
    }

    /// Names the events, unless the event itself is known.
    pub fn among(mut self, range: Range) -> Fault {
        if self.position.is_none() {
            self.range = Some(range);
        }
        self
    }

    /// Says that trying again may help.
    pub fn retriable(mut self) -> Fault {
        self.retry = true;
        self
    }

    /// Changes the blame.
    pub fn blame(mut self, blame: Blame) -> Fault {
        self.blame = blame;
        self
    }
}

impl Deref for Fault {
    type Target = Detail;
    fn deref(&self) -> &Detail {
        &self.0
    }
}

impl DerefMut for Fault {
    fn deref_mut(&mut self) -> &mut Detail {
        &mut self.0
    }
}

impl fmt::Display for Fault {
    /// One line: projection, place, message. The hint and the backtrace are for the edges to lay out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(projection) = &self.projection {
            write!(f, "{projection}: ")?;
        }
        match (self.position, self.range) {
            (Some(position), _) => write!(f, "at position {position}: ")?,
            (None, Some(range)) => write!(f, "among positions {range}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.message)?;
        if let Some(field) = &self.field {
            write!(f, " (field `{field}`)")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
