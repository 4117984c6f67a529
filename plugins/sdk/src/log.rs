//! **Messages** for the operator: bounded by the host, and without any effect on the rows.

use crate::backend;
use crate::bindings::logging::Level;

/// Something only a developer wants to know. Each level is a function that takes a text, and a macro that takes what
/// `format!` does.
///
/// ```
/// use projectionist_sdk::prelude::*;
///
/// debug!("took the short way");
/// info!("opened {} accounts", 3);
/// warn!("an account without an owner");
/// error!("the balance of {account} does not add up", account = "a-1");
///
/// projectionist_sdk::info("as a text");
/// ```
///
/// Rust's own `println!` says nothing in WebAssembly, where there is no output to print to. These do, when they are
/// imported by name:
///
/// ```
/// use projectionist_sdk::{dbg, eprintln, println};
///
/// println!("opened {} accounts", 3);
/// eprintln!("an account without an owner");
/// assert_eq!(dbg!(1 + 2), 3);
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

/// Logs something only a developer wants to know, with what `format!` takes; see [`debug`](fn@debug).
#[macro_export]
macro_rules! debug {
    ($($part:tt)+) => { $crate::debug(&::std::format!($($part)+)) };
}

/// Logs something worth knowing, with what `format!` takes; see [`debug`](fn@debug).
#[macro_export]
macro_rules! info {
    ($($part:tt)+) => { $crate::info(&::std::format!($($part)+)) };
}

/// Logs something odd, with what `format!` takes; see [`debug`](fn@debug).
#[macro_export]
macro_rules! warn {
    ($($part:tt)+) => { $crate::warn(&::std::format!($($part)+)) };
}

/// Logs something wrong that need not stop the projection, with what `format!` takes; see [`debug`](fn@debug).
#[macro_export]
macro_rules! error {
    ($($part:tt)+) => { $crate::error(&::std::format!($($part)+)) };
}

/// As Rust's `println!`, but into the log, as [`info`](fn@info). Import it by name: `use projectionist_sdk::println;`.
#[macro_export]
macro_rules! println {
    () => { $crate::info("") };
    ($($part:tt)*) => { $crate::info(&::std::format!($($part)*)) };
}

/// As Rust's `eprintln!`, but into the log, as [`warn`](fn@warn). Import it by name: `use projectionist_sdk::eprintln;`.
#[macro_export]
macro_rules! eprintln {
    () => { $crate::warn("") };
    ($($part:tt)*) => { $crate::warn(&::std::format!($($part)*)) };
}

/// As Rust's `dbg!`, but into the log, as [`debug`](fn@debug). Import it by name: `use projectionist_sdk::dbg;`.
#[macro_export]
macro_rules! dbg {
    ($value:expr $(,)?) => {
        match $value {
            value => {
                let text = ::std::stringify!($value);
                $crate::debug(&::std::format!("[{}:{}] {text} = {value:#?}", ::std::file!(), ::std::line!()));
                value
            }
        }
    };
}
