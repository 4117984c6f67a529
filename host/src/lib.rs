//! **Projectionist** replays stored events into sandboxed WebAssembly projections.
//!
//! The modules in reading order; each imports only from those above it:
//!
//! | module | its noun |
//! | --- | --- |
//! | [`event`] | the facts, and the shapes in which they travel |
//! | `sqlite_file` | opening SQLite files for reading |
//! | [`event_store`] | where events are kept: the contract, and its adapters |
//! | [`import`] | events out of files |
//! | [`history`] | from recorded JSON to columns; the mirror of the log |
//! | [`plugin`] | the WebAssembly boundary |
//! | [`read_model`] | generations: the tables that projections keep |
//! | [`project`] | a project folder and its configuration |
//! | [`projection`] | one running projection |
//! | [`server`] | all of them, and the plugin folder |
//! | [`replay`] | dry runs |
//! | [`cli`] | the command line |

pub mod event;
mod sqlite_file;
pub mod event_store;
pub mod import;
pub mod history;
pub mod plugin;
pub mod read_model;
pub mod project;
pub mod projection;
pub mod server;
pub mod replay;
pub mod cli;
