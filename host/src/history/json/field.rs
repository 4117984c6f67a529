//! A **field** while a batch grows: recorded values into the narrowest column that holds them all without loss.

use super::dictionary::Dictionary;
use super::number::{self, Number};
use super::object::NotJson;
use super::strings::{Bits, Strings};
use crate::event::{Column, Values};

/// One field of one event type, or of the metadata.
#[derive(Default)]
pub(in crate::history) struct Field {
    rows: usize,
    validity: Bits,
    nulls: Bits,
    values: Growing,
    dictionary: Dictionary,
}

#[derive(Default)]
enum Growing {
    #[default]
    Nothing,
    Booleans(Vec<u8>),
    Integers(Vec<i64>),
    Reals(Vec<f64>),
    Symbols(Vec<u32>),
    Texts(Strings),
    Json(Strings),
}

impl Field {
    /// Adds a row: the value's recorded text, or none when the event does not have the field.
    /// Returns the bytes that the batch grew by.
    #[inline]
    pub fn push(&mut self, raw: Option<&str>) -> Result<usize, NotJson> {
        let Some(raw) = raw else { return Ok(self.push_none(false)) };
        match raw.as_bytes() {
            [b'"', .., b'"'] => Ok(self.push_string(raw)),
            [b'-' | b'0'..=b'9', ..] => match number::read(raw).ok_or(NotJson)? {
                Number::Integer(value) => Ok(self.push_integer(raw, value)),
                Number::Real(value) => Ok(self.push_real(raw, value)),
                Number::Text => Ok(self.push_json(raw)),
            },
            b"null" => Ok(self.push_none(true)),
            b"true" => Ok(self.push_boolean(raw, true)),
            b"false" => Ok(self.push_boolean(raw, false)),
            [b'{' | b'[', ..] => Ok(self.push_json(raw)),
            _ => Err(NotJson),
        }
    }

    /// Adds rows without the field until there are `rows`.
    pub fn pad(&mut self, rows: usize) {
        if let Growing::Nothing = self.values
            && !self.nulls.is_said()
        {
            self.rows = self.rows.max(rows);
        }
        while self.rows < rows {
            self.push_none(false);
        }
    }

    /// The column of the rows so far, with which the batch ends.
    pub fn finish(&mut self) -> Column {
        let values = match std::mem::take(&mut self.values) {
            Growing::Nothing => Values::Nothing,
            Growing::Booleans(values) => Values::Booleans(values.into()),
            Growing::Integers(values) => Values::Integers(values.into()),
            Growing::Reals(values) => Values::Reals(values.into()),
            Growing::Symbols(keys) => Values::Symbols(self.dictionary.send(keys)),
            Growing::Texts(values) => Values::Texts(values.finish()),
            Growing::Json(values) => Values::Json(values.finish()),
        };
        self.dictionary.end_batch();
        self.rows = 0;
        let (validity, nulls) = (std::mem::take(&mut self.validity), std::mem::take(&mut self.nulls));
        Column { validity: validity.finish(), nulls: nulls.finish(), values }
    }

    fn push_none(&mut self, null: bool) -> usize {
        match &mut self.values {
            Growing::Nothing => {}
            Growing::Booleans(values) => values.push(0),
            Growing::Integers(values) => values.push(0),
            Growing::Reals(values) => values.push(0.0),
            Growing::Symbols(keys) => keys.push(0),
            Growing::Texts(values) | Growing::Json(values) => values.push(""),
        }
        if !matches!(self.values, Growing::Nothing) {
            self.validity.push(self.rows, false, true);
        }
        self.nulls.push(self.rows, null, false);
        self.rows += 1;
        size_of::<u64>()
    }

    /// After a value was pushed. Returns the bytes that it took.
    #[inline]
    fn pushed(&mut self, bytes: usize) -> usize {
        self.validity.push(self.rows, true, true);
        self.nulls.push(self.rows, false, false);
        self.rows += 1;
        bytes
    }

    fn push_boolean(&mut self, raw: &str, value: bool) -> usize {
        if let Growing::Nothing = self.values {
            self.start(Growing::Booleans(vec![0; self.rows]));
        }
        let Growing::Booleans(values) = &mut self.values else { return self.push_json(raw) };
        values.push(u8::from(value));
        self.pushed(1)
    }

    #[inline]
    fn push_integer(&mut self, raw: &str, value: i64) -> usize {
        if let Growing::Nothing = self.values {
            self.start(Growing::Integers(vec![0; self.rows]));
        }
        let Growing::Integers(values) = &mut self.values else { return self.push_json(raw) };
        values.push(value);
        self.pushed(size_of::<i64>())
    }

    fn push_real(&mut self, raw: &str, value: f64) -> usize {
        if let Growing::Nothing = self.values {
            self.start(Growing::Reals(vec![0.0; self.rows]));
        }
        let Growing::Reals(values) = &mut self.values else { return self.push_json(raw) };
        values.push(value);
        self.pushed(size_of::<f64>())
    }

    #[inline]
    fn push_string(&mut self, raw: &str) -> usize {
        let inner = &raw[1..raw.len() - 1];
        if !inner.contains('\\') {
            return self.push_text(raw, inner);
        }
        match serde_json::from_str::<String>(raw) {
            Ok(unescaped) => self.push_text(raw, &unescaped),
            Err(_) => self.push_json(raw), // lone surrogates are no text
        }
    }

    #[inline]
    fn push_text(&mut self, raw: &str, text: &str) -> usize {
        match &mut self.values {
            Growing::Nothing | Growing::Symbols(_) => {}
            Growing::Texts(values) => {
                values.push(text);
                return self.pushed(text.len() + size_of::<u32>());
            }
            _ => return self.push_json(raw),
        }
        match self.dictionary.key(text) {
            Some(key) => {
                if let Growing::Nothing = self.values {
                    self.start(Growing::Symbols(vec![0; self.rows]));
                }
                if let Growing::Symbols(keys) = &mut self.values {
                    keys.push(key);
                }
                self.pushed(size_of::<u32>())
            }
            None => {
                self.texts().push(text);
                self.pushed(text.len() + size_of::<u32>())
            }
        }
    }

    fn push_json(&mut self, raw: &str) -> usize {
        if !matches!(self.values, Growing::Json(_)) {
            self.widen();
        }
        if let Growing::Json(values) = &mut self.values {
            values.push(raw);
        }
        self.pushed(raw.len() + size_of::<u32>())
    }

    /// The first value of the batch decides the column's kind; the rows before it have none.
    #[cold]
    fn start(&mut self, values: Growing) {
        self.values = values;
        if self.rows > 0 {
            self.validity = Bits::unset(self.rows);
        }
    }

    /// Makes texts of symbols, or of nothing.
    #[cold]
    fn texts(&mut self) -> &mut Strings {
        let mut texts = Strings::default();
        match std::mem::take(&mut self.values) {
            Growing::Symbols(keys) => {
                for (row, key) in keys.into_iter().enumerate() {
                    texts.push(if self.validity.get(row, true) { self.dictionary.get(key) } else { "" });
                }
                self.values = Growing::Nothing;
            }
            _ => {
                (0..self.rows).for_each(|_| texts.push(""));
                self.start(Growing::Nothing);
            }
        }
        self.values = Growing::Texts(texts);
        match &mut self.values {
            Growing::Texts(texts) => texts,
            _ => unreachable!("it was just set"),
        }
    }

    /// Writes the values so far as JSON: the same value each, in the plainest form.
    #[cold]
    fn widen(&mut self) {
        let mut json = Strings::default();
        let values = std::mem::take(&mut self.values);
        if let Growing::Nothing = values {
            (0..self.rows).for_each(|_| json.push(""));
            return self.start(Growing::Json(json));
        }
        for row in 0..self.rows {
            if !self.validity.get(row, true) {
                json.push("");
                continue;
            }
            match &values {
                Growing::Booleans(values) => json.push(if values[row] == 1 { "true" } else { "false" }),
                Growing::Integers(values) => json.push(&values[row].to_string()),
                Growing::Reals(values) => json.push(&serde_json::Value::from(values[row]).to_string()),
                Growing::Symbols(keys) => {
                    json.push(&serde_json::Value::from(self.dictionary.get(keys[row])).to_string());
                }
                Growing::Texts(values) => json.push(&serde_json::Value::from(values.get(row)).to_string()),
                Growing::Nothing | Growing::Json(_) => {}
            }
        }
        self.values = Growing::Json(json);
    }
}
