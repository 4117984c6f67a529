//! A test fixture: a projection whose misbehaviour is chosen by its events.
//!
//! Written against the bare contract, of the SDK nothing but its bindings, since the SDK would not let most of this happen. It takes
//! events of type `Steered`; their field `do` names a [`Behaviour`](behaviour::Behaviour).

#![cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "only WebAssembly exports it"))]

mod behaviour;
mod applying;
mod flushing;
mod describing;
mod columns;

use std::cell::RefCell;

#[allow(missing_docs, unused_imports, reason = "generated from `wit/0.1.0`, which documents each item")]
mod contract {
    include!("../../sdk/src/bindings/generated.rs");
}

use contract::exports::projectionist::projection::projector::{
    Batch, Changes, Description, Fault, Guest, Pending, Start,
};
use contract::projectionist::projection::logging::{Level, log};

/// The one instance of the fixture.
struct Misbehaving;

/// What it keeps from call to call.
#[derive(Default)]
struct State {
    applied: u64,
    rows: flushing::Waiting,
    dictionary: Vec<String>,
    hoard: Vec<Vec<u8>>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

impl Guest for Misbehaving {
    fn manifest() -> Description {
        describing::manifest()
    }

    /// Settings that contain `refuse` or `trap` do that.
    fn open(start: Start) -> Result<(), Fault> {
        std::panic::set_hook(Box::new(|info| log(Level::Error, &info.to_string())));
        if start.settings.contains("trap") {
            applying::trap();
        }
        if start.settings.contains("refuse") {
            return Err(applying::fault(
                contract::projectionist::projection::faults::Cause::Settings,
                "told to refuse",
            ));
        }
        Ok(())
    }

    fn apply(batch: Batch) -> Result<Pending, Fault> {
        STATE.with_borrow_mut(|state| state.apply(&batch))
    }

    fn flush() -> Result<Vec<Changes>, Fault> {
        STATE.with_borrow_mut(|state| std::mem::take(&mut state.rows).changes())
    }
}

#[cfg(target_family = "wasm")] // the names of the contract's functions are no symbols elsewhere
contract::export_component!(Misbehaving with_types_in contract);
