//! A **timestamp**: an instant in microseconds, read from and written as RFC 3339.

use std::fmt;
use std::str::FromStr;

/// An instant: microseconds since 1970-01-01T00:00:00Z. As a column it is TEXT in UTC, with as many digits of the
/// second as it needs: `2013-01-01T05:00:00Z`, `2013-01-01T05:00:00.25Z`.
///
/// ```
/// use projectionist_sdk::Timestamp;
///
/// let time: Timestamp = "2013-01-01T06:00:00.250+01:00".parse().unwrap();
/// assert_eq!(time.to_string(), "2013-01-01T05:00:00.25Z");
/// assert_eq!(time.date(), "2013-01-01");
/// assert_eq!(time, Timestamp(1_357_016_400_250_000));
/// assert!("2013-02-30T00:00:00Z".parse::<Timestamp>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// The text is no RFC 3339 timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotATimestamp;

impl fmt::Display for NotATimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is no RFC 3339 timestamp")
    }
}

impl std::error::Error for NotATimestamp {}

const DAY_US: i64 = 86_400_000_000;

impl Timestamp {
    /// The day in UTC, as `2013-01-01`.
    pub fn date(self) -> String {
        let mut text = String::with_capacity(10);
        write_date(self.0.div_euclid(DAY_US), &mut text);
        text
    }

    /// Whole days since 1970-01-01, in UTC.
    pub fn days(self) -> i64 {
        self.0.div_euclid(DAY_US)
    }

    pub(crate) fn write(self, text: &mut String) {
        write_date(self.days(), text);
        let us = self.0.rem_euclid(DAY_US);
        let seconds = us / 1_000_000;
        for (separator, part) in [('T', seconds / 3600), (':', seconds / 60 % 60), (':', seconds % 60)] {
            text.push(separator);
            write_digits(part, 2, text);
        }
        if us % 1_000_000 != 0 {
            text.push('.');
            write_digits(us % 1_000_000, 6, text);
            text.truncate(text.trim_end_matches('0').len());
        }
        text.push('Z');
    }
}

fn write_digits(mut number: i64, digits: usize, text: &mut String) {
    let mut buffer = [b'0'; 8];
    for place in buffer[..digits].iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
    buffer[..digits].iter().for_each(|&digit| text.push(char::from(digit)));
}

/// Days since 1970 as a date of the proleptic Gregorian calendar; the algorithm is "civil_from_days" of
/// https://howardhinnant.github.io/date_algorithms.html.
fn write_date(days: i64, text: &mut String) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if year < 0 {
        text.push('-');
    }
    write_digits(year.abs(), if year.abs() > 9999 { 6 } else { 4 }, text);
    text.push('-');
    write_digits(month, 2, text);
    text.push('-');
    write_digits(day, 2, text);
}

/// "days_from_civil" of the same source.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    /// Reads RFC 3339 with any offset. Parts of a microsecond are cut; a leap second counts as the second after it.
    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        parse(text.as_bytes()).map(Timestamp).ok_or(NotATimestamp)
    }
}

fn parse(text: &[u8]) -> Option<i64> {
    let part = |range: std::ops::Range<usize>| number(text.get(range)?);
    let is = |place: usize, wanted: &[u8]| text.get(place).is_some_and(|found| wanted.contains(found));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
    let (hour, minute, second) = (part(11..13)?, part(14..16)?, part(17..19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=month_days).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest = &text[19..];
    let mut us = 0;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|digit| digit.is_ascii_digit()).count();
        for place in 0..6 {
            us = us * 10 + fraction[..digits].get(place).map_or(0, |digit| i64::from(digit - b'0'));
        }
        rest = if digits > 0 { &fraction[digits..] } else { return None };
    }
    let offset_minutes = match rest {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), hours @ .., b':', _, _] if hours.len() == 2 => {
            let minutes = number(&rest[4..6])?;
            let hours = number(hours)?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + (minute - offset_minutes) * 60 + second;
    Some(seconds * 1_000_000 + us)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(27);
        self.write(&mut text);
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_survive_the_trip() {
        for text in
            ["1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "2024-02-29T12:00:00.5Z", "0001-01-01T00:00:00Z"]
        {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
        for (text, same) in [
            ("2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00Z"),
            ("2024-03-01 00:30:00.1234567-00:30", "2024-03-01T01:00:00.123456Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), same);
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "2024-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-01-01",
            "2024-01-01T00:00:00",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00+1:00",
            "2024-01-01T00:00:00+24:00",
            "2024-13-01T00:00:00Z",
            "2024-01-01T00:00:00Zx",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
