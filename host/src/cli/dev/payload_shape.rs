//! The **shape** of a payload: the names of its fields and the kinds of their values, without any value.

use serde_json::Value;

/// No more fields of one object are named.
const FIELDS_MAX: usize = 12;
/// No deeper objects are described.
const DEPTH_MAX: usize = 3;

/// The shape of a JSON text: `{amount: integer, lines: 2 of {sku: text}}`.
pub(super) fn shape(json: &str) -> String {
    match serde_json::from_str(json) {
        Ok(value) => describe(&value, 0),
        Err(_) => "not JSON".into(),
    }
}

fn describe(value: &Value, depth: usize) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(number) if number.is_f64() => "real".into(),
        Value::Number(_) => "integer".into(),
        Value::String(_) => "text".into(),
        Value::Array(items) => match items.first() {
            None => "empty list".into(),
            Some(first) => format!("{} of {}", items.len(), describe(first, depth + 1)),
        },
        Value::Object(_) if depth >= DEPTH_MAX => "object".into(),
        Value::Object(fields) => {
            let named = fields.iter().take(FIELDS_MAX);
            let mut named: Vec<String> =
                named.map(|(name, value)| format!("{name}: {}", describe(value, depth + 1))).collect();
            if fields.len() > FIELDS_MAX {
                named.push(format!("{} more", fields.len() - FIELDS_MAX));
            }
            format!("{{{}}}", named.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_names_fields_and_kinds_and_no_value() {
        let json = r#"{"amount": 12, "rate": 0.5, "to": "secret", "lines": [{"sku": "x"}, {"sku": "y"}], "at": null}"#;
        assert_eq!(shape(json), "{amount: integer, at: null, lines: 2 of {sku: text}, rate: real, to: text}");
        assert_eq!(shape("[]"), "empty list");
        assert_eq!(shape("{"), "not JSON");
    }
}
