//! A **read model** is the tables that a projection keeps; a **generation** is one read model, built by one
//! plugin binary, in one SQLite file.
//!
//! ```text
//! data/catalogue.sqlite                    which generations there are, and which one serves
//! data/read-models/NAME/<id>.sqlite        one generation: the declared tables, their rows, the checkpoint
//! data/read-models/NAME/current.sqlite     a link to the one that serves, for those who open the file themselves
//! data/plugins/<hash>.wasm                 the plugin of each generation, so that a rolled-back one can go on
//! data/host.lock                           held by the one host of the project
//! ```
//!
//! A generation is a [`BuildingGeneration`] until [`BuildingGeneration::finish`], filled in bulk with durability off; from
//! then on a [`LiveGeneration`], rows and checkpoint in one transaction; and for those who read it a [`Snapshot`]. A
//! [`Generation`] is either of the first two. The [`Catalogue`] makes it serve, with one small transaction. Only this
//! folder and `event_store/sqlite` know that it is SQLite.
//!
//! What survives what: after `kill -9` a generation stands where its last commit left it. After a power cut the
//! last live commits may be missing, but rows and checkpoint go back together, so the log replays what was lost.
//! The catalogue loses nothing in either case.

mod storage;
mod schema;
mod cells;
mod order;
mod tree;
mod identity;
mod writer;
mod contents;
mod file;
mod sql_lookup;
mod sql_rows;
mod build_options;
mod runs;
mod layout;
mod merge_fault;
mod index_build;
mod fill_pages;
mod fill_sql;
mod finish;
mod building;
mod live;
mod generation;
mod snapshot;
mod compare;
mod memory;
mod catalogue;
mod lock;
pub mod query;

pub use build_options::BuildOptions;
pub use building::BuildingGeneration;
pub use catalogue::{
    Answered, BuildStatistics, Catalogue, DesiredState, GenerationId, GenerationRecord, GenerationState,
    ProjectionRecord, Repairs, Request, RequestId, Swapped,
};
pub use compare::{CompareLimits, Comparison, RowDifference, Sides, TableComparison, compare};
pub use contents::Digest;
pub use generation::{FailedBuild, Generation};
pub use identity::Identity;
pub use live::LiveGeneration;
pub use lock::HostLock;
pub use memory::MemoryModel;
pub use snapshot::Snapshot;
pub use writer::{BulkWriter, Commit, Flush, Writer};
