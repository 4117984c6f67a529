//! A **plugin** that is loaded: compiled, with a manifest that was asked for and checked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::imports::{Lookup, NoRows};
use super::instance::Instance;
use super::tier::Code;
use super::{FILE_BYTES_MAX, Limits, MemoryShare};
use crate::event::{Blame, Fault, FaultKind, Manifest, Result};

/// The blake3 hash of a plugin file's bytes; written as 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PluginHash([u8; 32]);

impl PluginHash {
    /// The hash of a file's bytes.
    pub fn of(bytes: &[u8]) -> PluginHash {
        debug_assert!(bytes.len() <= FILE_BYTES_MAX);
        PluginHash(*blake3::hash(bytes).as_bytes())
    }

    /// The first 12 hex digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for PluginHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

/// A compiled plugin; any number of instances can be made of it, on any thread. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    hash: PluginHash,
    code: Code,
    manifest: Arc<Manifest>,
    counts_fuel: bool,
    compile_ms: f64,
    from_cache: bool,
}

/// What a compiler, or the cache, made of a file.
pub(super) struct Compiled {
    pub code: Code,
    pub ms: f64,
    pub from_cache: bool,
}

impl Plugin {
    /// Asks a compiled component for its manifest and checks it.
    pub(super) fn new(hash: PluginHash, compiled: Compiled, limits: &Limits) -> Result<Plugin> {
        let Compiled { code, ms: compile_ms, from_cache } = compiled;
        let mut asked = Instance::new(code.best(), limits, NoRows, None, &MemoryShare::unlimited())?;
        let manifest = asked.manifest()?;
        manifest.check().map_err(|fault| fault.of(&shown(&manifest)))?;
        // An instance shares nothing with others and imports nothing yet, so only what it keeps itself could make it
        // answer otherwise: asking it again tells.
        if asked.manifest()? != manifest {
            let message = "it answers with another manifest each time it is asked";
            return Err(Fault::new(FaultKind::Manifest, message).of(&manifest.name));
        }
        let counts_fuel = limits.call_fuel_max.is_some();
        Ok(Plugin { hash, code, manifest: Arc::new(manifest), counts_fuel, compile_ms, from_cache })
    }

    /// The hash of the file's bytes.
    pub fn hash(&self) -> PluginHash {
        self.hash
    }

    /// What it says of itself; checked.
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// How long it took to compile it, or to take it from the cache, in milliseconds.
    pub fn compile_ms(&self) -> f64 {
        self.compile_ms
    }

    /// Whether its compiled code came from the cache.
    pub fn from_cache(&self) -> bool {
        self.from_cache
    }

    /// A fresh instance with its own memory, under `limits`, which looks up in `rows`.
    pub fn instantiate<L: Lookup>(&self, limits: &Limits, rows: L) -> Result<Instance<L>> {
        self.instantiate_within(limits, rows, &MemoryShare::unlimited())
    }

    /// The same, with memory that comes out of a share of the process's budget.
    pub fn instantiate_within<L: Lookup>(&self, limits: &Limits, rows: L, memory: &MemoryShare) -> Result<Instance<L>> {
        if limits.call_fuel_max.is_some() != self.counts_fuel {
            // Whether fuel is counted is part of the compiled code.
            let message = "it was loaded with another choice of `call-fuel-max`, and has to be loaded again";
            return Err(Fault::new(FaultKind::Incompatible, message).blame(Blame::Host).of(&self.manifest.name));
        }
        Instance::new(self.code.best(), limits, rows, Some(self.manifest.clone()), memory)
    }

    /// Whether instances made now run optimised code.
    pub fn is_optimised(&self) -> bool {
        self.code.is_optimised()
    }

    /// Makes the optimised code of a plugin that was loaded quickly, here and now: some 100 ms on all cores. Instances
    /// made before keep theirs. Whether there is optimised code now.
    pub fn optimise(&self) -> bool {
        self.code.optimise()
    }

    /// About how long [`Plugin::optimise`] takes on this machine's cores.
    pub fn optimising(&self) -> Duration {
        self.code.optimising()
    }

    /// The same two seconds later, on a thread of its own, if the plugin is still in use then.
    pub fn optimise_soon(&self) {
        self.code.optimise_soon();
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("name", &self.manifest.name).field("hash", &self.hash.short()).finish()
    }
}

/// A name that was not checked yet, fit to be shown.
fn shown(manifest: &Manifest) -> String {
    super::blame::clean(&manifest.name, 64)
}
