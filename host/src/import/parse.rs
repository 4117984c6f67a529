//! **Parsing** a line, or a member of an array, of either form; `specversion` tells them apart.

use super::object::Object;
use super::parsed::Parsed;
use super::place::Mistake;
use super::{cloudevent, line};
use crate::event::Fault;
use crate::event_store::{check_id, check_json, check_name};

/// Reads one event, and checks it as the store would.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed<'_>, Mistake> {
    let text =
        std::str::from_utf8(bytes).map_err(|error| Mistake::new(error.valid_up_to(), "the line is not UTF-8 text"))?;
    let object = Object::read(text)?;
    let event = match object.find("specversion") {
        Some(specversion) => cloudevent::read(&object, specversion)?,
        None => line::read(&object)?,
    };
    let at = |key: &'static str| {
        let object = &object;
        move |fault: Fault| match object.find(key) {
            Some(raw) => object.mistake(raw, fault.message.clone()),
            None => Mistake::of_all(fault.message.clone()),
        }
    };
    check_name("stream", &event.stream).map_err(at("stream"))?;
    check_name("event type", &event.kind).map_err(at("type"))?;
    event.id.as_deref().map_or(Ok(()), check_id).map_err(at("id"))?;
    check_json("data", &event.data).map_err(at("data"))?;
    event.metadata.as_deref().map_or(Ok(()), |json| check_json("metadata", json)).map_err(at("metadata"))?;
    Ok(event)
}
