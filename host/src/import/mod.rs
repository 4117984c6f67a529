//! **Import** reads events from files into any store that can be appended to.
//!
//! An event is a JSON object on a line of its own or in a JSON array: of our own form (`line.rs`), or a CloudEvent 1.0
//! (`cloudevent.rs`), told apart one by one by `specversion`. Gzip and zstd are recognised by their first bytes. Memory
//! is constant: a thread reads and parses chunks (`pipeline.rs`) while the one before is recorded (`run.rs`) in transactions
//! of about a second, so everything before a bad line is kept and other processes get their turn. Importing a file again adds nothing (`derived.rs`).

mod options;
mod place;
mod pushback;
mod decompress;
mod input;
mod array;
mod chunk;
mod parsed;
mod object;
mod line;
mod cloudevent;
mod parse;
mod derived;
mod rejects;
mod pipeline;
mod stop;
mod run;

pub use chunk::LINE_BYTES_MAX;
pub use input::Input;
pub use options::{Options, Progress, Report, Tell};
pub use place::BadLine;
pub use rejects::open_aside;
pub use run::import;
