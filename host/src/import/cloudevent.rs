//! A **CloudEvent** (version 1.0, JSON format, https://github.com/cloudevents/spec) as an event of ours.
//!
//! | ours | CloudEvents |
//! | --- | --- |
//! | stream | `subject`, or `source` when there is none |
//! | type | `type` |
//! | data | `data` byte for byte; the JSON in `data_base64` when `datacontenttype` is a JSON type, else `{"data_base64":"..."}`; `null` without any |
//! | id | `source`, a space, `id`: the two together are what CloudEvents demand to be unique |
//! | time | `time` |
//! | metadata | an object of all other attributes, byte for byte and in order, `id`, `source` and `subject` too; and `time` when it is finer than a microsecond, which the store does not keep |

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::object::Object;
use super::parsed::Parsed;
use super::place::Mistake;

/// Attributes that have a place outside the metadata.
const NOT_METADATA: [&str; 4] = ["type", "time", "data", "data_base64"];

/// Reads an object that has a `specversion`.
pub(super) fn read<'l>(object: &Object<'l>, specversion: &RawValue) -> Result<Parsed<'l>, Mistake> {
    if specversion.get() != "\"1.0\"" {
        let reason = format!("CloudEvents of specversion {} are not known, only \"1.0\"", specversion.get());
        return Err(object.mistake(specversion, reason));
    }
    let source = object.required_text("source")?;
    let id = format!("{source} {}", object.required_text("id")?);
    let base64 = object.find("data_base64").filter(|raw| raw.get() != "null");
    let data = match (object.find("data"), base64) {
        (Some(_), Some(both)) => {
            return Err(object.mistake(both, "a CloudEvent has `data` or `data_base64`, not both"));
        }
        (Some(data), None) => data.get().into(),
        (None, Some(base64)) if is_json(object.text("datacontenttype")?.as_deref()) => decode(object, base64)?.into(),
        (None, Some(base64)) => format!("{{\"data_base64\":{}}}", base64.get()).into(),
        (None, None) => "null".into(),
    };
    let time = object.time()?;
    Ok(Parsed {
        stream: object.text("subject")?.filter(|subject| !subject.is_empty()).unwrap_or(source),
        kind: object.required_text("type")?,
        data,
        metadata: Some(metadata(object, time.is_some_and(|time| time.is_finer))),
        id: Some(id.into()),
        time: time.map(|time| time.timestamp),
    })
}

/// Whether a content type is of JSON: `application/json`, `text/json`, anything `+json`, with parameters or without.
fn is_json(content_type: Option<&str>) -> bool {
    let Some(content_type) = content_type else { return false };
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type.split_once('/').is_some_and(|(_, subtype)| subtype == "json" || subtype.ends_with("+json"))
}

/// The JSON text that `data_base64` holds.
fn decode(object: &Object<'_>, base64: &RawValue) -> Result<String, Mistake> {
    let mistake = |reason: String| object.mistake(base64, reason);
    let text = object.text("data_base64")?.ok_or_else(|| mistake("`data_base64` is not text".into()))?;
    let bytes = STANDARD.decode(text.as_bytes()).map_err(|error| mistake(format!("`data_base64`: {error}")))?;
    let is_not_json = |error: &dyn std::fmt::Display| {
        mistake(format!("`data_base64` does not hold JSON, as `datacontenttype` says it does: {error}"))
    };
    let json = String::from_utf8(bytes).map_err(|error| is_not_json(&error.utf8_error()))?;
    // JSON texts may begin with a byte order mark, which is no part of them.
    let json = json.strip_prefix('\u{FEFF}').unwrap_or(&json).trim_ascii();
    serde_json::from_str::<&RawValue>(json).map_err(|error| is_not_json(&error))?;
    Ok(json.to_owned())
}

fn metadata<'l>(object: &Object<'l>, with_time: bool) -> Cow<'l, str> {
    let mut metadata = String::from("{");
    let is_metadata = |key: &str| !NOT_METADATA.contains(&key) || (with_time && key == "time");
    for (key, raw) in object.members.iter().filter(|(key, _)| is_metadata(key)) {
        if metadata.len() > 1 {
            metadata.push(',');
        }
        metadata.push_str(&serde_json::Value::from(key.as_ref()).to_string());
        metadata.push(':');
        metadata.push_str(raw.get());
    }
    metadata.push('}');
    metadata.into()
}
