//! The **server** runs all projections of a project, and watches its plugin folder.
//!
//! One loop over a closed set of messages; one path for boot, reload and rebuild: load the plugin, find or build its
//! generation, follow, swap. Reading order: what others see and say (notices, snapshots, commands), what wakes the loop
//! (the plugin folder, the head of the log, workers, requests of other processes), the loop itself ([`Host`]), and what
//! it does with each: it notes what is new and reconciles what a projection should run with what it runs.

mod stop;
mod backoff;
mod snapshot;
mod notice;
mod command;
mod message;
mod handle;
mod folder;
mod head;
mod request_watch;
mod segment_sealer;
mod worker;
mod load_queue;
mod projection_entry;
mod outcome;
mod status_file;
mod status;
mod host;
mod reconcile;
mod candidate;
mod file_handlers;
mod worker_handlers;
mod execute;
mod requests;
mod publish;

pub use command::{Command, CommandReply};
pub use handle::HostHandle;
pub use host::Host;
pub use notice::{Notice, SwapReport};
pub use outcome::Outcome;
pub use requests::ask;
pub use snapshot::{Building, FileState, HostSnapshot, MemoryUse, Published, ReconcileStep, Waiting};
pub use status::{ProjectStatus, ProjectionStatus, status};
pub use stop::Stop;
