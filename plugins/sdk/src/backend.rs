//! The **backend** answers lookups and takes messages: the host in Wasm, the test kit in native builds.

#[cfg(target_arch = "wasm32")]
mod host {
    use crate::bindings::columns::Column;
    use crate::bindings::logging::{self, Level};
    use crate::bindings::tables::{self, Rows};

    pub(crate) fn lookup(table: u16, length: u32, keys: &[Column]) -> Rows {
        tables::lookup(table, length, keys)
    }

    pub(crate) fn log(level: Level, message: &str) {
        logging::log(level, message);
    }

    /// How many bytes are in use, and how many of the plugin's memory cannot serve any block of any size.
    pub(crate) fn memory() -> (u64, u64) {
        let taken = core::arch::wasm32::memory_size::<0>() << 16;
        #[cfg(feature = "heap")]
        let (used, free) = crate::HEAP.bytes();
        // Another heap does not tell.
        #[cfg(not(feature = "heap"))]
        let (used, free) = (taken, 0);
        (used as u64, (taken - free) as u64)
    }

    pub(crate) fn report_panics() {
        // A trap carries no text. The host takes it from an error that starts with "panicked at", as this one does.
        std::panic::set_hook(Box::new(|panic| log(Level::Error, &panic.to_string())));
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod host {
    use crate::bindings::columns::Column;
    use crate::bindings::logging::Level;
    use crate::bindings::tables::Rows;
    use crate::testing::store;

    pub(crate) fn lookup(table: u16, length: u32, keys: &[Column]) -> Rows {
        store::with(|store| store.lookup(table, length, keys))
    }

    pub(crate) fn log(level: Level, message: &str) {
        std::eprintln!("{}: {message}", ["debug", "info", "warn", "error"][level as usize]);
    }

    /// Natively nothing is bounded.
    pub(crate) fn memory() -> (u64, u64) {
        (0, 0)
    }

    /// Natively, Rust's own report of a panic reaches the author.
    pub(crate) fn report_panics() {}
}

pub(crate) use host::{log, lookup, memory, report_panics};
