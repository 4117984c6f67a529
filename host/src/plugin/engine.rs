//! The **engine** compiles plugins. A host has one.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use wasmtime::component::Component;
use wasmtime::{Config, OptLevel};

use super::cache::Cache;
use super::inspect::inspect;
use super::loaded::PluginHash;
use super::ticker::{self, Ticked};
use super::{Limits, Plugin, blame};
use crate::event::{Blame, Fault, FaultKind, Result};

/// Compiles plugins, or takes the compiled code from its cache. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    plain: wasmtime::Engine,
    /// Counting fuel is decided when code is compiled, so plugins with a fuel limit have an engine of their own.
    fuelled: OnceLock<wasmtime::Engine>,
    ticked: Ticked,
    cache: Option<Cache>,
}

/// What a guest's stack may take, in bytes: 1 MiB. Threads that call into plugins need the default 2 MiB.
const STACK_BYTES: usize = 1 << 20;

impl Engine {
    /// An engine that keeps compiled code in the folder `cache`, which it makes when it is missing.
    pub fn new(cache: Option<&Path>) -> Result<Engine> {
        let cache = cache.map(|folder| Cache::new(folder).map_err(|error| Fault::storage(folder.display(), error)));
        let plain = engine(false)?;
        let ticked = Ticked::default();
        ticked.add(&plain);
        ticker::start(ticked.clone()).map_err(|error| Fault::storage("starting the epoch ticker", error))?;
        Ok(Engine(Arc::new(Inner { plain, fuelled: OnceLock::new(), ticked, cache: cache.transpose()? })))
    }

    /// Makes a plugin of a file's bytes: inspects it, refuses what this host cannot run, compiles it, and asks it
    /// under `limits` for its manifest, which is checked.
    pub fn load(&self, bytes: &[u8], limits: &Limits) -> Result<Plugin> {
        let inspection = inspect(bytes)?;
        inspection.check()?;
        let start = Instant::now();
        let component = if inspection.is_component { Cow::Borrowed(bytes) } else { Cow::Owned(encode(bytes)?) };
        let (compiled, from_cache) = self.compile(&component, limits.call_fuel_max.is_some())?;
        let compile_ms = start.elapsed().as_secs_f64() * 1000.0;
        Plugin::new(PluginHash::of(bytes), compiled, limits, compile_ms, from_cache)
    }

    fn compile(&self, component: &[u8], with_fuel: bool) -> Result<(Component, bool)> {
        let engine = if with_fuel { self.fuelled()? } else { &self.0.plain };
        if let Some(compiled) = self.0.cache.as_ref().and_then(|cache| cache.get(engine, component)) {
            return Ok((compiled, true));
        }
        let compiled = Component::from_binary(engine, component).map_err(|error| {
            Fault::new(FaultKind::Incompatible, format!("it does not compile: {}", blame::sentence(&error)))
        })?;
        if let Some(cache) = &self.0.cache {
            cache.put(engine, component, &compiled);
        }
        Ok((compiled, false))
    }

    fn fuelled(&self) -> Result<&wasmtime::Engine> {
        if let Some(engine) = self.0.fuelled.get() {
            return Ok(engine);
        }
        let made = engine(true)?;
        Ok(self.0.fuelled.get_or_init(|| {
            self.0.ticked.add(&made);
            made
        }))
    }
}

fn engine(with_fuel: bool) -> Result<wasmtime::Engine> {
    let mut config = Config::new();
    config
        // The same answer on every machine.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        // Nothing that no plugin needs.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        // Every call ends.
        .epoch_interruption(true)
        .consume_fuel(with_fuel)
        .max_wasm_stack(STACK_BYTES)
        // Replay speed: with 4 GiB of address space and a guard behind it, loads and stores need no bounds checks,
        // and a memory that stays where it is keeps its base in a register.
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .memory_may_move(false)
        .memory_init_cow(true)
        .cranelift_opt_level(OptLevel::Speed)
        .wasm_backtrace_max_frames(NonZeroUsize::new(blame::FRAMES_MAX));
    wasmtime::Engine::new(&config).map_err(|error| {
        Fault::new(FaultKind::Incompatible, format!("cannot compile for this machine: {}", blame::sentence(&error)))
            .blame(Blame::Host)
    })
}

/// Makes a component of a core module that carries its component type.
fn encode(module: &[u8]) -> Result<Vec<u8>> {
    let encoded = wit_component::ComponentEncoder::default().module(module).and_then(|encoder| encoder.encode());
    encoded.map_err(|error| {
        Fault::new(FaultKind::Incompatible, format!("it cannot be made a component: {error:#}"))
            .hint("build it again with the SDK of this host's release")
    })
}
