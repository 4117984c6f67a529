//! The **bindings**: the contract's types as the guest sees them, generated from `wit/` and checked in, since generating
//! them takes longer than the rest of a plugin's first build. A test of `sdk-macros` holds them to the contract.
//!
//! Nothing of them shows in an author's code; `export!` and the derives use them.
#![allow(missing_docs, clippy::all, unsafe_op_in_unsafe_fn)]

include!("bindings/generated.rs");

pub use self::exports::projectionist::projection::projector::{Guest, Pending, Start};
pub use self::projectionist::projection::{columns, events, faults, logging, manifests, tables};
