//! The **scenarios** of `sample-events/`, replayed through real plugins and compared with the rows written there.
//!
//! - `golden`: every scenario through every plugin it has expectations for, under batches of every size;
//! - `cuts`: wherever batches are cut, commits fall and the host is restarted, the rows are the same;
//! - `spreading`: out of history, by several instances, the rows are the same.
//!
//! `PROJECTIONIST_BLESS=1 cargo test --test scenarios` rewrites the expectations of the small scenarios. Look at the
//! difference before you commit it. Those of a scenario with an `expect.py` are computed by it and never rewritten.

#[path = "../support/mod.rs"]
mod support;

mod scenario;
mod replayed;
mod expected;
mod golden;
mod cuts;
mod spreading;
