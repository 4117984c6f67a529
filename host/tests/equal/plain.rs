//! Some tables once more, by **plain** code over the events: what no way of replaying can get wrong together.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::log::Event;

/// The rows that a table must have, in key order; none for tables that nobody computes here.
pub fn rows(probe: &str, table: &str, events: &[Event]) -> Option<Vec<Value>> {
    match (probe, table) {
        ("journal", "entries") => Some(journal(events)),
        ("census", "kinds") => Some(census(events)),
        ("groups", "groups") => Some(groups(events)),
        _ => None,
    }
}

fn journal(events: &[Event]) -> Vec<Value> {
    let mut versions: BTreeMap<&str, u64> = BTreeMap::new();
    let mut rows = Vec::new();
    for (place, event) in events.iter().enumerate() {
        let version = versions.entry(&event.stream).or_default();
        *version += 1;
        let metadata = event.metadata.as_ref().map(|json| value(json.get()));
        let field = |name: &str| metadata.as_ref().and_then(|metadata| metadata.get(name)).cloned();
        let payload = value(event.data.get());
        rows.push(json!({
            "position": place + 1,
            "stream": event.stream,
            "stream_version": *version,
            "time": time(&event.time),
            "id": id(&event.id),
            "type_name": event.kind,
            "user": field("user"),
            "trace": field("trace"),
            "extra": payload.get("extra"),
            "metadata": metadata,
            "payload": payload,
        }));
    }
    rows
}

fn census(events: &[Event]) -> Vec<Value> {
    let mut kinds: BTreeMap<&str, (u64, usize, Value)> = BTreeMap::new();
    for event in events {
        let kind = kinds.entry(&event.kind).or_default();
        let document = event.data.get();
        *kind = (kind.0 + 1, kind.1 + document.len(), value(document));
    }
    let row =
        |(name, (events, bytes, last))| json!({"type_name": name, "events": events, "bytes": bytes, "last": last});
    kinds.into_iter().map(row).collect()
}

fn groups(events: &[Event]) -> Vec<Value> {
    let mut groups: BTreeMap<String, (i64, u64, usize)> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        if !matches!(&*event.kind, "Set" | "Removed" | "Moved" | "Late") {
            continue;
        }
        let payload = value(event.data.get());
        let name = match payload.get("group") {
            None | Some(Value::Null) => "none".to_owned(),
            Some(group) => group.to_string(),
        };
        if event.kind == "Removed" {
            groups.remove(&name);
            continue;
        }
        let group = groups.entry(name).or_default();
        (group.1, group.2) = (group.1 + 1, place + 1);
        if event.kind == "Set" {
            group.0 = group.0.wrapping_add(payload.get("amount").map_or(0, whole));
        }
    }
    let row = |(name, (sum, events, last))| json!({"name": name, "sum": sum, "events": events, "last": last});
    groups.into_iter().map(row).collect()
}

fn whole(amount: &Value) -> i64 {
    amount.as_i64().unwrap_or_else(|| amount.as_f64().expect("an amount is a number") as i64)
}

/// JSON as the rows of a read model show it, so that spellings of one value are one.
pub fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// Fractions of a second are shown only where there are some, and without zeros at their end.
fn time(written: &str) -> String {
    match written.trim_end_matches('Z').split_once('.') {
        Some((whole, fraction)) if fraction.trim_end_matches('0').is_empty() => format!("{whole}Z"),
        Some((whole, fraction)) => format!("{whole}.{}Z", fraction.trim_end_matches('0')),
        None => written.to_owned(),
    }
}

/// UUIDs are shown in lower case, whatever they were recorded in.
fn id(written: &str) -> String {
    if written.len() == 36 && written.starts_with("0000") { written.to_lowercase() } else { written.to_owned() }
}
