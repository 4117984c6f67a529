//! A **line** of our own form: a JSON object with `stream`, `type` and `data`, and perhaps `metadata`, `id` and `time`.
//!
//! | key | value |
//! | --- | --- |
//! | `stream` | text, not empty, at most 1,024 bytes |
//! | `type` | text, likewise |
//! | `data` | any JSON, kept byte for byte |
//! | `metadata` | a JSON object, kept byte for byte; or `null` |
//! | `id` | text, at most 2,048 bytes, unlike any other event's; or `null` |
//! | `time` | RFC 3339 text, kept to the microsecond; or `null` |
//! | `position`, `stream_version` | passed over: the store gives each event its own |
//!
//! Any other key, and a key that stands twice, is a mistake that should not pass unseen.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::cloudevent;
use crate::event::{Fault, Timestamp};
use crate::event_store::sqlite::{check_id, check_json, check_name};

/// More keys than this make a line bad; CloudEvents have a dozen.
const KEYS_MAX: usize = 1_000;

/// Where in the line, from 1, and what is wrong there.
pub(super) type Wrong = (usize, String);

/// What a line says, before an id is made up.
#[derive(Debug)]
pub(super) struct Event<'l> {
    pub stream: Cow<'l, str>,
    pub kind: Cow<'l, str>,
    pub data: Cow<'l, str>,
    pub metadata: Option<Cow<'l, str>>,
    pub id: Option<Cow<'l, str>>,
    pub time: Option<Timestamp>,
}

/// Reads a line of either form.
pub(super) fn parse(line: &str) -> Result<Event<'_>, Wrong> {
    let members = Members::read(line)?;
    let event = match members.find("specversion") {
        Some(specversion) => cloudevent::read(&members, specversion)?,
        None => plain(&members)?,
    };
    let at = |key: &'static str| {
        let column = members.find(key).map_or(1, |raw| members.column(raw));
        move |fault: Fault| (column, fault.message.clone())
    };
    check_name("stream", &event.stream).map_err(at("stream"))?;
    check_name("event type", &event.kind).map_err(at("type"))?;
    event.id.as_deref().map_or(Ok(()), check_id).map_err(at("id"))?;
    check_json("data", &event.data).map_err(at("data"))?;
    event.metadata.as_deref().map_or(Ok(()), |json| check_json("metadata", json)).map_err(at("metadata"))?;
    Ok(event)
}

fn plain<'l>(members: &Members<'l>) -> Result<Event<'l>, Wrong> {
    const KEYS: [&str; 6] = ["stream", "type", "data", "metadata", "id", "time"];
    // What `events show` prints can be imported; the store gives places of its own.
    const ASSIGNED: [&str; 2] = ["position", "stream_version"];
    let is_known = |key: &str| KEYS.contains(&key) || ASSIGNED.contains(&key);
    if let Some((key, raw)) = members.list.iter().find(|(key, _)| !is_known(key)) {
        return Err((
            members.column(raw),
            format!("unknown key `{}`; a line has {}", key.escape_debug(), KEYS.join(", ")),
        ));
    }
    let metadata = members.find("metadata").filter(|raw| raw.get() != "null");
    if let Some(raw) = metadata.filter(|raw| !raw.get().starts_with('{')) {
        return Err((members.column(raw), "`metadata` is not a JSON object".to_owned()));
    }
    Ok(Event {
        stream: members.required_text("stream")?,
        kind: members.required_text("type")?,
        data: members.required("data")?.get().into(),
        metadata: metadata.map(|raw| raw.get().into()),
        id: members.text("id")?,
        time: members.time()?,
    })
}

/// The members of a line's object, in order.
pub(super) struct Members<'l> {
    line: &'l str,
    pub list: Vec<(Cow<'l, str>, &'l RawValue)>,
}

impl<'l> Members<'l> {
    fn read(line: &'l str) -> Result<Members<'l>, Wrong> {
        let mut json = serde_json::Deserializer::from_str(line);
        let list = List::deserialize(&mut json).and_then(|list| json.end().map(|()| list)).map_err(|error| {
            let text = error.to_string();
            let reason = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
            (error.column().max(1), format!("not a JSON object on one line: {reason}"))
        })?;
        let members = Members { line, list: list.0 };
        for (index, (key, raw)) in members.list.iter().enumerate() {
            if members.list[..index].iter().any(|(earlier, _)| earlier == key) {
                return Err((members.column(raw), format!("key `{}` stands there twice", key.escape_debug())));
            }
        }
        Ok(members)
    }

    pub fn find(&self, name: &str) -> Option<&'l RawValue> {
        self.list.iter().find(|(key, _)| key == name).map(|(_, raw)| *raw)
    }

    /// Where a value stands in the line.
    pub fn column(&self, raw: &RawValue) -> usize {
        (raw.get().as_ptr() as usize).saturating_sub(self.line.as_ptr() as usize) + 1
    }

    fn required(&self, name: &str) -> Result<&'l RawValue, Wrong> {
        self.find(name).ok_or_else(|| (self.line.len().max(1), format!("`{name}` is missing")))
    }

    pub fn required_text(&self, name: &str) -> Result<Cow<'l, str>, Wrong> {
        self.required(name).and_then(|raw| self.as_text(name, raw))
    }

    /// Absent, and `null`, are none.
    pub fn text(&self, name: &str) -> Result<Option<Cow<'l, str>>, Wrong> {
        self.find(name).filter(|raw| raw.get() != "null").map(|raw| self.as_text(name, raw)).transpose()
    }

    pub fn time(&self) -> Result<Option<Timestamp>, Wrong> {
        let Some(text) = self.text("time")? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| {
            let column = self.find("time").map_or(1, |raw| self.column(raw));
            (column, format!("`time` is no RFC 3339 time such as 2013-01-01T05:00:00Z: {error}"))
        })
    }

    fn as_text(&self, name: &str, raw: &'l RawValue) -> Result<Cow<'l, str>, Wrong> {
        let plain = raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match plain {
            Some(plain) if !plain.contains('\\') => Ok(plain.into()),
            Some(_) => serde_json::from_str::<String>(raw.get())
                .map(Cow::Owned)
                .map_err(|_| (self.column(raw), format!("`{name}` has an escape that is no character"))),
            None => Err((self.column(raw), format!("`{name}` is not text"))),
        }
    }
}

struct List<'l>(Vec<(Cow<'l, str>, &'l RawValue)>);

impl<'de> Deserialize<'de> for List<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = List<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event as a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::with_capacity(8);
                while let Some(Key(key)) = map.next_key()? {
                    if list.len() == KEYS_MAX {
                        return Err(serde::de::Error::custom(format!("more than {KEYS_MAX} keys")));
                    }
                    list.push((key, map.next_value()?));
                }
                Ok(List(list))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// A key, borrowed from the line unless it has escapes.
struct Key<'l>(Cow<'l, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}
