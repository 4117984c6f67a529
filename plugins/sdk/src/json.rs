//! **JSON** as text: the [`Json`] value, and reading single JSON scalars so that they equal their column kinds.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arena::Arena;
use crate::cells::Cell;
use crate::dictionary::Text;

/// A value of any JSON kind, as text: objects and arrays as they were recorded, scalars in their canonical form
/// (so `1e2` reads `100.0`). As a row's column it is stored as TEXT.
///
/// ```
/// use projectionist_sdk::Json;
///
/// let lines: Vec<u32> = Json::from_text("[1, 2]").parse().unwrap();
/// assert_eq!(lines, [1, 2]);
/// assert_eq!(Json::of(&lines).unwrap().as_str(), "[1,2]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(String);

impl Json {
    /// Text that is known to be JSON; the host refuses rows where it is not.
    pub fn from_text(text: impl Into<String>) -> Json {
        Json(text.into())
    }

    /// A serde value as JSON.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Json, serde_json::Error> {
        serde_json::to_string(value).map(Json)
    }

    /// As a serde value.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text.
    pub fn into_string(self) -> String {
        self.0
    }

    pub(crate) fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

/// JSON `null`.
impl Default for Json {
    fn default() -> Self {
        Json("null".into())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One JSON text as the cell that a typed column would have held, where one could without loss.
#[cold]
pub(crate) fn cell<'a>(text: &'a str, arena: &'a Arena) -> Cell<'a> {
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    match text.as_bytes().first() {
        Some(b'n') => Cell::Null,
        Some(b't') => Cell::Boolean(true),
        Some(b'f') => Cell::Boolean(false),
        Some(b'"') => string(text, arena),
        Some(b'-' | b'0'..=b'9') => number(text),
        _ => Cell::Json(text),
    }
}

fn string<'a>(text: &'a str, arena: &'a Arena) -> Cell<'a> {
    if !text.contains('\\') {
        let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
        return Cell::Text(Text::from(inner));
    }
    match unescape(text) {
        Some(unescaped) => Cell::Text(Text::from(arena.keep(unescaped))),
        // Half a surrogate pair: legal JSON that no UTF-8 string holds.
        None => Cell::Json(text),
    }
}

/// A JSON string without its quotes and escapes (RFC 8259, section 7). Own code, because serde_json's reader would
/// add 60 KB to every plugin.
fn unescape(text: &str) -> Option<String> {
    let mut rest = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut unescaped = String::with_capacity(rest.len());
    while let Some(at) = rest.find('\\') {
        unescaped.push_str(&rest[..at]);
        let escaped = *rest.as_bytes().get(at + 1)?;
        rest = rest.get(at + 2..)?;
        unescaped.push(match escaped {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'"' | b'\\' | b'/' => char::from(escaped),
            b'u' => {
                let unit = hex(&mut rest)?;
                let code = match unit {
                    0xD800..0xDC00 => {
                        rest = rest.strip_prefix("\\u")?;
                        let low = hex(&mut rest)?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
                        0x10000 + ((unit - 0xD800) << 10) + low
                    }
                    unit => unit,
                };
                char::from_u32(code)?
            }
            _ => return None,
        });
    }
    unescaped.push_str(rest);
    Some(unescaped)
}

/// Takes four hex digits off the front.
fn hex(rest: &mut &str) -> Option<u32> {
    let digits = rest.get(..4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    *rest = &rest[4..];
    u32::from_str_radix(digits, 16).ok()
}

/// An integer or a real where that loses nothing; else the digits as recorded.
fn number(text: &str) -> Cell<'_> {
    if let Ok(integer) = text.parse::<i64>()
        && text != "-0"
    {
        return Cell::Integer(integer);
    }
    let integral = text != "-0" && !text.contains(['.', 'e', 'E']);
    if integral {
        return Cell::Number(text);
    }
    match text.parse::<f64>() {
        Ok(real) if real.is_finite() && same_decimal(text, &real_text(real)) => Cell::Real(real),
        _ => Cell::Number(text),
    }
}

/// A real as JSON: the shortest text that reads back as the same real.
pub(crate) fn real_text(real: f64) -> String {
    serde_json::Number::from_f64(real).map_or_else(|| "null".into(), |number| number.to_string())
}

/// Whether two decimal texts denote the same number.
fn same_decimal(a: &str, b: &str) -> bool {
    fn parts(text: &str) -> Option<(bool, String, i64)> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, fraction].concat();
        let mut exponent = exponent.parse::<i64>().ok()? - fraction.len() as i64;
        let significant = digits.trim_end_matches('0');
        exponent += (digits.len() - significant.len()) as i64;
        let significant = significant.trim_start_matches('0').to_owned();
        if significant.is_empty() {
            exponent = 0;
        }
        Some((negative, significant, exponent))
    }
    parts(a).is_some_and(|a| Some(a) == parts(b))
}

/// A cell as JSON text.
pub(crate) fn text_of(cell: Cell<'_>) -> String {
    match cell {
        Cell::Absent | Cell::Null => "null".into(),
        Cell::Boolean(boolean) => if boolean { "true" } else { "false" }.into(),
        Cell::Integer(integer) => integer.to_string(),
        Cell::Real(real) => real_text(real),
        Cell::Text(text) => serde_json::to_string(text.as_str()).unwrap_or_default(),
        Cell::Number(text) | Cell::Json(text) => text.to_owned(),
        Cell::Bytes(bytes) => serde_json::to_string(&crate::base64::encode(bytes)).unwrap_or_default(),
    }
}

/// A JSON text taken as it is.
pub(crate) fn verbatim(text: &str) -> Json {
    Json(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_read_as_serde_reads_them() {
        for text in [
            r#""""#,
            r#""a\n\t\r\b\f\/\\\"""#,
            r#""\u00e9\uD83D\uDE00é""#,
            r#""\ud83d""#,
            r#""\ud83dx""#,
            r#""\ud83d\u0041""#,
            r#""\u+123""#,
            r#""\x""#,
            r#""\u00""#,
            r#""\u00é""#,
        ] {
            assert_eq!(unescape(text), serde_json::from_str(text).ok(), "{text}");
        }
    }

    #[test]
    fn scalars_equal_what_a_typed_column_holds() {
        let arena = Arena::default();
        let kind = |text| format!("{:?}", cell(text, &arena));
        assert_eq!(kind("5"), "Integer(5)");
        assert_eq!(kind("-9223372036854775808"), "Integer(-9223372036854775808)");
        assert_eq!(kind("9223372036854775808"), "Number(\"9223372036854775808\")");
        assert_eq!(kind("-0"), "Real(-0.0)");
        assert_eq!(kind("1.50"), "Real(1.5)");
        assert_eq!(kind("1e3"), "Real(1000.0)");
        assert_eq!(kind("0.00E+5"), "Real(0.0)");
        assert_eq!(kind("1e400"), "Number(\"1e400\")");
        assert_eq!(kind("0.1000000000000000055511151231257827"), "Number(\"0.1000000000000000055511151231257827\")");
        assert_eq!(kind("\"a\\u00e9\""), "Text(\"aé\")");
        assert_eq!(kind(" {\"a\": 1} "), "Json(\"{\\\"a\\\": 1}\")");
    }
}
