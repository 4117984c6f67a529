//! The **reading side** of an import: a thread that reads, decompresses and parses chunks while the one before is
//! recorded.

use std::io;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::chunk::{Chunk, ChunkReader, End, Item};
use super::derived::Derived;
use super::input::Input;
use super::parse::parse;
use super::parsed::ChunkEvent;
use super::place::{BadLine, Mistake, Place};
use crate::event::{Fault, Result};
use crate::event_store::EventId;

/// What the reading side hands over.
pub(super) enum Read {
    Chunk(ParsedChunk),
    /// A line or member is too long, and begins like that; its parts follow, up to [`Read::EndOfItem`].
    TooLong(Place, Vec<u8>),
    PartOfItem(Vec<u8>),
    EndOfItem,
    /// Nothing can be read any more: there is no telling where the next member of an array begins.
    Broken(BadLine),
    Failed(io::Error),
    End,
}

/// A chunk whose items are parsed.
pub(super) struct ParsedChunk {
    pub chunk: Chunk,
    /// One for each of the chunk's items.
    pub events: Vec<Result<ChunkEvent, Mistake>>,
    /// Bytes of the input read before it, and through it.
    pub input_bytes: (u64, u64),
}

/// Starts to read. Dropping the receiver ends it, at the latest when the input gives something or ends.
pub(super) fn start(input: Input, again: bool) -> Result<Receiver<Read>> {
    // No room: one chunk is recorded and one is read.
    let (sender, receiver) = bounded(0);
    let reading = move || {
        // Nobody waits for it any more: the import has ended.
        _ = read_all(input, again, &sender);
    };
    thread::Builder::new()
        .name("import-reader".into())
        .spawn(reading)
        .map_err(|error| Fault::storage("starting to read the input", error))?;
    Ok(receiver)
}

/// The import has ended before the input.
struct NobodyListens;

fn read_all(mut input: Input, again: bool, sender: &Sender<Read>) -> Result<(), NobodyListens> {
    let send = |read: Read| sender.send(read).map_err(|_| NobodyListens);
    let mut reader = ChunkReader::new(&mut input);
    let mut derived = Derived::default();
    loop {
        let before = reader.input().bytes_read();
        let mut chunk = Chunk::default();
        let end = reader.fill(&mut chunk);
        let events = chunk.items.iter().map(|&item| event(&chunk, item, again, &mut derived)).collect();
        let too_long = match &end {
            End::TooLong(item) => Some(Read::TooLong(item.place, chunk.bytes(*item).to_vec())),
            _ => None,
        };
        let input_bytes = (before, reader.input().bytes_read());
        send(Read::Chunk(ParsedChunk { chunk, events, input_bytes }))?;
        match end {
            End::Full => {}
            End::OfInput => return send(Read::End),
            End::Broken(place, reason) => {
                return send(Read::Broken(BadLine::new(place, &[], Mistake::of_all(reason))));
            }
            End::Failed(error) => return send(Read::Failed(error)),
            End::TooLong(_) => {
                too_long.map_or(Ok(()), send)?;
                let mut sent = Ok(());
                let rest = reader.rest_of_item(&mut |part| {
                    if sent.is_ok() {
                        sent = send(Read::PartOfItem(part.to_vec()));
                    }
                });
                sent?;
                match rest {
                    Ok(()) => send(Read::EndOfItem)?,
                    Err(error) => return send(Read::Failed(error)),
                }
            }
        }
    }
}

fn event(chunk: &Chunk, item: Item, again: bool, derived: &mut Derived) -> Result<ChunkEvent, Mistake> {
    let bytes = chunk.bytes(item);
    let mut parsed = parse(bytes)?;
    let id = match parsed.id.take() {
        Some(id) => EventId::from(id).into_owned(),
        None if again => EventId::made_up(),
        None => EventId::Uuid(derived.next(bytes)),
    };
    Ok(ChunkEvent::new(parsed, id, chunk.text()))
}
