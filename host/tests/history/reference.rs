//! An independent and slow reading of JSON that loses nothing: what shredding is compared with.

use serde_json::value::RawValue;

/// What a field of an event is, in a form that can be compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Absent,
    Null,
    Boolean(bool),
    /// A number as sign, digits without zeros at the ends, exponent: exact, however large.
    Number(bool, String, i64),
    /// Lone surrogates are kept as they are in memory.
    Text(Vec<u16>),
    List(Vec<Value>),
    /// The members in order, keys twice included.
    Object(Vec<(Vec<u16>, Value)>),
}

/// An independent and slow reading of JSON, which loses nothing.
pub fn reference(json: &str) -> Value {
    let json = json.trim_ascii();
    match json.as_bytes()[0] {
        b'n' => Value::Null,
        b't' => Value::Boolean(true),
        b'f' => Value::Boolean(false),
        b'"' => Value::Text(text(json)),
        b'[' => Value::List(
            serde_json::from_str::<Vec<&RawValue>>(json).unwrap().iter().map(|v| reference(v.get())).collect(),
        ),
        b'{' => Value::Object(members(json).into_iter().map(|(key, raw)| (key, reference(raw))).collect()),
        _ => number(json),
    }
}

pub fn number(json: &str) -> Value {
    let (negative, rest) = json.strip_prefix('-').map_or((false, json), |rest| (true, rest));
    let (mantissa, power) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{before}{after}");
    let trimmed = digits.trim_start_matches('0');
    let power: i64 = power.trim_start_matches('+').parse().unwrap();
    let exponent = power + before.len() as i64 - (digits.len() - trimmed.len()) as i64;
    let trimmed = trimmed.trim_end_matches('0');
    Value::Number(negative, trimmed.to_owned(), if trimmed.is_empty() { 0 } else { exponent })
}

fn text(json: &str) -> Vec<u16> {
    let mut units = Vec::new();
    let mut chars = json[1..json.len() - 1].chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            units.extend(c.encode_utf16(&mut [0; 2]).iter());
            continue;
        }
        units.push(match chars.next().unwrap() {
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'u' => u16::from_str_radix(&chars.by_ref().take(4).collect::<String>(), 16).unwrap(),
            other => other as u16,
        });
    }
    units
}

/// Keys and values of an object's text, by serde_json's own pass.
pub fn members(json: &str) -> Vec<(Vec<u16>, &str)> {
    let (mut list, mut rest) = (Vec::new(), json.trim_ascii()[1..].trim_ascii_start());
    while rest.starts_with(['"', ',']) {
        rest = rest.trim_start_matches(',').trim_ascii_start();
        let next = |rest: &str| {
            let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Box<RawValue>>();
            stream.next().unwrap().unwrap();
            stream.byte_offset()
        };
        let end = next(rest);
        let key = text(&rest[..end]);
        rest = rest[end..].trim_ascii_start().strip_prefix(':').unwrap().trim_ascii_start();
        let end = next(rest);
        list.push((key, &rest[..end]));
        rest = rest[end..].trim_ascii_start();
    }
    list
}
