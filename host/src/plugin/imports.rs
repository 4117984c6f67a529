//! **Imports** are what a plugin may call: `lookup` and `log`, and behind them its memory; all of it bounded.

use std::sync::Arc;

use wasmtime::component::{HasSelf, Linker, WasmStr};
use wasmtime::{ResourceLimiter, StoreContextMut};

use super::bindings::{columns, events, faults, logging, manifests, tables};
use super::blame::{MESSAGE_BYTES_MAX, clean};
use super::limits::breach;
use super::{CONTRACT, Limits, MemoryPermit, MemoryShare, Shortage, lift, lower};
use crate::event::{Blame, Column, Fault, FaultKind, Manifest, Result, Rows};

/// Answers a plugin's lookups in its own tables.
pub trait Lookup: Send + 'static {
    /// The rows of `length` keys, one for each, in that order. `keys` are the key columns of the table in key order;
    /// their shapes are checked already. A fault ends the plugin's call and is what the caller gets.
    fn lookup(&mut self, table: usize, length: usize, keys: &[Column]) -> Result<Rows>;
}

/// Rows for instances that have none: a lookup is a fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRows;

impl Lookup for NoRows {
    fn lookup(&mut self, _: usize, _: usize, _: &[Column]) -> Result<Rows> {
        Err(Fault::new(FaultKind::Incompatible, "it looked rows up where there are none to look up"))
    }
}

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the usual levels")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

impl LogLevel {
    /// `debug`, `info`, `warn` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        }
    }
}

/// A message from a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// At most 4 KiB, with control characters escaped.
    pub message: String,
}

/// What belongs to one instance on the host's side.
pub(super) struct State<L> {
    pub rows: L,
    pub limits: Limits,
    /// None while the plugin is asked for it.
    pub manifest: Option<Arc<Manifest>>,
    pub memory: Memory,
    pub log: Log,
    lookups: u64,
}

impl<L> State<L> {
    pub fn new(rows: L, limits: &Limits, manifest: Option<Arc<Manifest>>, share: &MemoryShare) -> State<L> {
        let memory = Memory { permit: share.permit(), bytes_max: limits.memory_bytes_max() };
        State { rows, limits: limits.clone(), manifest, memory, log: Log::default(), lookups: 0 }
    }

    /// Starts counting what one call may use.
    pub fn begin_call(&mut self) {
        self.lookups = 0;
        self.log.in_call = 0;
        self.log.panic = None;
    }
}

/// The linear memories of an instance, all together: bounded by the instance's limit, and taken from the budget of
/// the process.
pub(super) struct Memory {
    permit: MemoryPermit,
    bytes_max: u64,
}

impl Memory {
    /// All of them together, in bytes.
    pub fn used(&self) -> u64 {
        self.permit.bytes()
    }
}

/// Elements of a table of functions; Rust plugins have some hundred.
const TABLE_ELEMENTS_MAX: usize = 100_000;

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.permit.bytes() + (desired - current) as u64;
        if used > self.bytes_max {
            // A trap rather than a failed allocation, which a guest would turn into an `unreachable` of no meaning.
            let (asked, most) = (used.div_ceil(1 << 20), self.bytes_max >> 20);
            let message = format!("it asked for {asked} MiB of memory; its `memory-mib-max` is {most}");
            return Err(wasmtime::Error::new(breach(FaultKind::Memory, "memory-mib-max", message)));
        }
        self.permit.resize(used).map_err(|shortage| wasmtime::Error::new(no_room(used, shortage)))?;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS_MAX {
            let message = format!("it asked for a table of {desired} functions; {TABLE_ELEMENTS_MAX} is the most");
            return Err(wasmtime::Error::new(Fault::new(FaultKind::Memory, message)));
        }
        Ok(true)
    }

    // A component of one module has three instances; some more leave room for other toolchains.
    fn instances(&self) -> usize {
        32
    }

    fn tables(&self) -> usize {
        32
    }

    fn memories(&self) -> usize {
        8
    }
}

/// The budget of the process does not have so much for an instance: others hold it, or it is too small.
fn no_room(used: u64, shortage: Shortage) -> Fault {
    let (asked, total) = (used.div_ceil(1 << 20), shortage.bytes_max >> 20);
    let hint = "raise `memory-mib-total` under `[limits]` in projectionist.toml";
    match shortage.may_pass {
        true => Fault::new(
            FaultKind::Memory,
            format!("there is no room for {asked} MiB of memory at the moment: all plugins together may have {total}"),
        )
        .blame(Blame::Host)
        .hint(format!("it goes on once others have given some back; if that happens often, {hint}"))
        .retriable(),
        false => Fault::new(
            FaultKind::Memory,
            format!("it asked for {asked} MiB of memory; `memory-mib-total`, for all plugins together, is {total}"),
        )
        .blame(Blame::Operator)
        .hint(hint),
    }
}

/// Messages that wait to be taken.
#[derive(Default)]
pub(super) struct Log {
    lines: Vec<LogLine>,
    in_call: u64,
    dropped: u64,
    /// The last message of a panic hook in this call: an error that starts with `panicked at `.
    pub panic: Option<String>,
}

impl Log {
    /// The call did not end in a trap: what looked like a panic is a message like any other.
    pub fn keep_panic(&mut self) {
        if let Some(message) = self.panic.take() {
            self.lines.push(LogLine { level: LogLevel::Error, message });
        }
    }
}

/// Messages that wait longer than that many others are not kept.
const LINES_MAX: usize = 10_000;

impl Log {
    /// The messages so far, and at their end how many more there were.
    pub fn take(&mut self) -> Vec<LogLine> {
        let mut lines = std::mem::take(&mut self.lines);
        if self.dropped > 0 {
            let message = format!("{} more messages were dropped (`call-log-lines-max`)", self.dropped);
            lines.push(LogLine { level: LogLevel::Warn, message });
            self.dropped = 0;
        }
        lines
    }
}

impl<L: Lookup> tables::Host for State<L> {
    fn lookup(&mut self, table: u16, length: u32, keys: Vec<columns::ColumnResult>) -> wasmtime::Result<tables::Rows> {
        self.look_up(table, length, keys).map_err(wasmtime::Error::new)
    }
}

impl<L: Lookup> State<L> {
    fn look_up(&mut self, table: u16, length: u32, keys: Vec<columns::ColumnResult>) -> Result<tables::Rows> {
        let Some(manifest) = &self.manifest else {
            return Err(Fault::new(FaultKind::Manifest, "it looked rows up while it was asked for its manifest"));
        };
        self.lookups = self.lookups.saturating_add(u64::from(length));
        let most = self.limits.call_lookups_max;
        if self.lookups > most {
            let message = format!("it looked up more than {most} rows in one call, its `call-lookups-max`");
            return Err(breach(FaultKind::Output, "call-lookups-max", message));
        }
        let keys = lift::keys(table, length as usize, keys, manifest)?;
        let rows = self.rows.lookup(usize::from(table), length as usize, &keys)?;
        Ok(lower::rows(rows))
    }

    fn log(mut store: StoreContextMut<'_, Self>, level: logging::Level, message: &WasmStr) -> wasmtime::Result<()> {
        let state = store.data();
        if state.manifest.is_none() {
            let message = "it logged while it was asked for its manifest";
            return Err(wasmtime::Error::new(Fault::new(FaultKind::Manifest, message)));
        }
        let is_kept = state.log.in_call < state.limits.call_log_lines_max && state.log.lines.len() < LINES_MAX;
        let level = match level {
            logging::Level::Debug => LogLevel::Debug,
            logging::Level::Info => LogLevel::Info,
            logging::Level::Warn => LogLevel::Warn,
            logging::Level::Error => LogLevel::Error,
        };
        if !is_kept && level != LogLevel::Error {
            store.data_mut().log.dropped += 1; // without reading the message
            return Ok(());
        }
        let message = message.to_str(&store)?;
        // A panic spans lines; it is to be one sentence of a fault.
        let panic = (level == LogLevel::Error && message.starts_with("panicked at "))
            .then(|| clean(&message.replace('\n', " "), MESSAGE_BYTES_MAX));
        let message = clean(&message, MESSAGE_BYTES_MAX);
        let log = &mut store.data_mut().log;
        if panic.is_some() {
            log.panic = panic; // told by the fault of the call, once, and not by each attempt
        } else if is_kept {
            log.in_call += 1;
            log.lines.push(LogLine { level, message });
        } else {
            log.dropped += 1;
        }
        Ok(())
    }
}

// The interfaces without functions; their types are imported by components.
impl<L: Lookup> columns::Host for State<L> {}
impl<L: Lookup> events::Host for State<L> {}
impl<L: Lookup> faults::Host for State<L> {}
impl<L: Lookup> manifests::Host for State<L> {}

/// Everything that a plugin may import.
pub(super) fn link<L: Lookup>(linker: &mut Linker<State<L>>) -> wasmtime::Result<()> {
    columns::add_to_linker::<_, HasSelf<State<L>>>(linker, |state| state)?;
    events::add_to_linker::<_, HasSelf<State<L>>>(linker, |state| state)?;
    faults::add_to_linker::<_, HasSelf<State<L>>>(linker, |state| state)?;
    manifests::add_to_linker::<_, HasSelf<State<L>>>(linker, |state| state)?;
    tables::add_to_linker::<_, HasSelf<State<L>>>(linker, |state| state)?;
    // By hand, so that a message is looked at in the guest's memory and only its beginning is copied.
    linker.instance(&format!("projectionist:projection/logging@{CONTRACT}"))?.func_wrap(
        "log",
        |store: StoreContextMut<'_, State<L>>, (level, message): (logging::Level, WasmStr)| {
            State::log(store, level, &message)
        },
    )
}
