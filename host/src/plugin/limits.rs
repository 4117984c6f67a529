//! **Limits**: what a plugin may use.

use serde::{Deserialize, Serialize};

/// What one plugin instance may use; every limit has a default and is enforced by the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Limits {
    /// Linear memory of the instance, in MiB.
    pub memory_mib_max: u64,
    /// Wall time of one call into the plugin, in milliseconds.
    pub call_ms_max: u64,
    /// Fuel of one call (about one unit an instruction); none = not counted, which is faster.
    pub call_fuel_max: Option<u64>,
    /// Rows in one flush, upserts and deletes of all tables together.
    pub flush_rows_max: u64,
    /// Bytes in one flush, all columns together, in MiB.
    pub flush_mib_max: u64,
    /// Rows looked up in one call.
    pub call_lookups_max: u64,
    /// Messages logged in one call; more are counted and dropped.
    pub call_log_lines_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_mib_max: 256,
            call_ms_max: 10_000,
            call_fuel_max: None,
            flush_rows_max: 1_000_000,
            flush_mib_max: 256,
            call_lookups_max: 1_000_000,
            call_log_lines_max: 100,
        }
    }
}
