//! A **parsed** line: an event as the input says it, before an id is made up.

use std::borrow::Cow;

use crate::event::Timestamp;
use crate::event_store::{BulkEvent, EventId};

/// An event as the input says it.
#[derive(Debug)]
pub(super) struct Parsed<'l> {
    pub stream: Cow<'l, str>,
    pub kind: Cow<'l, str>,
    pub data: Cow<'l, str>,
    pub metadata: Option<Cow<'l, str>>,
    pub id: Option<Cow<'l, str>>,
    pub time: Option<Timestamp>,
}

/// An event of a chunk: where its parts stand in the chunk's text, or what was made of them.
#[derive(Debug)]
pub(super) struct ChunkEvent {
    stream: Part,
    kind: Part,
    data: Part,
    metadata: Option<Part>,
    id: EventId<'static>,
    time: Option<Timestamp>,
}

#[derive(Debug)]
enum Part {
    InChunk { start: u32, length: u32 },
    Made(Box<str>),
}

impl ChunkEvent {
    /// `parsed`, whose borrowed parts stand in `chunk`, with its id.
    pub fn new(parsed: Parsed<'_>, id: EventId<'static>, chunk: &[u8]) -> ChunkEvent {
        let range = chunk.as_ptr_range();
        let part = |text: Cow<'_, str>| match text {
            // A chunk is far smaller than 4 GiB.
            Cow::Borrowed(text) if range.contains(&text.as_ptr()) => Part::InChunk {
                start: (text.as_ptr() as usize - range.start as usize) as u32,
                length: text.len() as u32,
            },
            text => Part::Made(text.into()),
        };
        let Parsed { stream, kind, data, metadata, time, .. } = parsed;
        ChunkEvent { stream: part(stream), kind: part(kind), data: part(data), metadata: metadata.map(part), id, time }
    }

    /// The event as a store takes it.
    pub fn borrowed<'c>(&'c self, chunk: &'c [u8]) -> BulkEvent<'c> {
        let text = |part: &'c Part| -> Cow<'c, str> {
            match part {
                Part::Made(text) => (&**text).into(),
                Part::InChunk { start, length } => {
                    let bytes = &chunk[*start as usize..][..*length as usize];
                    std::str::from_utf8(bytes).expect("it was parsed as text").into()
                }
            }
        };
        BulkEvent {
            stream: text(&self.stream),
            kind: text(&self.kind),
            data: text(&self.data),
            metadata: self.metadata.as_ref().map(text),
            id: self.id.clone(),
            time: self.time,
        }
    }
}
