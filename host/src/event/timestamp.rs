//! A **timestamp**: microseconds since 1970-01-01T00:00:00Z, written as RFC 3339.

use std::fmt;
use std::str::FromStr;

/// An instant, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The present, by the system's clock.
    pub fn now() -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => instant.fmt(f),
            Err(_) => write!(f, "{} us", self.0),
        }
    }
}

impl Timestamp {
    /// Reads RFC 3339 (`2013-01-01T05:00:00Z`, with any offset) up to the microsecond, and says whether the text goes
    /// on with a part of one, which is left out.
    pub fn to_the_microsecond(text: &str) -> Result<(Timestamp, bool), jiff::Error> {
        let instant = text.parse::<jiff::Timestamp>()?;
        let microseconds = instant.as_nanosecond().div_euclid(1_000);
        let timestamp = i64::try_from(microseconds).unwrap_or(i64::MAX);
        Ok((Timestamp(timestamp), instant.as_nanosecond().rem_euclid(1_000) != 0))
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    /// Reads RFC 3339 (`2013-01-01T05:00:00Z`, with any offset). Refuses parts of a microsecond.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Timestamp::to_the_microsecond(text)? {
            (timestamp, false) => Ok(timestamp),
            (_, true) => Err(jiff::Error::from_args(format_args!(
                "it has parts of a microsecond, and times are kept to the microsecond: leave out what comes behind six \
                 digits"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_microsecond_are_told_and_never_cut_unseen() {
        for (text, microseconds, is_finer) in [
            ("1970-01-01T00:00:00.000001Z", 1, false),
            ("1970-01-01T00:00:00.000001000Z", 1, false),
            ("1970-01-01T00:00:00.000001999Z", 1, true),
            ("1969-12-31T23:59:59.999999999Z", -1, true),
        ] {
            let read = Timestamp::to_the_microsecond(text).unwrap();
            assert_eq!(read, (Timestamp(microseconds), is_finer), "{text}");
            assert_eq!(text.parse::<Timestamp>().is_err(), is_finer, "{text}");
        }
        assert!(Timestamp::to_the_microsecond("yesterday").is_err());
    }
}
