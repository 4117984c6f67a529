//! A **projector** is one running projection: a subscription, a plugin instance and a generation.
//!
//! It owns all three, shares nothing, and knows one way to go: from its checkpoint to a given position. Boot,
//! following, reload and rebuild differ only in where it starts and which generation it fills.

mod load;
mod prepare;
mod thresholds;
mod feed;
mod fold;
mod parallel_build;
mod stop_barrier;
mod tier_up;
mod build_writer;
mod overlap_detector;
mod bisect;
mod state;

pub use feed::BatchSize;
pub use fold::{Advance, Proceed, Progress, Projector, ProjectorSpec, Stage};
pub use load::{identity, load};
pub use prepare::prepare;
pub use state::{Signal, State};
pub use thresholds::Thresholds;
pub use tier_up::TierUpRule;
