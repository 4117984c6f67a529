//! An **instance** is one running plugin: its own memory, its own limits, its own rows to look up in.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use super::bindings::{Projection, ProjectionPre, projector};
use super::blame::{self, Call};
use super::imports::{self, LogLine, Lookup, State};
use super::{Limits, MemoryShare, lift, lower, ticker};
use crate::event::{Batch, Blame, Changes, Fault, FaultKind, Manifest, Position, Range, Result};

/// What a plugin is opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The checkpoint of the generation; the first batch comes after it.
    pub checkpoint: Position,
    /// Whether the generation has no rows yet, so that nothing needs to be looked up.
    pub empty: bool,
    /// The projection's settings as a JSON object; `{}` without any.
    pub settings: String,
}

/// What waits in a plugin for a flush.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Changed rows.
    pub rows: u64,
    /// The plugin's estimate of the memory that they take.
    pub bytes: u64,
}

/// One running plugin. Every call is bounded by its [`Limits`]; after the first fault the instance is dead, and
/// a new one has to start from the last committed checkpoint.
pub struct Instance<L: Lookup> {
    store: Store<State<L>>,
    guest: Projection,
    is_quick: bool,
    /// What was applied since the last flush.
    unflushed: Option<Range>,
    dead: Option<Fault>,
}

/// What a manifest may take, in bytes.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;
/// What one call of an import may hand over, in bytes: the keys of a lookup.
const CALL_BYTES_MAX: u64 = 64 << 20;
/// A flush is measured precisely after it was read; so much more is read.
const FLUSH_BYTES_MARGIN: u64 = 1 << 20;

impl<L: Lookup> Instance<L> {
    pub(super) fn new(
        (component, is_quick): (&Component, bool),
        limits: &Limits,
        rows: L,
        manifest: Option<Arc<Manifest>>,
        memory: &MemoryShare,
    ) -> Result<Instance<L>> {
        limits.check()?;
        let engine = component.engine();
        let name = manifest.as_ref().map(|manifest| manifest.name.clone());
        let mut linker = Linker::new(engine);
        let mut store = Store::new(engine, State::new(rows, limits, manifest, memory));
        store.limiter(|state| &mut state.memory);
        begin(&mut store, CALL_BYTES_MAX).and_then(|()| imports::link(&mut linker)).map_err(|error| {
            Fault::new(FaultKind::Incompatible, format!("an instance cannot be made: {error:#}")).blame(Blame::Host)
        })?;
        let named = |fault: Fault| match &name {
            Some(name) => fault.of(name),
            None => fault,
        };
        // What can be said of the plugin without running it comes first, so that what fails later is told apart.
        let does_not_fit = |error: &wasmtime::Error| {
            Fault::new(FaultKind::Incompatible, format!("it does not fit the contract: {error:#}"))
                .hint("build it again with the SDK of this host's release")
        };
        let prepared = linker
            .instantiate_pre(component)
            .and_then(ProjectionPre::new)
            .map_err(|error| named(does_not_fit(&error)))?;
        let _ticking = ticker::call();
        let guest = prepared.instantiate(&mut store).map_err(|error| {
            // The functions' types are only compared here; wasmtime has no error type of its own for it.
            if error.to_string().starts_with("failed to convert function") {
                return named(does_not_fit(&error));
            }
            named(match error.is::<wasmtime::Trap>() || error.is::<Fault>() {
                true => Call { function: "start", range: None, limits, bytes_max: 0, panic: None }.fault(error),
                false => no_place(&error),
            })
        })?;
        Ok(Instance { store, guest, is_quick, unflushed: None, dead: None })
    }

    /// Asks for the manifest.
    pub(super) fn manifest(&mut self) -> Result<Manifest> {
        let manifest = self.call("manifest", None, MANIFEST_BYTES_MAX, |guest, store| guest.call_manifest(store))?;
        Ok(manifest.into())
    }

    /// Tells the plugin where it starts. Called once, first. A quarter of its memory is for rows that it keeps
    /// without having changed them.
    pub fn open(&mut self, start: &Start) -> Result<()> {
        let memory_bytes = self.store.data().limits.memory_bytes_max();
        let start = projector::Start {
            checkpoint: start.checkpoint.0,
            empty: start.empty,
            settings: &start.settings,
            cache_bytes: memory_bytes / 4,
            memory_bytes,
            // Random, so that nobody can choose keys that meet in the plugin's tables.
            seed: RandomState::new().hash_one(()),
        };
        let answer = self.call("open", None, CALL_BYTES_MAX, |guest, store| guest.call_open(store, start))?;
        answer.map_err(|fault| self.stop(blame::reported(fault, None, None)))
    }

    /// Folds a batch into rows that the plugin keeps.
    pub fn apply(&mut self, batch: &Batch) -> Result<Pending> {
        let range = Some(batch.range);
        self.unflushed = Some(Range {
            after: self.unflushed.map_or(batch.range.after, |unflushed| unflushed.after),
            through: batch.range.through,
        });
        let answer = self.call("apply", range, CALL_BYTES_MAX, |guest, store| {
            lower::with_batch(batch, |batch| guest.call_apply(store, batch))
        })?;
        match answer {
            Ok(pending) => Ok(Pending { rows: pending.rows, bytes: pending.bytes }),
            Err(fault) => Err(self.stop(blame::reported(fault, Some(batch), range))),
        }
    }

    /// The row changes since the last flush, checked against the manifest; at most one entry a table, none empty.
    /// Whether a key comes twice is left to the read model.
    pub fn flush(&mut self) -> Result<Vec<Changes>> {
        let range = self.unflushed;
        let bytes_max = self.store.data().limits.flush_bytes_max() + FLUSH_BYTES_MARGIN;
        let answer = self.call("flush", range, bytes_max, |guest, store| guest.call_flush(store))?;
        let guest = answer.map_err(|fault| self.stop(blame::reported(fault, None, range)))?;
        let State { manifest, limits, .. } = self.store.data();
        let manifest = manifest.clone().expect("only the instance that is asked for its manifest has none");
        match lift::changes(guest, &manifest, limits) {
            Ok(changes) => {
                self.unflushed = None;
                Ok(changes)
            }
            Err(fault) => {
                let fault = range.map_or(fault.clone(), |range| fault.among(range));
                Err(self.stop(fault))
            }
        }
    }

    /// Whether it runs quick code, whose traps and deadlines are not final: optimised code needs less time and stack.
    pub fn is_quick(&self) -> bool {
        self.is_quick
    }

    /// The memory that it has taken so far, of the `memory-mib-max` that it may take. It never gives any back.
    pub fn memory_bytes(&self) -> u64 {
        self.store.data().memory.used()
    }

    /// What it looks up in.
    pub fn rows(&mut self) -> &mut L {
        &mut self.store.data_mut().rows
    }

    /// Ends the instance and hands back what it looked up in.
    pub fn into_rows(self) -> L {
        self.store.into_data().rows
    }

    /// The messages logged since they were last taken; the last one says how many were dropped, if any were. Of
    /// messages that nobody takes, 10,000 are kept.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        self.store.data_mut().log.take()
    }

    /// One call into the guest, within its limits.
    fn call<T>(
        &mut self,
        function: &'static str,
        range: Option<Range>,
        bytes_max: u64,
        call: impl FnOnce(&projector::Guest, &mut Store<State<L>>) -> wasmtime::Result<T>,
    ) -> Result<T> {
        if let Some(fault) = &self.dead {
            let message =
                format!("`{function}` was called after the instance had stopped at a fault: {}", fault.message);
            return Err(Fault::new(fault.kind, message)
                .blame(Blame::Host)
                .hint("start a new instance from the last committed checkpoint"));
        }
        self.store.data_mut().begin_call();
        let guest = self.guest.projectionist_projection_projector();
        let _ticking = ticker::call();
        let answer = begin(&mut self.store, bytes_max).and_then(|()| call(guest, &mut self.store));
        if answer.is_ok() {
            self.store.data_mut().log.keep_panic();
        }
        answer.map_err(|error| {
            let State { limits, log, .. } = self.store.data_mut();
            let panic = log.panic.take();
            let fault = Call { function, range, limits, bytes_max, panic }.fault(error);
            self.stop(fault)
        })
    }

    /// Names the projection in a fault, and remembers it as the instance's last.
    fn stop(&mut self, fault: Fault) -> Fault {
        let fault = match &self.store.data().manifest {
            Some(manifest) => fault.of(&manifest.name),
            None => fault,
        };
        self.dead = Some(fault.clone());
        fault
    }
}

/// The plugin is right, and the machine has no place for its memory or code now.
fn no_place(error: &wasmtime::Error) -> Fault {
    Fault::new(FaultKind::Storage, format!("the machine has no place for an instance: {error:#}"))
        .blame(Blame::Host)
        .hint("the memory or the address space of this process is limited (`ulimit -v`, a control group): raise it")
        .retriable()
}

/// Winds up the clocks of one call.
fn begin<L>(store: &mut Store<State<L>>, bytes_max: u64) -> wasmtime::Result<()> {
    let Limits { call_ms_max, call_fuel_max, .. } = store.data().limits;
    store.set_epoch_deadline(ticker::epochs(call_ms_max));
    store.set_hostcall_fuel(usize::try_from(bytes_max).unwrap_or(usize::MAX));
    if let Some(fuel) = call_fuel_max {
        store.set_fuel(fuel)?;
    }
    Ok(())
}
