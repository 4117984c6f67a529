//! A **projector** is one running projection: a subscription, a plugin instance and a generation.
//!
//! It owns all three, shares nothing, and knows one way to go: from its checkpoint to a given position. [`plan`] says
//! how, [`run`] does it: instances [`fold`] events, one [`writer`] takes what comes of it. Building, following, replaying
//! and finding the event of a fault are plans.

mod thresholds;
mod flush_policy;
mod batch_size;
mod batch_reader;
mod plan;
mod distinct_keys;
mod progress;
mod message;
mod stop_barrier;
mod fold;
mod interruption;
#[cfg(test)]
mod test_manifest;
mod sink;
mod tier_up;
mod log_lines;
mod writer;
mod run;
mod log_check;
mod projector;
mod bisect;
mod load;
mod memory;
mod prepare;
mod state;

pub use batch_size::BatchSize;
pub use load::{identity, load};
pub use memory::build_bytes;
pub use prepare::prepare;
pub use progress::{Advance, Proceed, Progress, Stage};
pub use projector::{GenerationRef, Projector, ProjectorSpec};
pub use state::{Signal, State};
pub use thresholds::Thresholds;
pub use thresholds::TierUpRule;
