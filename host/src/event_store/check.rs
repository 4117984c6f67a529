//! What the store **checks** before it records an event, so that everything after it may rely on it.

use serde_json::value::RawValue;

use crate::event::{Blame, Fault, NewEvent, Result};

/// The longest name of a stream or an event type, in bytes.
pub const NAME_BYTES_MAX: usize = 1024;
/// The longest event id, in bytes.
pub const ID_BYTES_MAX: usize = 2048;
/// The largest payload, and the largest metadata, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;
/// How deep arrays and objects may nest; within it, any JSON library can read what was recorded.
pub const JSON_DEPTH_MAX: usize = 100;

/// Checks an event to be appended; the fault says which part is wrong.
pub(super) fn check_event(event: &NewEvent) -> Result<()> {
    check_name("event type", &event.kind)?;
    if let Some(id) = &event.id {
        check_id(id)?;
    }
    for (part, json) in [("data", Some(&event.data)), ("metadata", event.metadata.as_ref())] {
        let Some(json) = json else { continue };
        serde_json::from_str::<&RawValue>(json)
            .map_err(|error| refused(format!("the {part} of a `{}` event is not JSON: {error}", event.kind)))?;
        check_json(part, json)?;
    }
    match &event.metadata {
        Some(metadata) if !metadata.trim_ascii_start().starts_with('{') => {
            Err(refused("the metadata is not a JSON object"))
        }
        _ => Ok(()),
    }
}

/// Names of streams and event types: not empty, bounded, without NUL (SQL tools would cut them there).
pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(refused(format!("the {what} is empty")));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(refused(format!("the {what} has {} bytes; {NAME_BYTES_MAX} are allowed", name.len())));
    }
    if name.contains('\0') {
        return Err(refused(format!("the {what} has a NUL character")));
    }
    Ok(())
}

pub(crate) fn check_id(id: &str) -> Result<()> {
    if id.is_empty() {
        return Err(refused("the id is empty").hint("leave it out to have one made up"));
    }
    if id.len() > ID_BYTES_MAX {
        return Err(refused(format!("the id has {} bytes; {ID_BYTES_MAX} are allowed", id.len())));
    }
    Ok(())
}

/// Size and nesting of a text that is JSON.
pub(crate) fn check_json(what: &str, json: &str) -> Result<()> {
    if json.len() > PAYLOAD_BYTES_MAX {
        return Err(refused(format!("the {what} has {} bytes; {PAYLOAD_BYTES_MAX} are allowed", json.len())));
    }
    if nesting(json.as_bytes()) > JSON_DEPTH_MAX {
        return Err(refused(format!("the {what} nests deeper than {JSON_DEPTH_MAX} arrays and objects")));
    }
    Ok(())
}

/// How deep arrays and objects nest in a text that is JSON.
fn nesting(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => loop {
                match bytes.next() {
                    Some(b'\\') => _ = bytes.next(),
                    Some(b'"') | None => break,
                    Some(_) => {}
                }
            },
            _ => {}
        }
    }
    deepest
}

pub(super) fn refused(message: impl Into<String>) -> Fault {
    Fault::input(message).blame(Blame::Data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert_eq!(nesting(br#"{"a":[1,{"b":"[[[[\"[[["}],"c":[]}"#), 3);
        assert_eq!(nesting(b"17"), 0);
        assert!(check_json("data", &"[".repeat(JSON_DEPTH_MAX)).is_ok());
        assert!(check_json("data", &"[".repeat(JSON_DEPTH_MAX + 1)).is_err());
    }
}
