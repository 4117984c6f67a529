//! A **tier** is how well a plugin's code is compiled: quickly, or optimised.
//!
//! Quick code is there several times sooner and runs about half as fast. A plugin that was loaded with it gets
//! optimised code later, which each instance made from then on runs. Both compute the same; what quick code takes more
//! of is time and stack, so a fault that may come from that counts only once optimised code has it too.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use wasmtime::component::Component;

use super::Engine;
use crate::event::{Fault, FaultKind};

/// How long a plugin that was loaded quickly is left alone before its optimised code is made: while it is being
/// developed the next version is there sooner, and what it was loaded for can use all cores.
const LEFT_ALONE: Duration = Duration::from_secs(2);

/// A plugin's code; instances are made of the best there is.
#[derive(Clone)]
pub(super) struct Code(Arc<Tiers>);

struct Tiers {
    quick: Option<Quick>,
    optimised: OnceLock<Component>,
}

struct Quick {
    code: Component,
    /// What it was compiled by and from.
    engine: Engine,
    component: Vec<u8>,
    /// Held by the thread that optimises.
    turn: Mutex<()>,
}

/// How long one core takes to optimise a KiB of a plugin file (measured: 0.9 to 1.2 ms).
const CODE_KIB: Duration = Duration::from_millis(1);

impl Code {
    pub fn optimised(code: Component) -> Code {
        Code(Arc::new(Tiers { quick: None, optimised: code.into() }))
    }

    pub fn quick(code: Component, engine: Engine, component: Vec<u8>) -> Code {
        let quick = Quick { code, engine, component, turn: Mutex::new(()) };
        Code(Arc::new(Tiers { quick: Some(quick), optimised: OnceLock::new() }))
    }

    /// The best that is there, and whether it is the quick one.
    pub fn best(&self) -> (&Component, bool) {
        match (self.0.optimised.get(), &self.0.quick) {
            (Some(optimised), _) => (optimised, false),
            (None, Some(quick)) => (&quick.code, true),
            (None, None) => unreachable!("code is made with one of the two"),
        }
    }

    pub fn is_optimised(&self) -> bool {
        self.0.optimised.get().is_some()
    }

    /// Makes the optimised code now, unless it is there; whether it is.
    pub fn optimise(&self) -> bool {
        self.0.optimise(|quick| quick.engine.compile(&quick.component, false))
    }

    /// About how long making it takes, with all cores.
    pub fn optimising(&self) -> Duration {
        let bytes = self.0.quick.as_ref().map_or(0, |quick| quick.component.len());
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        CODE_KIB.mul_f64(bytes as f64 / 1024.0 / cores as f64)
    }

    /// Makes it in a while on a thread of its own, if someone still has the plugin then.
    pub fn optimise_soon(&self) {
        if self.is_optimised() {
            return;
        }
        let tiers: Weak<Tiers> = Arc::downgrade(&self.0);
        let started = std::thread::Builder::new().name("optimise".into()).spawn(move || {
            std::thread::sleep(LEFT_ALONE);
            if let Some(tiers) = tiers.upgrade() {
                // One at a time, however many plugins were dropped in.
                static TURN: Mutex<()> = Mutex::new(());
                let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
                tiers.optimise(|quick| quick.engine.compile_beside(&quick.component));
            }
        });
        if let Err(error) = started {
            tracing::warn!(%error, "a plugin stays with quick code: no thread to optimise it");
        }
    }
}

impl Tiers {
    fn optimise(&self, compile: impl FnOnce(&Quick) -> Result<Component, Fault>) -> bool {
        let Some(quick) = &self.quick else { return true };
        let _turn = quick.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.optimised.get().is_some() {
            return true;
        }
        match compile(quick) {
            Ok(code) => self.optimised.set(code).is_ok(),
            Err(fault) => {
                tracing::warn!(%fault, "a plugin stays with quick code");
                false
            }
        }
    }
}

/// Whether a fault may come from how the code was compiled: optimised code needs less time, and less stack.
pub(super) fn depends_on_code(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::Trap | FaultKind::Deadline)
}
