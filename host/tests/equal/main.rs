//! **Equal**: whatever way a read model is computed, its rows are the same.
//!
//! Generated logs, made to hurt, go through probe plugins that together use everything the contract and the SDK offer.
//! Each is computed in random ways (from the event store or out of history, in partitions, with quick code or
//! optimised, in batches and flushes of any size, built and followed and restarted anywhere) and once in the slow
//! plain way: from the event store, one instance, one event at a time, by SQL inserts.
//!
//! - `log`, `values`: the logs of a seed; `rng`: its numbers;
//! - `probes`: the plugins; `features`: that they use every feature there is;
//! - `way`: a way of computing; `computed`: what comes of it; `stored`: where it reads; `sound`: the file;
//! - `plain`: some rows once more, by plain code over the events;
//! - `case`: a log, a probe and a way; `shrink`: the smallest log that still differs;
//! - `operated`: a project as people use it, with the real program;
//! - `damaged`: segments, read models and imports that are not what was written;
//! - `random`: a number of seeds, and more of them for `scripts/fuzz`.

#[path = "../support/mod.rs"]
mod support;

mod rng;
mod values;
mod log;
mod stored;
mod probes;
mod features;
mod way;
mod computed;
mod sound;
mod plain;
mod case;
mod shrink;
mod operated;
mod damaged;
mod random;
