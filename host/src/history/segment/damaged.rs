//! What is **damaged** of a segment.

/// A segment that does not hold what was written: cut off, torn, changed, or of another format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// What of it.
    pub what: String,
}

impl Damaged {
    pub(super) fn new(what: impl Into<String>) -> Damaged {
        Damaged { what: what.into() }
    }
}

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "history is damaged: {}", self.what)
    }
}

impl std::error::Error for Damaged {}
