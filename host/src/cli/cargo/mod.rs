//! How **cargo** is run on plugin crates: for the author's loop, and for the file to deploy.
//!
//! Everything here drives the `cargo` of the person's own toolchain as a process of its own: one that can be
//! stopped with all that it started, and whose messages are read as data.

mod package;
mod profile;
mod target_folder;
mod message;
mod diagnostic;
mod process_group;
mod compile;

pub(super) use compile::{Compile, Ended, Outcome, Progress};
pub(super) use diagnostic::Diagnostic;
pub(super) use package::Package;
pub(super) use process_group::ProcessGroup;
pub(super) use profile::{Profile, test_settings};
pub(super) use target_folder::TargetFolder;

use crate::event::Fault;

/// What plugins are compiled for.
pub(super) const WASM: &str = "wasm32-unknown-unknown";

fn no_rust(program: &str, error: std::io::Error) -> Fault {
    Fault::input(format!("cannot run `{program}`: {error}")).hint("install Rust from https://rustup.rs")
}
