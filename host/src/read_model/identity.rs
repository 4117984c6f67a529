//! An **identity** says of which plugin binary, with which settings, a generation is the read model.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;

/// What makes one generation differ from another; written into its file when it is created, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The projection's name.
    pub projection: String,
    /// The author's number for what it computes.
    pub plugin_version: u32,
    /// Hash of the plugin file's bytes: BLAKE3, 64 lower-case hex digits.
    pub plugin_hash: String,
    /// The settings handed to the plugin: a JSON object. Compared byte for byte.
    pub settings: String,
    /// The contract that the plugin was built for: `0.1.0`.
    pub contract: String,
    /// When the generation was begun.
    #[serde(with = "rfc3339")]
    pub created_at: Timestamp,
}

mod rfc3339 {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::event::Timestamp;

    pub fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        time.to_string().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}
