//! A **parsed** line: an event as the input says it, before an id is made up.

use std::borrow::Cow;

use crate::event::Timestamp;

/// An event as the input says it.
#[derive(Debug)]
pub(super) struct Parsed<'l> {
    pub stream: Cow<'l, str>,
    pub kind: Cow<'l, str>,
    pub data: Cow<'l, str>,
    pub metadata: Option<Cow<'l, str>>,
    pub id: Option<Cow<'l, str>>,
    pub time: Option<Timestamp>,
}
