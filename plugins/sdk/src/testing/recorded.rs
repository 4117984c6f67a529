//! A **recorded** event, as a test writes it.

use serde::Serialize;
use serde_json::Value;

use crate::Timestamp;

/// An event of a test: its stream, type and payload, and what else it was recorded with.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub(crate) stream: String,
    pub(crate) type_name: String,
    pub(crate) data: String,
    pub(crate) metadata: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) time: Option<Timestamp>,
}

/// An event of `stream`. Its position is its place among the given events, its stream version its place among those
/// of its stream, both from 1. Without [`Recorded::at`] it was recorded as many seconds after 1970 as its position.
pub fn event(stream: impl Into<String>, type_name: impl Into<String>, data: impl Serialize) -> Recorded {
    Recorded {
        stream: stream.into(),
        type_name: type_name.into(),
        data: serde_json::to_string(&data).unwrap_or_else(|error| panic!("the payload is no JSON: {error}")),
        metadata: None,
        id: None,
        time: None,
    }
}

impl Recorded {
    /// When it was recorded.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }

    /// Its metadata.
    #[must_use]
    pub fn metadata(mut self, metadata: Value) -> Self {
        self.metadata = Some(metadata.to_string());
        self
    }

    /// Its id; made from its position without.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Its payload as JSON text, when its exact spelling matters.
    #[must_use]
    pub fn text(mut self, json: impl Into<String>) -> Self {
        self.data = json.into();
        self
    }
}
