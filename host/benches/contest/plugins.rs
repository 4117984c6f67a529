//! Builds the **plugins** of a workload, as `cargo build --profile plugin` does for everybody.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tools::done;
use super::workload::{Plugin, Workload};

/// Where plugins are built, so that this neither waits for the cargo that runs the benchmark nor throws away what that one has
/// built. The tests build theirs there too.
fn folder() -> PathBuf {
    target().join("plugins")
}

pub fn target() -> PathBuf {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| top.join("target"), PathBuf::from)
}

pub fn build(workloads: &[Workload]) {
    let packages = workloads.iter().flat_map(|workload| workload.plugins());
    let packages = packages.map(|plugin| (plugin.package, plugin.example.is_some())).collect::<BTreeSet<_>>();
    for (package, has_examples) in packages {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command.args(["build", "--quiet", "--profile", "plugin", "--target", "wasm32-unknown-unknown"]);
        command.args(["--package", package, "--target-dir"]).arg(folder());
        if has_examples {
            command.arg("--examples");
        }
        done(&mut command);
    }
}

/// The Wasm file of a plugin.
pub fn file(plugin: &Plugin) -> PathBuf {
    let built = folder().join("wasm32-unknown-unknown/plugin");
    let file = match plugin.example {
        Some(example) => built.join("examples").join(example.replace('-', "_")),
        None => built.join(plugin.package.replace('-', "_")),
    };
    file.with_extension("wasm")
}
