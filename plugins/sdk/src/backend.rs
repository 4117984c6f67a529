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

    /// Natively, Rust's own report of a panic reaches the author.
    pub(crate) fn report_panics() {}
}

pub(crate) use host::{log, lookup, report_panics};
