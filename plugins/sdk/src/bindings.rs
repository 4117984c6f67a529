//! The **bindings**: the contract's types as the guest sees them, generated from `wit/`.
//!
//! Nothing of them shows in an author's code; `export!` and the derives use them.
#![allow(missing_docs, clippy::all, unsafe_op_in_unsafe_fn)]

wit_bindgen::generate!({
    path: "../../wit/0.1.0",
    world: "projection",
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "projectionist_sdk::bindings",
});

pub use self::exports::projectionist::projection::projector::{Guest, Pending, Start};
pub use self::projectionist::projection::{columns, events, faults, logging, manifests, tables};
