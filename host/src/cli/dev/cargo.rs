//! A plugin **crate** and the cargo that builds it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::event::{Fault, Result};

const TARGET: &str = "wasm32-unknown-unknown";

/// A crate that makes a plugin.
#[derive(Debug)]
pub(super) struct Crate {
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// The folders of the crates that it depends on by path.
    pub beside: Vec<PathBuf>,
    /// Where cargo puts what it builds.
    pub target: PathBuf,
    name: String,
    manifest: PathBuf,
    profile: String,
}

/// What `cargo metadata` says, as far as it matters here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
    /// Absent for what lies in a folder here.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

/// A line of `cargo build --message-format=json`.
#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

impl Crate {
    /// The crate in `folder`.
    pub fn find(folder: &Path, profile: &str) -> Result<Crate> {
        let manifest = folder.join("Cargo.toml");
        let manifest = manifest.canonicalize().map_err(|_| {
            Fault::input(format!("{} has no Cargo.toml", folder.display()))
                .hint("name the folder of a plugin crate; `projectionist new NAME` makes one")
        })?;
        let metadata = metadata(&manifest)?;
        let own = metadata.packages.iter().find(|package| package.manifest_path == manifest).ok_or_else(|| {
            Fault::input(format!("{} is a workspace, not a crate", manifest.display()))
                .hint("name the folder of one of its members")
        })?;
        if !own.targets.iter().any(|target| target.crate_types.iter().any(|kind| kind == "cdylib")) {
            return Err(Fault::input(format!("crate `{}` makes no cdylib, so no plugin", own.name))
                .hint("add `[lib]` with `crate-type = [\"cdylib\"]` to its Cargo.toml"));
        }
        let folder_of = |manifest: &Path| manifest.parent().unwrap_or(manifest).to_owned();
        Ok(Crate {
            folder: folder_of(&manifest),
            beside: metadata
                .packages
                .iter()
                .filter(|package| package.source.is_none() && package.manifest_path != manifest)
                .map(|package| folder_of(&package.manifest_path))
                .collect(),
            target: metadata.target_directory,
            name: own.name.clone(),
            manifest,
            profile: profile.to_owned(),
        })
    }

    /// What its plugin file is called in the plugin folder.
    pub fn file_name(&self) -> String {
        format!("{}.wasm", self.name)
    }

    /// Checks that rustc can build for Wasm.
    pub fn check_target(&self) -> Result<()> {
        let asked = Command::new("rustc")
            .args(["--print", "target-libdir", "--target", TARGET])
            .current_dir(&self.folder)
            .output();
        let output = asked.map_err(|error| no_rust("rustc", error))?;
        let libraries = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() && Path::new(&libraries).is_dir() {
            return Ok(());
        }
        Err(Fault::input(format!("this Rust cannot build for {TARGET}")).hint(format!("rustup target add {TARGET}")))
    }

    /// Builds it; cargo talks to stderr. The plugin file, or none when it does not compile.
    pub fn build(&self) -> Result<Option<PathBuf>> {
        let output = Command::new("cargo")
            .args(["build", "--message-format=json-render-diagnostics", "--target", TARGET])
            .args(["--profile", &self.profile, "--lib", "--manifest-path"])
            .arg(&self.manifest)
            .current_dir(&self.folder) // where its rust-toolchain.toml and .cargo/config.toml hold
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| no_rust("cargo", error))?;
        if !output.status.success() {
            return Ok(None);
        }
        let file = String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<Message>(line).ok())
            .filter(|message| message.reason == "compiler-artifact")
            .filter(|message| message.manifest_path.as_deref() == Some(&self.manifest))
            .flat_map(|message| message.filenames)
            .find(|file| file.extension().is_some_and(|extension| extension == "wasm"));
        file.map(Some).ok_or_else(|| Fault::input(format!("cargo built `{}` and named no .wasm file", self.name)))
    }
}

fn metadata(manifest: &Path) -> Result<Metadata> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--filter-platform", TARGET, "--manifest-path"])
        .arg(manifest)
        .current_dir(manifest.parent().unwrap_or(manifest))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| no_rust("cargo", error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Fault::input(format!("cargo cannot read {}: {}", manifest.display(), said.trim())));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| Fault::input(format!("reading what cargo says: {error}")))
}

fn no_rust(program: &str, error: std::io::Error) -> Fault {
    Fault::input(format!("cannot run `{program}`: {error}")).hint("install Rust from https://rustup.rs")
}
