//! The **engine** compiles plugins. A host has one.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use wasmtime::component::Component;
use wasmtime::{Config, OptLevel, Strategy};

use super::cache::CodeCache;
use super::inspect::inspect;
use super::loaded::{Compiled, PluginHash};
use super::ticker::{self, Ticked};
use super::tier::{Code, depends_on_code};
use super::{Limits, Plugin, blame};
use crate::event::{Blame, Fault, FaultKind, Result};

/// Compiles plugins, or takes the compiled code from its cache. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    plain: wasmtime::Engine,
    /// Compiles several times faster to code that is half as fast; where there is such a compiler.
    quick: Option<wasmtime::Engine>,
    /// Counting fuel is decided when code is compiled, so plugins with a fuel limit have an engine of their own.
    fuelled: OnceLock<wasmtime::Engine>,
    ticked: Ticked,
    cache: Option<CodeCache>,
    /// Whether there is address space for memories that need no bounds checks.
    is_roomy: bool,
}

/// What a guest's stack may take, in bytes: 1 MiB. Threads that call into plugins need the default 2 MiB.
const STACK_BYTES: usize = 1 << 20;

impl Engine {
    /// An engine that keeps compiled code in the folder `cache`, which it makes when it is missing.
    pub fn new(cache: Option<&Path>) -> Result<Engine> {
        Engine::make(cache.map(CodeCache::new))
    }

    /// An engine that keeps compiled code in `cache`.
    pub fn with_cache(cache: CodeCache) -> Result<Engine> {
        Engine::make(Some(cache))
    }

    fn make(cache: Option<CodeCache>) -> Result<Engine> {
        let mut plain = engine(&config(false, true))?;
        let is_roomy = has_address_space(&plain);
        if !is_roomy {
            tracing::info!("the address space of this process is limited: plugins run with bounds checks, slower");
            plain = engine(&config(false, false))?;
        }
        let quick = quick(is_roomy);
        let ticked = Ticked::default();
        ticked.add(&plain);
        quick.iter().for_each(|quick| ticked.add(quick));
        ticker::start(ticked.clone()).map_err(|error| Fault::storage("starting the epoch ticker", error))?;
        Ok(Engine(Arc::new(Inner { plain, quick, fuelled: OnceLock::new(), ticked, cache, is_roomy })))
    }

    /// Makes a plugin of a file's bytes: inspects it, refuses what this host cannot run, compiles it, and asks it
    /// under `limits` for its manifest, which is checked.
    pub fn load(&self, bytes: &[u8], limits: &Limits) -> Result<Plugin> {
        let component = checked(bytes)?;
        let start = Instant::now();
        let with_fuel = limits.call_fuel_max.is_some();
        let (code, from_cache) = match self.cached(&component, with_fuel)? {
            Some(code) => (code, true),
            None => (self.compile(&component, with_fuel)?, false),
        };
        let compiled = Compiled { code: Code::optimised(code), ms: millis(start), from_cache };
        Plugin::new(PluginHash::of(bytes), compiled, limits)
    }

    /// The same, ready several times sooner, with code that is about half as fast, unless optimised code is in the
    /// cache. [`Plugin::optimise`] makes up for it later.
    ///
    /// What is refused here is what [`Engine::load`] refuses: a plugin that this code cannot be made of, or that traps
    /// or takes too long in it, is loaded that way.
    pub fn load_quickly(&self, bytes: &[u8], limits: &Limits) -> Result<Plugin> {
        // Fuel is counted the same on every machine and in every run, so by one compiler only.
        let Some(quick) = self.0.quick.as_ref().filter(|_| limits.call_fuel_max.is_none()) else {
            return self.load(bytes, limits);
        };
        let component = checked(bytes)?;
        let start = Instant::now();
        if let Some(code) = self.cached(&component, false)? {
            let compiled = Compiled { code: Code::optimised(code), ms: millis(start), from_cache: true };
            return Plugin::new(PluginHash::of(bytes), compiled, limits);
        }
        let cached = self.0.cache.as_ref().and_then(|cache| cache.get(quick, &component));
        let from_cache = cached.is_some();
        // The compiler is young: should it panic, the other one is there.
        let compiled = cached.or_else(|| {
            catch_unwind(AssertUnwindSafe(|| Component::from_binary(quick, &component).ok())).ok().flatten()
        });
        let Some(compiled) = compiled else { return self.load(bytes, limits) };
        if !from_cache && let Some(cache) = &self.0.cache {
            cache.put(quick, &component, &compiled);
        }
        let code = Code::quick(compiled, self.clone(), component.into_owned());
        let loaded = Plugin::new(PluginHash::of(bytes), Compiled { code, ms: millis(start), from_cache }, limits);
        match loaded {
            Err(fault) if depends_on_code(&fault) => self.load(bytes, limits),
            loaded => loaded,
        }
    }

    fn cached(&self, component: &[u8], with_fuel: bool) -> Result<Option<Component>> {
        let engine = if with_fuel { self.fuelled()? } else { &self.0.plain };
        Ok(self.0.cache.as_ref().and_then(|cache| cache.get(engine, component)))
    }

    /// Optimised code, on all cores; the cache keeps it.
    pub(super) fn compile(&self, component: &[u8], with_fuel: bool) -> Result<Component> {
        let engine = if with_fuel { self.fuelled()? } else { &self.0.plain };
        let compiled = Component::from_binary(engine, component).map_err(|error| refused(&error))?;
        if let Some(cache) = &self.0.cache {
            cache.put(engine, component, &compiled);
        }
        Ok(compiled)
    }

    /// Optimised code without fuel, on this thread alone; the cache keeps it.
    pub(super) fn compile_beside(&self, component: &[u8]) -> Result<Component> {
        // How many threads compile is no part of the code: it runs in the engine of the others.
        let patient = engine(config(false, self.0.is_roomy).parallel_compilation(false))?;
        let code = patient.precompile_component(component).map_err(|error| refused(&error))?;
        // SAFETY: `deserialize` trusts that the bytes came from `precompile_component` or `serialize`. They did.
        let compiled = unsafe { Component::deserialize(&self.0.plain, code) }.map_err(|error| refused(&error))?;
        if let Some(cache) = &self.0.cache {
            cache.put(&self.0.plain, component, &compiled);
        }
        Ok(compiled)
    }

    fn fuelled(&self) -> Result<&wasmtime::Engine> {
        if let Some(engine) = self.0.fuelled.get() {
            return Ok(engine);
        }
        let made = engine(&config(true, self.0.is_roomy))?;
        Ok(self.0.fuelled.get_or_init(|| {
            self.0.ticked.add(&made);
            made
        }))
    }
}

/// Whether memories for every core fit into the address space of the process, which may be limited (`ulimit -v`).
fn has_address_space(engine: &wasmtime::Engine) -> bool {
    let memories = std::thread::available_parallelism().map_or(1, |cores| cores.get()) + 2;
    let mut store = wasmtime::Store::new(engine, ());
    (0..memories).all(|_| wasmtime::Memory::new(&mut store, wasmtime::MemoryType::new(1, None)).is_ok())
}

/// Without room, memories are reserved as they are needed, move when they grow, and each access is checked.
fn config(with_fuel: bool, is_roomy: bool) -> Config {
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
        .memory_reservation(if is_roomy { 4 << 30 } else { 16 << 20 })
        .memory_guard_size(if is_roomy { 32 << 20 } else { 0 })
        .memory_may_move(!is_roomy)
        .memory_init_cow(true)
        .cranelift_opt_level(OptLevel::Speed)
        .wasm_backtrace_max_frames(NonZeroUsize::new(blame::FRAMES_MAX));
    config
}

/// The same with Winch, wasmtime's baseline compiler; only where its makers support it as they do Cranelift. It
/// canonicalises NaNs as Cranelift does.
fn quick(is_roomy: bool) -> Option<wasmtime::Engine> {
    if !cfg!(target_arch = "x86_64") {
        return None;
    }
    // Tail calls it does not know; a plugin that has some is compiled by the other one.
    let made = wasmtime::Engine::new(config(false, is_roomy).strategy(Strategy::Winch).wasm_tail_call(false));
    made.inspect_err(|error| tracing::warn!(%error, "there is no quick compiler")).ok()
}

fn engine(config: &Config) -> Result<wasmtime::Engine> {
    wasmtime::Engine::new(config).map_err(|error| {
        Fault::new(FaultKind::Incompatible, format!("cannot compile for this machine: {}", blame::sentence(&error)))
            .blame(Blame::Host)
    })
}

fn refused(error: &wasmtime::Error) -> Fault {
    Fault::new(FaultKind::Incompatible, format!("it does not compile: {}", blame::sentence(error)))
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// The component of a file that this host can run.
fn checked(bytes: &[u8]) -> Result<Cow<'_, [u8]>> {
    let inspection = inspect(bytes)?;
    inspection.check()?;
    Ok(if inspection.is_component { Cow::Borrowed(bytes) } else { Cow::Owned(encode(bytes)?) })
}

/// Makes a component of a core module that carries its component type.
fn encode(module: &[u8]) -> Result<Vec<u8>> {
    let encoded = wit_component::ComponentEncoder::default().module(module).and_then(|encoder| encoder.encode());
    encoded.map_err(|error| {
        Fault::new(FaultKind::Incompatible, format!("it cannot be made a component: {error:#}"))
            .hint("build it again with the SDK of this host's release")
    })
}
