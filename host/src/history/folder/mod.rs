//! The **history folder**: the segments of one log, and who adds to them.
//!
//! A segment covers an aligned range of positions, of one of three sizes; which segments are used follows from
//! the listing alone. They are sealed by one process at a time and read by any number, without waiting for each
//! other: files appear whole, and what a larger one replaces stays readable to whoever has it open.

mod files;
mod names;
mod lock;
mod waiting;
mod seal;
mod history;
mod catch_up;
mod seal_now;
mod repair;
mod status;

pub use catch_up::{CaughtUp, Pace, Sealing};
pub use history::{History, TAIL_BYTES_MAX};
pub use status::{DamagedFile, Status};
