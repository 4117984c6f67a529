//! A **report** is what the loop tells of a save, beside the host's notices.

use serde::Serialize;

use crate::cli::cargo::Diagnostic;
use crate::event::Position;
use crate::read_model::Comparison;

use super::native_tests::TestRun;

/// Something to tell; with `--json` an object with its name in `notice`, as the host's notices have.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "notice", rename_all = "kebab-case")]
pub(super) enum Report {
    /// Nothing was ever built in this project: it takes longer than ever again.
    FirstBuild {
        /// How many crates are compiled.
        crates: usize,
        /// Where they are kept.
        target: String,
    },
    /// A save is being compiled.
    Compiling {
        /// How many crates are there by now, when more than the author's own are compiled.
        crates: Option<usize>,
        /// What cargo says meanwhile: that it downloads, or waits for another cargo.
        cargo: Option<String>,
    },
    /// A save does not compile; what served goes on serving.
    NotCompiled {
        /// The compiler's errors, in its order.
        errors: Vec<Diagnostic>,
        /// Its warnings.
        warnings: Vec<Diagnostic>,
        /// What cargo said, when the compiler said nothing.
        cargo: Option<String>,
        /// From the save to this report, in milliseconds.
        after_save_ms: f64,
    },
    /// A save is compiled.
    Compiled {
        /// How long it took, in milliseconds.
        build_ms: f64,
        /// The plugin file's size.
        bytes: usize,
        /// The first 12 hex digits of its hash.
        hash: String,
        /// The compiler's warnings.
        warnings: Vec<Diagnostic>,
        /// Whether it is the plugin that lies in the plugin folder already.
        is_same: bool,
    },
    /// What was saved serves.
    Served(Served),
    /// How the rows differ from those of the save before.
    RowsChanged(Comparison),
    /// The event that the saved projection fails at.
    FailedAt {
        /// Its position.
        position: Position,
        /// Its stream.
        stream: String,
        /// Its type.
        r#type: String,
        /// Its payload's fields with their kinds, without any value.
        payload: String,
    },
    /// The native tests ran.
    Tested(TestRun),
    /// The loop could not do something.
    Failed {
        /// What, why, and what to do.
        message: String,
    },
}

/// How long the way took from a save to served, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Served {
    /// The first 12 hex digits of the plugin's hash.
    pub hash: String,
    /// All of it.
    pub save_to_served_ms: f64,
    /// From the save to the start of the build.
    pub notice_ms: f64,
    /// Compiling.
    pub build_ms: f64,
    /// Loading the plugin; unknown where another process serves, as the next two.
    pub load_ms: Option<f64>,
    /// Replaying.
    pub replay_ms: Option<f64>,
    /// Indexes, durability and the swap itself.
    pub swap_ms: Option<f64>,
}
