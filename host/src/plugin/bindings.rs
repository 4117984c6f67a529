//! **Bindings**: the contract's types as wasmtime generates them. They never leave this folder.
//!
//! `Borrowing` lets a batch be lowered straight from the host's buffers: `...Param` types borrow and go into the
//! guest, `...Result` types own and come out of it.
#![allow(missing_docs, dead_code, reason = "generated from `wit/0.1.0`, which documents each item")]

wasmtime::component::bindgen!({
    path: "../wit/0.1.0",
    world: "projection",
    ownership: Borrowing { duplicate_if_necessary: true },
    imports: { default: trappable },
});

pub(super) use self::projectionist::projection::{columns, events, faults, logging, manifests, tables};
pub(super) use exports::projectionist::projection::projector;
