//! Read models, from outside: what a projector, a command and a crash see of them.

mod tables; // the manifest and the rows that the others use
mod generation; // bulk, live, lookups, faults
mod pages; // rows written as pages, against rows that SQLite inserted
mod runs; // what is flushed before it is written: newest counts, overlaps, spilling, look-ups
mod any_schema; // any table, any rows, against a map
mod random; // tables of any shape, beside the same kept by SQL alone
mod model; // any sequence of changes, cut anyhow, against a map
mod catalogue; // begin, ready, swap, rollback, prune, repair, requests
mod comparing; // the rows of two generations, beside the same done with maps
mod query; // other people's SQL
mod crash; // a real process, killed at many points
