//! An **event id** makes a retried append harmless: each is recorded once in the whole store.

use std::borrow::Cow;

use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// An id as it is stored: a hyphenated UUID, in upper or lower case, as its 16 bytes; anything else as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventId<'a> {
    /// A UUID.
    Uuid(Uuid),
    /// Any other text.
    Text(Cow<'a, str>),
}

impl EventId<'_> {
    /// A new one, growing with time, so that indexes are filled in order.
    pub fn made_up() -> EventId<'static> {
        EventId::Uuid(Uuid::now_v7())
    }

    /// The same, with its text owned.
    pub fn into_owned(self) -> EventId<'static> {
        match self {
            EventId::Uuid(uuid) => EventId::Uuid(uuid),
            EventId::Text(text) => EventId::Text(text.into_owned().into()),
        }
    }
}

impl<'a> From<Cow<'a, str>> for EventId<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        match Uuid::try_parse(&text) {
            Ok(uuid) if text.len() == Hyphenated::LENGTH => EventId::Uuid(uuid),
            _ => EventId::Text(text),
        }
    }
}

impl std::fmt::Display for EventId<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EventId::Uuid(uuid) => uuid.fmt(f),
            EventId::Text(text) => f.write_str(text),
        }
    }
}
