//! A **flush** is what one instance of a plugin gave back at one time.

use crate::event::Changes;

/// Row changes of one part of a projection; each table at most once.
#[derive(Clone, Debug)]
pub struct Flush {
    /// Which part; what two parts change must not meet.
    pub part: usize,
    /// The changes.
    pub changes: Vec<Changes>,
}
