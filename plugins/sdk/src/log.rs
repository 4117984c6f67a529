//! **Messages** for the operator: bounded by the host, and without any effect on the rows.

use crate::backend;
use crate::bindings::logging::Level;

/// Something only a developer wants to know.
///
/// ```
/// projectionist_sdk::debug("took the short way");
/// projectionist_sdk::info(&format!("opened {} accounts", 3));
/// projectionist_sdk::warn("an account without an owner");
/// projectionist_sdk::error("the balance does not add up");
/// ```
pub fn debug(message: &str) {
    backend::log(Level::Debug, message);
}

/// Something worth knowing; see [`debug`].
pub fn info(message: &str) {
    backend::log(Level::Info, message);
}

/// Something odd; see [`debug`].
pub fn warn(message: &str) {
    backend::log(Level::Warn, message);
}

/// Something wrong that need not stop the projection; see [`debug`].
pub fn error(message: &str) {
    backend::log(Level::Error, message);
}
