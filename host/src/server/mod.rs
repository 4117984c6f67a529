//! The **supervisor** runs all projectors of a project, and watches its plugin folder.
//!
//! One loop over a closed set of happenings; one path for boot, reload and rebuild: load the plugin, find or build
//! its generation, follow, swap. Reading order: what it tells ([`Notice`]), what it reacts to, the folder, the head,
//! history's keeper, the worker threads, the loop itself ([`Host`]), and the ways in from beside it ([`status`], [`ask`]).

mod notice;
mod message;
mod folder;
mod head;
mod segment_sealer;
mod worker;
mod projection_entry;
mod host;
mod handlers;
mod reconcile;
mod requests;
mod status;

pub use head::Stop;
pub use host::{Host, Outcome};
pub use notice::{Notice, SwapReport};
pub use requests::{Answer, Request, ask};
pub use status::{ProjectionStatus, Status, status};
