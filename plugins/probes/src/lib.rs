//! **Probes**: test fixtures for the host's `equal` tests, which compute the same rows in every way there is.
//!
//! Each example is a projection; together they use everything that the contract and the SDK offer, over the events
//! that `host/tests/equal` generates. Here is what they share: those events, as most probes read them.

use projectionist_sdk::prelude::*;

/// The events that change something, with a field of each kind.
#[derive(Event)]
pub enum Change<'a> {
    /// Sets what a key stands for.
    #[event(alias = "Assigned")]
    Set {
        /// A text: few distinct values or many, some with long common beginnings.
        key: Text<'a>,
        /// A whole number, up to the largest.
        amount: i64,
        /// A smaller one.
        #[event(default = 1)]
        count: u32,
        /// A number with or without a fraction.
        ratio: Option<f64>,
        /// True or false.
        flag: Option<bool>,
        /// A text that may be huge.
        #[event(rename = "remark", alias = "note")]
        note: Option<&'a str>,
        /// Bytes.
        raw: Option<Vec<u8>>,
        /// An id.
        uid: Option<Uuid>,
        /// An instant.
        at: Option<Timestamp>,
        /// Anything.
        extra: Option<Json>,
        /// Several texts.
        tags: Option<Vec<String>>,
    },
    /// Removes a key.
    Removed {
        /// Which.
        key: Text<'a>,
    },
    /// Gives what one key stands for to another.
    Moved {
        /// From which.
        key: Text<'a>,
        /// To which.
        to: Text<'a>,
    },
    /// Nothing but that it happened.
    Tick,
    /// An event that most blocks do not have.
    Rare(Rare),
}

/// What an event of the rare type has.
#[derive(Fields)]
pub struct Rare {
    /// A text.
    pub key: String,
    /// Anything, or nothing.
    pub extra: Option<Json>,
}
