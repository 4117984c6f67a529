//! **Bindings**: the contract's types as wasmtime generates them. They stay in this folder.
#![allow(missing_docs, reason = "generated from `wit/0.1.0`, which documents each item")]

wasmtime::component::bindgen!({
    path: "../wit/0.1.0",
    world: "projection",
    ownership: Borrowing { duplicate_if_necessary: true },
});
