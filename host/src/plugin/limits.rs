//! **Limits**: what a plugin may use. Each has a default, each can be changed for all plugins under `[limits]` in
//! `projectionist.toml` and for one under `[projections.NAME.limits]`, and each is enforced by the host.

use serde::{Deserialize, Serialize};

use super::machine_memory::machine_memory_bytes;
use super::memory_budget::MemoryBudget;
use crate::event::{Fault, FaultKind, Result};

/// What one plugin instance may use.
///
/// A breach is a fault that names the limit, its value and the key that changes it; the log is the exception, since
/// losing a message is no reason to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Limits {
    /// `memory-mib-total`: memory of all instances of the process together, of the rows that wait to be written and of
    /// the events that are read ahead, in MiB. 64 to 1,048,576; absent, a quarter of the machine's memory, or of what
    /// its control group allows, and at least 512. Only for all plugins: a projection has none of its own.
    pub memory_mib_total: Option<u64>,
    /// `memory-mib-max`: linear memory of an instance, in MiB. 1 to 4,096; 256 by default.
    pub memory_mib_max: u64,
    /// `call-ms-max`: wall time of one call into the plugin, in milliseconds, kept to within some 10 ms. At least 1;
    /// 10,000 by default.
    pub call_ms_max: u64,
    /// `call-fuel-max`: fuel of one call, about one unit an instruction; the same on every machine, unlike time.
    /// Absent by default, since counting makes a plugin 10 to 40 per cent slower.
    pub call_fuel_max: Option<u64>,
    /// `flush-rows-max`: rows in one flush, upserts and deletes of all tables together. At least 1; 1,000,000 by
    /// default.
    pub flush_rows_max: u64,
    /// `flush-mib-max`: bytes in one flush, all columns together, in MiB. 1 to 4,096; 256 by default.
    pub flush_mib_max: u64,
    /// `call-lookups-max`: rows looked up in one call. 1,000,000 by default; 0 forbids lookups.
    pub call_lookups_max: u64,
    /// `call-log-lines-max`: messages logged in one call; more are counted and dropped. 100 by default; 0 drops all.
    pub call_log_lines_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_mib_total: None,
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

/// Linear memory is addressed with 32 bits.
const MIB_MAX: u64 = 4096;

/// The default of `memory-mib-total` is this part of the machine's memory, and at least so much.
const TOTAL_PART: u64 = 4;
const TOTAL_MIB_MIN: u64 = 512;

impl Limits {
    /// Checks that each limit is in its range; the fault names the key.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("memory-mib-max", self.memory_mib_max, MIB_MAX),
            ("call-ms-max", self.call_ms_max, u64::MAX),
            ("call-fuel-max", self.call_fuel_max.unwrap_or(1), u64::MAX),
            ("flush-rows-max", self.flush_rows_max, u64::MAX),
            ("flush-mib-max", self.flush_mib_max, MIB_MAX),
        ];
        for (key, value, most) in ranges {
            if value == 0 {
                return Err(Fault::input(format!("limit `{key}` is 0, but a plugin cannot work with nothing")));
            }
            if value > most {
                return Err(Fault::input(format!("limit `{key}` is {value}, but can be at most {most}")));
            }
        }
        Ok(())
    }

    /// The budget that all plugins of a process draw on.
    pub fn memory_budget(&self) -> MemoryBudget {
        let machine = || machine_memory_bytes().unwrap_or_default();
        let mib = self.memory_mib_total.unwrap_or_else(|| ((machine() / TOTAL_PART) >> 20).max(TOTAL_MIB_MIN));
        MemoryBudget::new(mib.saturating_mul(1 << 20))
    }

    /// The most that one instance may take, in bytes.
    pub fn memory_bytes_max(&self) -> u64 {
        self.memory_mib_max.saturating_mul(1 << 20)
    }

    pub(super) fn flush_bytes_max(&self) -> u64 {
        self.flush_mib_max.saturating_mul(1 << 20)
    }
}

/// The fault of a plugin that went beyond limit `key`.
pub(super) fn breach(kind: FaultKind, key: &str, message: String) -> Fault {
    Fault::new(kind, message).hint(format!(
        "if it needs that much, raise `{key}` under `[limits]` in projectionist.toml, \
         or under `[projections.NAME.limits]` for this projection alone"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_in_range() {
        Limits::default().check().unwrap();
    }

    #[test]
    fn the_budget_is_a_quarter_of_the_machine_unless_it_is_given() {
        let given = Limits { memory_mib_total: Some(100), ..Limits::default() };
        assert_eq!(given.memory_budget().bytes_max(), 100 << 20);
        let machine = machine_memory_bytes().unwrap_or_default();
        let budget = Limits::default().memory_budget().bytes_max();
        assert!(budget >= 512 << 20 && (budget == 512 << 20 || budget <= machine / 4), "{budget} of {machine}");
    }

    #[test]
    fn a_limit_out_of_range_is_named() {
        let none = Limits { call_ms_max: 0, ..Limits::default() }.check().unwrap_err();
        assert!(none.message.contains("`call-ms-max` is 0"), "{none}");
        let beyond = Limits { memory_mib_max: 4097, ..Limits::default() }.check().unwrap_err();
        assert!(beyond.message.contains("`memory-mib-max` is 4097, but can be at most 4096"), "{beyond}");
    }

    #[test]
    fn keys_are_as_documented_and_unknown_ones_are_refused() {
        let limits: Limits = toml::from_str("memory-mib-max = 64\ncall-fuel-max = 5\n").unwrap();
        assert_eq!(limits, Limits { memory_mib_max: 64, call_fuel_max: Some(5), ..Limits::default() });
        assert!(toml::from_str::<Limits>("memory-mb-max = 64").is_err());
    }
}
