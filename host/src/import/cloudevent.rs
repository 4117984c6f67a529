//! A **CloudEvent** (version 1.0, JSON format, https://github.com/cloudevents/spec) as an event of ours.
//!
//! | ours | CloudEvents |
//! | --- | --- |
//! | stream | `subject`, or `source` when there is none |
//! | type | `type` |
//! | data | `data` byte for byte; `{"data_base64":"..."}` for binary data; `null` without any |
//! | id | `source`, a space, `id`: the two together are what CloudEvents demand to be unique |
//! | time | `time` |
//! | metadata | an object of all other attributes, byte for byte and in order, `id`, `source` and `subject` too |

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::line::{Event, Members, Wrong};

/// Attributes that do not go into the metadata.
const ELSEWHERE: [&str; 4] = ["type", "time", "data", "data_base64"];

/// Reads a line that has a `specversion`.
pub(super) fn read<'l>(members: &Members<'l>, specversion: &RawValue) -> Result<Event<'l>, Wrong> {
    if specversion.get() != "\"1.0\"" {
        let reason = format!("CloudEvents of specversion {} are not known, only \"1.0\"", specversion.get());
        return Err((members.column(specversion), reason));
    }
    let source = members.required_text("source")?;
    let id = format!("{source} {}", members.required_text("id")?);
    let data = match (members.find("data"), members.find("data_base64")) {
        (Some(_), Some(both)) => {
            return Err((members.column(both), "a CloudEvent has `data` or `data_base64`, not both".to_owned()));
        }
        (Some(data), None) => data.get().into(),
        (None, Some(binary)) => format!("{{\"data_base64\":{}}}", binary.get()).into(),
        (None, None) => "null".into(),
    };
    Ok(Event {
        stream: members.text("subject")?.filter(|subject| !subject.is_empty()).unwrap_or(source),
        kind: members.required_text("type")?,
        data,
        metadata: Some(metadata(members)),
        id: Some(id.into()),
        time: members.time()?,
    })
}

fn metadata<'l>(members: &Members<'l>) -> Cow<'l, str> {
    let mut metadata = String::from("{");
    for (key, raw) in members.list.iter().filter(|(key, _)| !ELSEWHERE.contains(&key.as_ref())) {
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
