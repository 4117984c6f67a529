//! A **place** in the input: where something begins, and where in it something is wrong.

/// Where a line, or a member of an array, begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// From 1, blank lines counted.
    pub line: u64,
    /// The byte in the line, from 1.
    pub column: usize,
    /// Which member of its array it is, from 1; none for a line.
    pub member: Option<u64>,
}

/// What is wrong with a line or a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The byte in the line or member, from 0.
    pub byte: usize,
    pub reason: String,
}

impl Mistake {
    pub fn new(byte: usize, reason: impl Into<String>) -> Mistake {
        Mistake { byte, reason: reason.into() }
    }

    /// A mistake that is not at any one byte.
    pub fn of_all(reason: impl Into<String>) -> Mistake {
        Mistake::new(0, reason)
    }
}

/// A line, or a member of an array, that is no event.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BadLine {
    /// The line in the file, from 1.
    pub line: u64,
    /// The byte in the line, from 1.
    pub column: usize,
    /// Which member of its array it is, from 1; absent when it is a line of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<u64>,
    /// What is wrong there.
    pub reason: String,
}

impl BadLine {
    /// A mistake in `text`, which begins at `place`.
    pub(super) fn new(place: Place, text: &[u8], mistake: Mistake) -> BadLine {
        let before = &text[..mistake.byte.min(text.len())];
        let (line, column) = match before.iter().rposition(|&byte| byte == b'\n') {
            Some(last) => {
                let newlines = before.iter().filter(|&&byte| byte == b'\n').count();
                (place.line + newlines as u64, mistake.byte - last)
            }
            None => (place.line, place.column + mistake.byte),
        };
        BadLine { line, column, member: place.member, reason: mistake.reason }
    }
}

impl std::fmt::Display for BadLine {
    /// `12:5: member 3: the reason`, to stand behind the file's name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if let Some(member) = self.member {
            write!(f, "member {member}: ")?;
        }
        f.write_str(&self.reason)
    }
}
