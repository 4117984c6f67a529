//! A **package** that makes a plugin: what `cargo metadata` says of a crate, as far as it matters here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::{WASM, no_rust};
use crate::event::{Fault, Result};

/// A crate that makes a plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct Package {
    /// Its name; the plugin file is named after it.
    pub name: String,
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// Its `Cargo.toml`.
    pub manifest: PathBuf,
    /// The crates that it depends on by path, as far down as that goes: their names and folders.
    pub path_dependencies: Vec<(String, PathBuf)>,
    /// The folder with its `Cargo.lock`: its own, unless it is a member of a workspace.
    pub workspace: PathBuf,
    /// Where cargo puts what it builds when nobody says otherwise.
    pub cargo_target: PathBuf,
    /// How many crates are compiled when nothing is there yet.
    pub crates: usize,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Described>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Described {
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

impl Package {
    /// The crate in `folder`.
    pub fn find(folder: &Path) -> Result<Package> {
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
        Ok(Package {
            name: own.name.clone(),
            folder: folder_of(&manifest),
            path_dependencies: metadata
                .packages
                .iter()
                .filter(|package| package.source.is_none() && package.manifest_path != manifest)
                .map(|package| (package.name.clone(), folder_of(&package.manifest_path)))
                .collect(),
            workspace: metadata.workspace_root,
            cargo_target: metadata.target_directory,
            crates: metadata.packages.len(),
            manifest,
        })
    }

    /// What its plugin file is called in the plugin folder.
    pub fn plugin_file(&self) -> String {
        format!("{}.wasm", self.name)
    }

    /// The crate that a file belongs to: this one, or one that it depends on by path.
    pub fn owner_of(&self, file: &Path) -> Option<&str> {
        let own = (self.name.as_str(), self.folder.as_path());
        let others = self.path_dependencies.iter().map(|(name, folder)| (name.as_str(), folder.as_path()));
        let holding = others.chain([own]).filter(|(_, folder)| file.starts_with(folder));
        holding.max_by_key(|(_, folder)| folder.components().count()).map(|(name, _)| name)
    }

    /// Checks that rustc can build for Wasm.
    pub fn check_wasm(&self) -> Result<()> {
        let asked = Command::new("rustc")
            .args(["--print", "target-libdir", "--target", WASM])
            .current_dir(&self.folder)
            .output();
        let output = asked.map_err(|error| no_rust("rustc", error))?;
        let libraries = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() && Path::new(&libraries).is_dir() {
            return Ok(());
        }
        Err(Fault::input(format!("this Rust cannot build for {WASM}")).hint(format!("rustup target add {WASM}")))
    }
}

fn metadata(manifest: &Path) -> Result<Metadata> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--filter-platform", WASM, "--manifest-path"])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_the_innermost_crate_around_it() {
        let package = Package {
            name: "shop".into(),
            folder: "/p/shop".into(),
            manifest: "/p/shop/Cargo.toml".into(),
            path_dependencies: vec![("prices".into(), "/p/shop/prices".into()), ("sdk".into(), "/sdk".into())],
            workspace: "/p/shop".into(),
            cargo_target: "/p/shop/target".into(),
            crates: 3,
        };
        assert_eq!(package.owner_of(Path::new("/p/shop/src/lib.rs")), Some("shop"));
        assert_eq!(package.owner_of(Path::new("/p/shop/prices/src/lib.rs")), Some("prices"));
        assert_eq!(package.owner_of(Path::new("/sdk/src/lib.rs")), Some("sdk"));
        assert_eq!(package.owner_of(Path::new("/p/other.rs")), None);
    }
}
