//! A **UUID** (RFC 9562), checked when it is read and written in lower case with hyphens.

use std::fmt;
use std::str::FromStr;

/// A UUID. As a column it is TEXT in the lower-case hyphenated form.
///
/// ```
/// use projectionist_sdk::Uuid;
///
/// let id: Uuid = "67E55044-10B1-426F-9247-BB680E5FE0C8".parse().unwrap();
/// assert_eq!(id.to_string(), "67e55044-10b1-426f-9247-bb680e5fe0c8");
/// assert!("67e55044-10b1".parse::<Uuid>().is_err());
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

/// The text is no UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAUuid;

impl fmt::Display for NotAUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is no UUID")
    }
}

impl std::error::Error for NotAUuid {}

impl FromStr for Uuid {
    type Err = NotAUuid;

    /// Reads the hyphenated form and the one without hyphens, in either case.
    fn from_str(text: &str) -> Result<Self, NotAUuid> {
        let hyphenated = text.len() == 36;
        if !hyphenated && text.len() != 32 {
            return Err(NotAUuid);
        }
        let mut bytes = [0; 16];
        let mut digits = 0;
        for (place, &character) in text.as_bytes().iter().enumerate() {
            if hyphenated && matches!(place, 8 | 13 | 18 | 23) {
                if character != b'-' {
                    return Err(NotAUuid);
                }
                continue;
            }
            let digit = char::from(character).to_digit(16).ok_or(NotAUuid)? as u8;
            bytes[digits / 2] = bytes[digits / 2] << 4 | digit;
            digits += 1;
        }
        Ok(Uuid(bytes))
    }
}

impl Uuid {
    pub(crate) fn write(self, text: &mut String) {
        for (place, byte) in self.0.into_iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(36);
        self.write(&mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}
