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
        eprintln!("{}: {message}", ["debug", "info", "warn", "error"][level as usize]);
    }
}

pub(crate) use host::{log, lookup};
