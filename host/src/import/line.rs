//! A **line** of our own form: a JSON object with `stream`, `type` and `data`, and perhaps `metadata`, `id` and `time`.
//!
//! | key | value |
//! | --- | --- |
//! | `stream` | text, not empty, at most 1,024 bytes |
//! | `type` | text, likewise |
//! | `data` | any JSON, kept byte for byte |
//! | `metadata` | a JSON object, kept byte for byte; or `null` |
//! | `id` | text, at most 2,048 bytes, unlike any other event's; or `null` |
//! | `time` | RFC 3339 text; or `null`. The store keeps microseconds: a finer time is also added to the metadata as `time` |
//! | `position`, `stream_version` | passed over: the store gives each event its own |
//!
//! Any other key, and a key that stands twice, is a mistake that should not pass unseen.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::object::Object;
use super::parsed::Parsed;
use super::place::Mistake;

const KEYS: [&str; 6] = ["stream", "type", "data", "metadata", "id", "time"];
/// What `events show` prints can be imported; the store gives places of its own.
const ASSIGNED: [&str; 2] = ["position", "stream_version"];

/// Reads an object that has no `specversion`.
pub(super) fn read<'l>(object: &Object<'l>) -> Result<Parsed<'l>, Mistake> {
    let is_known = |key: &str| KEYS.contains(&key) || ASSIGNED.contains(&key);
    if let Some((key, raw)) = object.members.iter().find(|(key, _)| !is_known(key)) {
        let reason = format!("unknown key `{}`; a line has {}", key.escape_debug(), KEYS.join(", "));
        return Err(object.mistake(raw, reason));
    }
    let mut metadata = object.find("metadata").filter(|raw| raw.get() != "null").map(|raw| (raw, raw.get().into()));
    if let Some((raw, _)) = metadata.as_ref().filter(|(raw, _)| !raw.get().starts_with('{')) {
        return Err(object.mistake(raw, "`metadata` is not a JSON object"));
    }
    let time = object.time()?;
    if time.is_some_and(|time| time.is_finer) {
        let text = object.required("time")?;
        metadata = Some((text, with_time(object, metadata, text)?.into()));
    }
    Ok(Parsed {
        stream: object.required_text("stream")?,
        kind: object.required_text("type")?,
        data: object.required("data")?.get().into(),
        metadata: metadata.map(|(_, metadata)| metadata),
        id: object.text("id")?,
        time: time.map(|time| time.timestamp),
    })
}

/// The metadata with the time as it is written.
fn with_time(
    object: &Object<'_>,
    metadata: Option<(&RawValue, Cow<'_, str>)>,
    time: &RawValue,
) -> Result<String, Mistake> {
    let Some((raw, metadata)) = metadata else { return Ok(format!("{{\"time\":{}}}", time.get())) };
    let members = Object::read(&metadata).map_err(|mistake| object.mistake(raw, mistake.reason))?;
    if members.find("time").is_some() {
        return Err(object.mistake(
            time,
            "`time` has parts of a microsecond, which would be kept in `metadata` as `time`, and that is there \
             already: write the time to the microsecond",
        ));
    }
    let comma = if members.members.is_empty() { "" } else { "," };
    let open = metadata.trim_ascii_end().strip_suffix('}').unwrap_or(&metadata);
    Ok(format!("{open}{comma}\"time\":{}}}", time.get()))
}
