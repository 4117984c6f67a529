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
    if !text.bytes().any(|byte| byte == b'\\') {
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
    while let Some(at) = rest.bytes().position(|byte| byte == b'\\') {
        unescaped.push_str(rest.get(..at)?);
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
    *rest = rest.get(4..)?;
    u32::from_str_radix(digits, 16).ok()
}

/// An integer where it is one of 64 bits with a sign; else the digits as recorded.
fn number(text: &str) -> Cell<'_> {
    let Decimal { plain, negative, magnitude, .. } = Decimal::read(text);
    let integer = magnitude.filter(|_| plain).and_then(|magnitude| match negative {
        true => 0i64.checked_sub_unsigned(magnitude),
        false => i64::try_from(magnitude).ok(),
    });
    integer.map_or(Cell::Number(text), Cell::Integer)
}

/// A JSON number, read without floating point: that would add 12 KB to every plugin, also to those without reals.
pub(crate) struct Decimal {
    pub(crate) negative: bool,
    /// Written with neither point nor exponent, and not `-0`, which only a real can be.
    pub(crate) plain: bool,
    /// Whether it has a part below one.
    pub(crate) fraction: bool,
    /// Its absolute value when that is an integer of up to 64 bits.
    pub(crate) magnitude: Option<u64>,
}

impl Decimal {
    pub(crate) fn read(text: &str) -> Decimal {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        // The digits without the zeros at their end, none once they are too many, and by which power of ten they count.
        let (mut significant, mut zeros, mut exponent) = (Some(0u64), 0u32, 0i32);
        let (mut plain, mut below_one) = (true, false);
        for (at, byte) in digits.bytes().enumerate() {
            match byte {
                b'0' => zeros = zeros.saturating_add(1),
                b'1'..=b'9' => {
                    let shifted =
                        significant.and_then(|digits| digits.checked_mul(10u64.checked_pow(zeros.saturating_add(1))?));
                    significant = match (shifted, significant) {
                        (Some(shifted), _) => shifted.checked_add(u64::from(byte - b'0')),
                        // Zeros in front.
                        (None, Some(0)) => Some(u64::from(byte - b'0')),
                        (None, _) => None,
                    };
                    zeros = 0;
                }
                b'.' => below_one = true,
                _ => {
                    exponent = exponent.saturating_add(written_exponent(digits.get(at + 1..).unwrap_or_default()));
                    plain = false;
                    break;
                }
            }
            if below_one && byte != b'.' {
                exponent = exponent.saturating_sub(1);
            }
        }
        exponent = exponent.saturating_add_unsigned(zeros);
        let is_zero = significant == Some(0);
        let fraction = exponent < 0 && !is_zero;
        let scaled = || significant?.checked_mul(10u64.checked_pow(exponent.max(0).unsigned_abs())?);
        let magnitude = if is_zero { Some(0) } else { scaled().filter(|_| !fraction) };
        Decimal { negative, plain: plain && !below_one && !(negative && is_zero), fraction, magnitude }
    }
}

/// The digits behind an `e`; far beyond what counts they are all the same.
fn written_exponent(text: &str) -> i32 {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let digits = digits.bytes().filter(u8::is_ascii_digit);
    let size = digits.fold(0i32, |size, digit| size.saturating_mul(10).saturating_add(i32::from(digit - b'0')));
    if negative { -size } else { size }
}

/// A [`Cell::Number`] as a real, where that loses nothing.
pub(crate) fn real(text: &str) -> Option<f64> {
    let real = text.parse::<f64>().ok().filter(|real| real.is_finite() && !Decimal::read(text).plain)?;
    same_decimal(text, &real_text(real)).then_some(real)
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
        Cell::Number(text) => real(text).map_or_else(|| text.to_owned(), real_text),
        Cell::Json(text) => text.to_owned(),
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
    fn integers_are_read_without_floating_point() {
        let read = |text| {
            let Decimal { negative, plain, fraction, magnitude } = Decimal::read(text);
            (if negative { "-" } else { "" }, magnitude, plain, fraction)
        };
        assert_eq!(read("0"), ("", Some(0), true, false));
        assert_eq!(read("-0"), ("-", Some(0), false, false));
        assert_eq!(read("18446744073709551615"), ("", Some(u64::MAX), true, false));
        assert_eq!(read("18446744073709551616"), ("", None, true, false));
        assert_eq!(read("-9223372036854775808"), ("-", Some(1 << 63), true, false));
        assert_eq!(read("10000000000000000000"), ("", Some(10u64.pow(19)), true, false));
        assert_eq!(read("100000000000000000000"), ("", None, true, false));
        assert_eq!(read("1.00000000000000000000000"), ("", Some(1), false, false));
        assert_eq!(read("0.000000000000000000000001e24"), ("", Some(1), false, false));
        assert_eq!(read("1230e-1"), ("", Some(123), false, false));
        assert_eq!(read("1230e-2"), ("", None, false, true));
        assert_eq!(read("12.5E+1"), ("", Some(125), false, false));
        assert_eq!(read("0e-999999999999"), ("", Some(0), false, false));
        assert_eq!(read("1e999999999999"), ("", None, false, false));
        assert_eq!(read("-0.5"), ("-", None, false, true));
        assert_eq!(read("123456789012345678901234567890.5"), ("", None, false, true));
    }

    #[test]
    fn scalars_equal_what_a_typed_column_holds() {
        let arena = Arena::default();
        let kind = |text| match cell(text, &arena) {
            Cell::Number(text) => real(text).map_or(format!("Number({text:?})"), |real| format!("Real({real:?})")),
            cell => format!("{cell:?}"),
        };
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
