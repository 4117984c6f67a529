//! **Appending** to one stream, with what is expected of it.

use super::EventId;
use std::borrow::Cow;

use super::check::{check_event, check_name, refused};
use super::write::{Entry, Outcome, Transaction, Writer};
use crate::event::{ExpectedVersion, Fault, NewEvent, Position, Result, StreamVersion};

/// Where an appended event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place in the log.
    pub position: Position,
    /// Its place in its stream.
    pub stream_version: StreamVersion,
    /// Whether it stood there before this append.
    pub already_there: bool,
}

/// Appends all or none; also returns the head of the log.
pub(super) fn append(
    writer: &mut Writer,
    stream: &str,
    expected: ExpectedVersion,
    events: &[NewEvent],
) -> Result<(Vec<Recorded>, Position)> {
    check_name("stream", stream)?;
    events.iter().try_for_each(check_event)?;
    let mut transaction = writer.begin()?;
    let mut checked = false;
    let mut recorded = Vec::with_capacity(events.len());
    for event in events {
        let entry = Entry {
            stream: stream.into(),
            kind: event.kind.as_str().into(),
            data: event.data.as_str().into(),
            metadata: event.metadata.as_deref().map(Into::into),
            id: match &event.id {
                Some(id) => EventId::from(Cow::from(id)),
                None => EventId::made_up(),
            },
            time: event.time,
        };
        let known = match event.id {
            Some(_) => transaction.recorded(&entry)?,
            None => None,
        };
        let outcome = match known {
            Some(known) => known,
            None => {
                if !checked {
                    check_expected(&transaction, stream, expected)?;
                    checked = true;
                }
                transaction.record(&entry)?
            }
        };
        recorded.push(match outcome {
            Outcome::Added(position, stream_version) => Recorded { position, stream_version, already_there: false },
            Outcome::There(position, stream_version) => Recorded { position, stream_version, already_there: true },
            Outcome::Differs(position) => return Err(taken(&entry.id, position)),
        });
    }
    if events.is_empty() {
        check_expected(&transaction, stream, expected)?;
    }
    Ok((recorded, transaction.commit()?))
}

fn check_expected(transaction: &Transaction<'_>, stream: &str, expected: ExpectedVersion) -> Result<()> {
    let wanted = match expected {
        ExpectedVersion::Any => return Ok(()),
        ExpectedVersion::None => StreamVersion(0),
        ExpectedVersion::Exactly(wanted) => wanted,
    };
    let last = transaction.stream_version(stream)?;
    if last == wanted {
        return Ok(());
    }
    let message = match wanted {
        StreamVersion(0) => format!("stream `{stream}` was expected to have no events and is at version {last}"),
        wanted => format!("stream `{stream}` was expected at version {wanted} and is at version {last}"),
    };
    Err(Fault::input(message)
        .hint("somebody else appended: read the stream again, decide anew, and append to its last version"))
}

fn taken(id: &EventId<'_>, position: Position) -> Fault {
    refused(format!("event id `{id}` is recorded already, with another event"))
        .at(position)
        .hint("give each event an id of its own; only a retry of the same event may use it again")
}
