//! A **plugin** is a WebAssembly file that is a projection; this folder is the boundary to it.
//!
//! Nothing outside says "wasmtime", and the types that the contract generates never leave. In reading order: what
//! a plugin may use, what a file is, the engine that compiles it, the plugin, one running instance of it, what goes
//! in, what it may call, what comes out, and whose fault it was.

mod whole;
mod limits;
mod machine_memory;
mod memory_budget;
mod inspect;
mod engine;
mod tier;
mod ticker;
mod cache;
mod loaded;
mod describe;
mod instance;
mod lower;
mod imports;
mod lift;
mod column;
mod blame;
mod bindings;

pub use cache::CodeCache;
pub use engine::Engine;
pub use imports::{LogLevel, LogLine, Lookup, NoRows};
pub use inspect::{CONTRACT, FILE_BYTES_MAX, Inspection, inspect, read_file};
pub use instance::{Instance, Pending, Start};
pub use limits::Limits;
pub use loaded::{Plugin, PluginHash};
pub use memory_budget::{MemoryBudget, MemoryPermit, MemoryShare, Shortage};
pub use whole::is_whole;
