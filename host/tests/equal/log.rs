//! A **log** made to hurt: events whose types, fields, kinds, texts, times and ids change where segments and blocks do.

use serde_json::json;

use crate::rng::Rng;
use crate::values::Values;

/// One event as it goes into the store, with nothing left to be made up.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Event {
    pub stream: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// JSON text, recorded byte for byte.
    pub data: Box<serde_json::value::RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<serde_json::value::RawValue>>,
    pub id: String,
    pub time: String,
}

/// How one log is made: what is chosen once, so that logs differ in more than their details.
struct Shape {
    events: u64,
    streams: u64,
    /// Further types, beside those that the probes know.
    types: u64,
    /// From where on types and fields that appear late do.
    late_from: u64,
    /// How many events in a hundred are of the rare type.
    rare: u64,
    metadata: u64,
    poison: Option<&'static str>,
}

/// The log of a seed.
pub fn generate(rng: &mut Rng) -> Vec<Event> {
    let events = *rng.pick(&[3, 20, 60, 120, 200, 300, 300, 500]);
    let shape = Shape {
        events: rng.between(1, events),
        streams: *rng.pick(&[1, 2, 7, 40, 1_000]),
        types: *rng.pick(&[0, 2, 12, 60]),
        late_from: rng.below(events),
        rare: *rng.pick(&[0, 1, 3]),
        metadata: *rng.pick(&[0, 5, 60, 100]),
        poison: rng.chance(10).then(|| *rng.pick(&["fault", "panic", "large", "nothing", "kind", "broken"])),
    };
    let poisoned = shape.poison.map(|how| (rng.below(shape.events), how));
    let mut values = Values::new(rng.fork());
    let mut log: Vec<Event> = Vec::new();
    for number in 0..shape.events {
        values.at(number, number >= shape.late_from);
        let (kind, data) = match poisoned {
            Some((at, "kind")) if at == number => ("Set".to_owned(), r#"{"key":"k","amount":"many"}"#.to_owned()),
            Some((at, how)) if at == number => ("Poison".to_owned(), json!({"how": how}).to_string()),
            _ => payload(&shape, rng, &mut values, number),
        };
        let stream = match rng.below(10) {
            0 => format!("Ström-{}", rng.below(shape.streams)),
            1..=4 => format!("acct-{}", rng.below(shape.streams)),
            _ => format!("other-{}", rng.below(shape.streams)),
        };
        let metadata = rng.chance(shape.metadata).then(|| raw(values.metadata()));
        log.push(Event { stream, kind, data: raw(data), metadata, id: values.id(number), time: values.time(number) });
    }
    log
}

/// The type of an event and its payload.
fn payload(shape: &Shape, rng: &mut Rng, values: &mut Values, number: u64) -> (String, String) {
    let is_late = number >= shape.late_from;
    let kind = match rng.below(100) {
        0..=44 => "Set",
        45..=49 if is_late => "Assigned",
        45..=56 => "Removed",
        57..=66 => "Moved",
        67..=72 => "Tick",
        73..=78 if is_late => "Late",
        percent if percent >= 100 - shape.rare => "Rare",
        _ if shape.types > 0 => return (values.type_name(shape.types), values.anything(3)),
        _ => "Set",
    };
    let data = match kind {
        "Set" | "Assigned" => values.change(&["key", "amount", "group"], &OPTIONAL),
        "Removed" => values.change(&["key", "group"], &[]),
        "Moved" => values.change(&["key", "to", "group"], &["extra"]),
        "Rare" => values.change(&["key"], &["extra", "remark"]),
        "Late" => values.change(&["group"], &["key", "extra"]),
        // An event that needs no field may be any JSON.
        _ => values.anything(2),
    };
    (kind.to_owned(), data)
}

const OPTIONAL: [&str; 9] = ["count", "ratio", "flag", "remark", "note", "raw", "uid", "at", "tags"];

fn raw(json: String) -> Box<serde_json::value::RawValue> {
    serde_json::value::RawValue::from_string(json).expect("the generator writes JSON")
}
