//! An **object**: the members of a line's JSON object as they are written, before anybody knows what they mean.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::place::Mistake;
use crate::event::Timestamp;

/// More keys than this make a line bad; CloudEvents have a dozen.
const KEYS_MAX: usize = 1_000;

/// A JSON object's members, in order; no key stands there twice.
pub(super) struct Object<'l> {
    text: &'l str,
    pub members: Vec<(Cow<'l, str>, &'l RawValue)>,
}

/// A time, and whether the text says it finer than a [`Timestamp`] can hold.
#[derive(Clone, Copy)]
pub(super) struct Time {
    pub timestamp: Timestamp,
    pub is_finer: bool,
}

impl<'l> Object<'l> {
    pub fn read(text: &'l str) -> Result<Object<'l>, Mistake> {
        let mut json = serde_json::Deserializer::from_str(text);
        let members = Members::deserialize(&mut json).and_then(|members| json.end().map(|()| members));
        let Members(members) = members.map_err(|error| not_an_object(text, &error))?;
        let object = Object { text, members };
        for (index, (key, raw)) in object.members.iter().enumerate() {
            if object.members[..index].iter().any(|(earlier, _)| earlier == key) {
                return Err(object.mistake(raw, format!("key `{}` stands there twice", key.escape_debug())));
            }
        }
        Ok(object)
    }

    pub fn find(&self, name: &str) -> Option<&'l RawValue> {
        self.members.iter().find(|(key, _)| key == name).map(|(_, raw)| *raw)
    }

    /// A mistake at a value.
    pub fn mistake(&self, raw: &RawValue, reason: impl Into<String>) -> Mistake {
        let byte = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        Mistake::new(byte, reason)
    }

    pub fn required(&self, name: &str) -> Result<&'l RawValue, Mistake> {
        let end = self.text.len().saturating_sub(1);
        self.find(name).ok_or_else(|| Mistake::new(end, format!("`{name}` is missing")))
    }

    pub fn required_text(&self, name: &str) -> Result<Cow<'l, str>, Mistake> {
        self.required(name).and_then(|raw| self.as_text(name, raw))
    }

    /// Absent, and `null`, are none.
    pub fn text(&self, name: &str) -> Result<Option<Cow<'l, str>>, Mistake> {
        self.find(name).filter(|raw| raw.get() != "null").map(|raw| self.as_text(name, raw)).transpose()
    }

    pub fn time(&self) -> Result<Option<Time>, Mistake> {
        let (Some(text), Some(raw)) = (self.text("time")?, self.find("time")) else { return Ok(None) };
        let (timestamp, is_finer) = Timestamp::to_the_microsecond(&text).map_err(|error| {
            self.mistake(raw, format!("`time` is no RFC 3339 time such as 2013-01-01T05:00:00Z: {error}"))
        })?;
        Ok(Some(Time { timestamp, is_finer }))
    }

    fn as_text(&self, name: &str, raw: &'l RawValue) -> Result<Cow<'l, str>, Mistake> {
        let plain = raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match plain {
            Some(plain) if !plain.contains('\\') => Ok(plain.into()),
            Some(_) => serde_json::from_str::<String>(raw.get())
                .map(Cow::Owned)
                .map_err(|_| self.mistake(raw, format!("`{name}` has an escape that is no character"))),
            None => Err(self.mistake(raw, format!("`{name}` is not text"))),
        }
    }
}

fn not_an_object(text: &str, error: &serde_json::Error) -> Mistake {
    if !text.trim_ascii_start().starts_with('{') {
        let blanks = text.len() - text.trim_ascii_start().len();
        return Mistake::new(blanks, "not a JSON object: expected an event as a JSON object");
    }
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let message = error.to_string();
    let reason = message.rfind(" at line ").map_or(message.as_str(), |end| &message[..end]);
    let object = if error.is_eof() { "not a JSON object that ends on its line" } else { "not a JSON object" };
    Mistake::new((before + error.column()).saturating_sub(1), format!("{object}: {reason}"))
}

struct Members<'l>(Vec<(Cow<'l, str>, &'l RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event as a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some(Key(key)) = map.next_key()? {
                    if members.len() == KEYS_MAX {
                        return Err(serde::de::Error::custom(format!("more than {KEYS_MAX} keys")));
                    }
                    members.push((key, map.next_value()?));
                }
                Ok(Members(members))
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
