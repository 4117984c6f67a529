//! **Support** for the integration tests: what more than one of them needs.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

/// The top of the repository.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the host's crate lies in the workspace")
}

/// The Wasm file of a plugin crate of this workspace, by package name: `plugin_wasm("misbehaving")`.
///
/// Built once in each test process, into a target folder of its own (`target/plugins`), so that it neither waits
/// for the cargo that runs the tests nor throws away what that one has built.
pub fn plugin_wasm(package: &str) -> PathBuf {
    static BUILT: OnceLock<Mutex<HashMap<String, PathBuf>>> = OnceLock::new();
    // A test that failed to build its plugin is no reason for the others to report a poisoned lock.
    let mut built = BUILT.get_or_init(Mutex::default).lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    built.entry(package.to_owned()).or_insert_with(|| build(package, None)).clone()
}

/// The same of one of a package's examples.
pub fn example_wasm(package: &str, example: &str) -> PathBuf {
    build(package, Some(example))
}

/// The folder with the Wasm files of all of a package's examples, built together.
pub fn examples(package: &str) -> PathBuf {
    run_cargo(package, &["--examples"]).join("examples")
}

/// The bytes of [`plugin_wasm`].
pub fn plugin_bytes(package: &str) -> Vec<u8> {
    let path = plugin_wasm(package);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn build(package: &str, example: Option<&str>) -> PathBuf {
    let arguments: Vec<_> = example.into_iter().flat_map(|example| ["--example", example]).collect();
    let built = run_cargo(package, &arguments);
    let file = example.map_or_else(|| built.join(package), |example| built.join("examples").join(example));
    file.with_file_name(example.unwrap_or(package).replace('-', "_")).with_extension("wasm")
}

/// Builds what the arguments say of a package; where its Wasm files are.
fn run_cargo(package: &str, arguments: &[&str]) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
    let folder = target.join("plugins");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(workspace())
        .args(["build", "--quiet", "--profile", "plugin", "--target", "wasm32-unknown-unknown"])
        .args(["--package", package, "--target-dir"])
        .arg(&folder)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("the plugin `{package}` is not built: cargo does not start: {error}"));
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let hint = if said.contains("can't find crate for `core`") || said.contains("target may not be installed") {
            "\nThe Wasm target is missing: run `rustup target add wasm32-unknown-unknown`"
        } else {
            ""
        };
        panic!("the plugin `{package}` does not build:\n{said}{hint}");
    }
    folder.join("wasm32-unknown-unknown/plugin")
}
