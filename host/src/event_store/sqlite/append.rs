//! **Appending** to one stream, with what is expected of it.

use super::write::{Outcome, Writer};
use crate::event::{ExpectedVersion, NewEvent, Position, Result};
use crate::event_store::append::{check_expected, conflict};
use crate::event_store::{BulkEvent, Recorded, check_name};

/// Appends all or none; also returns the head of the log.
pub(super) fn append(
    writer: &mut Writer,
    stream: &str,
    expected: ExpectedVersion,
    events: &[NewEvent],
) -> Result<(Vec<Recorded>, Position)> {
    check_name("stream", stream)?;
    let checked = events.iter().map(|event| BulkEvent::checked(stream, event)).collect::<Result<Vec<_>>>()?;
    let mut transaction = writer.begin()?;
    let mut is_version_checked = false;
    let mut recorded = Vec::with_capacity(events.len());
    for (event, given) in checked.iter().zip(events) {
        let known = match given.id {
            Some(_) => transaction.recorded(event)?,
            None => None,
        };
        let outcome = match known {
            Some(known) => known,
            None => {
                if !is_version_checked {
                    check_expected(stream, expected, transaction.stream_version(stream)?)?;
                    is_version_checked = true;
                }
                transaction.record(event)?
            }
        };
        recorded.push(match outcome {
            Outcome::Added(position, stream_version) => Recorded { position, stream_version, already_there: false },
            Outcome::AlreadyThere(position, stream_version) => {
                Recorded { position, stream_version, already_there: true }
            }
            Outcome::Conflict(position) => return Err(conflict(&event.id, position)),
        });
    }
    if events.is_empty() {
        check_expected(stream, expected, transaction.stream_version(stream)?)?;
    }
    Ok((recorded, transaction.commit()?))
}
