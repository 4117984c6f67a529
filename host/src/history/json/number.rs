//! A **number** as recorded: which column kind holds it without loss.

/// What a JSON number becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::history) enum Number {
    Integer(i64),
    Real(f64),
    /// Neither holds it: it stays text.
    Text,
}

/// Digits that every double tells apart, and decimal exponents at which doubles have their full precision.
const DIGITS_SAFE: usize = 15;
const EXPONENT_SAFE: i64 = 290;

/// Reads a JSON number. `None` when it is not one.
///
/// An integer is a number without fraction and exponent that fits 64 bits; `-0` is not one, since it would lose its
/// sign. A real is a number with fraction or exponent, or `-0`, whose double is written with the same digits again.
pub(in crate::history) fn read(text: &str) -> Option<Number> {
    match integer(text.as_bytes()) {
        Some(integer) => Some(Number::Integer(integer)),
        None => other(text),
    }
}

#[inline]
fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [] => return None,
        [b'0'] if !negative => return Some(0),
        [b'0', ..] => return None,
        _ if digits.len() > 19 => return None,
        _ => {}
    }
    // At most 19 digits: no overflow in 64 unsigned bits.
    let mut value = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    if negative { 0i64.checked_sub_unsigned(value) } else { i64::try_from(value).ok() }
}

fn other(text: &str) -> Option<Number> {
    if text.len() <= DIGITS_SAFE && is_plain_fraction(text.as_bytes()) {
        return text.parse().ok().map(Number::Real);
    }
    let recorded = Decimal::read(text.as_bytes())?;
    if recorded.whole && text != "-0" {
        return Some(Number::Text); // beyond 64 bits
    }
    let real: f64 = text.parse().ok()?;
    if !real.is_finite() {
        return Some(Number::Text);
    }
    let safe = recorded.digits.len() <= DIGITS_SAFE && recorded.exponent.abs() <= EXPONENT_SAFE;
    if safe || Decimal::read(format!("{real:e}").as_bytes())?.equals(&recorded) {
        return Some(Number::Real(real));
    }
    Some(Number::Text)
}

/// `12.50` and the like: what most reals look like.
fn is_plain_fraction(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let Some(point) = text.iter().position(|&byte| byte == b'.') else { return false };
    let (before, after) = (&text[..point], &text[point + 1..]);
    let whole = matches!(before, [b'0'] | [b'1'..=b'9', ..]) && before.iter().all(u8::is_ascii_digit);
    whole && !after.is_empty() && after.iter().all(u8::is_ascii_digit)
}

/// A number in decimal: 0.DIGITS times ten to the exponent, without zeros at either end of the digits.
struct Decimal {
    digits: Vec<u8>,
    exponent: i64,
    /// Written without fraction and exponent.
    whole: bool,
}

impl Decimal {
    fn read(text: &[u8]) -> Option<Decimal> {
        let text = text.strip_prefix(b"-").unwrap_or(text);
        let mantissa_end = text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len());
        let (mantissa, exponent) = text.split_at(mantissa_end);
        let point = mantissa.iter().position(|&byte| byte == b'.');
        let (before, after) = match point {
            Some(point) => (&mantissa[..point], &mantissa[point + 1..]),
            None => (mantissa, &[][..]),
        };
        let well_formed = match before {
            [b'0'] => true,
            [b'0', ..] | [] => false,
            digits => digits.iter().all(u8::is_ascii_digit),
        } && after.iter().all(u8::is_ascii_digit)
            && (point.is_none() || !after.is_empty());
        if !well_formed {
            return None;
        }
        let shift = match exponent {
            [] => 0,
            [_, power @ ..] => power_of_ten(power)?,
        };
        let mut digits: Vec<u8> = before.iter().chain(after).copied().collect();
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let leading = digits.iter().take_while(|&&digit| digit == b'0').count();
        digits.drain(..leading);
        let exponent = match digits.is_empty() {
            true => 0,
            false => shift.saturating_add(before.len() as i64).saturating_sub(leading as i64),
        };
        Some(Decimal { digits, exponent, whole: text.iter().all(u8::is_ascii_digit) })
    }

    fn equals(&self, other: &Decimal) -> bool {
        self.digits == other.digits && self.exponent == other.exponent
    }
}

/// An exponent; enormous ones are as good as the largest.
fn power_of_ten(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits
        .iter()
        .fold(0i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')).min(i64::MAX / 4));
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::Number::{Integer, Real, Text};
    use super::read;

    #[test]
    fn integers_fit_64_bits() {
        for (text, number) in [
            ("0", Integer(0)),
            ("-1", Integer(-1)),
            ("9007199254740993", Integer(9_007_199_254_740_993)),
            ("9223372036854775807", Integer(i64::MAX)),
            ("-9223372036854775808", Integer(i64::MIN)),
            ("9223372036854775808", Text),
            ("-9223372036854775809", Text),
            ("18446744073709551615", Text),
            ("10000000000000000000000", Text),
        ] {
            assert_eq!(read(text), Some(number), "{text}");
        }
    }

    #[test]
    fn reals_lose_nothing() {
        for (text, number) in [
            ("1.5", Real(1.5)),
            ("0.1", Real(0.1)),
            ("12.50", Real(12.5)),
            ("1e2", Real(100.0)),
            ("1E+2", Real(100.0)),
            ("5e-324", Real(5e-324)),
            ("0.0", Real(0.0)),
            ("0e999999999999999999999", Real(0.0)),
            ("1.7976931348623157e308", Real(f64::MAX)),
            ("0.30000000000000004", Real(0.300_000_000_000_000_04)),
            ("3e-324", Text), // a double holds it as 5e-324
            ("1e-400", Text), // as 0
            ("1e400", Text),  // as infinity
            ("0.1000000000000000055511151231257827", Text),
            ("9007199254740993.0", Text),
            ("1e99999999999999999999999", Text),
        ] {
            assert_eq!(read(text), Some(number), "{text}");
        }
        let minus_zero = |text| matches!(read(text), Some(Real(zero)) if zero == 0.0 && zero.is_sign_negative());
        assert!(minus_zero("-0") && minus_zero("-0.0") && minus_zero("-0e5"));
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", "01", "-01", "1.", ".5", "1e", "1e+", "+1", "tru", "NaN", "inf", "1.5.5", "0x1", "--1"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
