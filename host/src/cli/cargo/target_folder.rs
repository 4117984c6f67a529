//! The **target folder** of a project's plugin crates: one for all, so that the SDK is compiled once and not for
//! every crate.

use std::fs;
use std::path::PathBuf;

use super::profile::TEST_PROFILE;
use super::{Package, Profile, WASM};
use crate::event::{Fault, Result};
use crate::project::Project;

/// Where cargo puts what it builds for the plugins of a project.
#[derive(Clone, Debug)]
pub struct TargetFolder {
    /// The folder.
    pub path: PathBuf,
    /// The lock file of the crate that was built last; none where the author chose the target folder.
    shared_lock: Option<PathBuf>,
}

impl TargetFolder {
    /// The project's folder, `.projectionist/target`; or the one that the author chose, by `CARGO_TARGET_DIR` or in
    /// cargo's configuration.
    pub fn of(project: &Project, package: &Package) -> Result<TargetFolder> {
        let home = project.folder.join(".projectionist");
        let is_chosen = package.cargo_target != package.workspace.join("target");
        let path = if is_chosen { package.cargo_target.clone() } else { home.join("target") };
        let doing = |error| Fault::storage(format!("making {}", path.display()), error);
        fs::create_dir_all(&path).map_err(doing)?;
        if is_chosen {
            return Ok(TargetFolder { path, shared_lock: None });
        }
        let ignore = path.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(doing)?;
        }
        Ok(TargetFolder { path, shared_lock: Some(home.join("Cargo.lock")) })
    }

    /// Whether nothing was ever built with this profile here.
    pub fn is_new(&self, profile: &Profile) -> bool {
        !self.built_with(profile).join("deps").is_dir()
    }

    /// Prepares a build of `package`: a new crate takes over the versions of the crates that were built before, and
    /// what another crate of the same name left is not taken for this one's.
    pub fn prepare(&self, package: &Package, profile: &Profile) -> Result<()> {
        let lock = package.workspace.join("Cargo.lock");
        if let Some(shared) = self.shared_lock.as_ref().filter(|shared| shared.is_file() && !lock.exists()) {
            // Cargo drops what this crate does not need, and adds what it needs besides.
            let copied = fs::copy(shared, &lock);
            copied.map_err(|error| Fault::storage(format!("writing {}", lock.display()), error))?;
        }
        let library = package.name.replace('-', "_");
        let owner = self.path.join("plugin-crates").join(format!("{library}-{}", profile.name()));
        let folder = package.folder.display().to_string();
        if fs::read_to_string(&owner).is_ok_and(|known| known == folder) {
            return Ok(());
        }
        // Cargo gives the plugin files of both crates one name, and does not see when the other one's lies there.
        let built = self.built_with(profile).join("deps").join(&library).with_extension("wasm");
        let doing = |error| Fault::storage(format!("preparing {}", self.path.display()), error);
        match fs::remove_file(built) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(doing(error)),
            _ => {}
        }
        fs::create_dir_all(owner.parent().unwrap_or(&self.path)).map_err(doing)?;
        fs::write(&owner, folder).map_err(doing)
    }

    /// Remembers the versions that `package` was built with, for the crates that come after it.
    pub fn remember_versions(&self, package: &Package) {
        if let Some(shared) = &self.shared_lock {
            // Without it a later crate may compile other versions: slower, not wrong.
            let _ = fs::copy(package.workspace.join("Cargo.lock"), shared);
        }
    }

    /// Lets cargo compile these crates again: it goes by the times of files, and misses a file that is older than the
    /// last build and yet another than before, such as one that was moved into place.
    pub fn forget<'a>(&self, crates: impl Iterator<Item = &'a str>, profile: &Profile) {
        // The plugin's own, those of macros and build scripts, and those of tests.
        let built = [self.built_with(profile), self.path.join(profile.name()), self.path.join(TEST_PROFILE)];
        let marks = built.map(|built| built.join(".fingerprint"));
        for name in crates {
            let entries = marks.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
            for entry in entries.filter(|entry| is_mark_of(&entry.file_name().to_string_lossy(), name)) {
                // What is gone already needs no removing.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// A folder for the temporary files of compilers; those that were stopped leave them behind.
    pub fn temporary(&self) -> Result<tempfile::TempDir> {
        tempfile::Builder::new()
            .prefix("compiling-")
            .tempdir_in(&self.path)
            .map_err(|error| Fault::storage(format!("making a folder in {}", self.path.display()), error))
    }

    fn built_with(&self, profile: &Profile) -> PathBuf {
        self.path.join(WASM).join(profile.name())
    }
}

/// `NAME-0123456789abcdef` is cargo's mark of package NAME.
fn is_mark_of(mark: &str, name: &str) -> bool {
    mark.rsplit_once('-').is_some_and(|(package, hash)| package == name && hash.len() == 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(folder: &std::path::Path, name: &str) -> Package {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        Package {
            name: "balances".into(),
            manifest: folder.join("Cargo.toml"),
            path_dependencies: Vec::new(),
            workspace: folder.clone(),
            cargo_target: folder.join("target"),
            crates: 1,
            folder,
        }
    }

    #[test]
    fn crates_share_versions_and_never_each_others_plugin_file() {
        let home = tempfile::tempdir().unwrap();
        let target =
            TargetFolder { path: home.path().join("target"), shared_lock: Some(home.path().join("Cargo.lock")) };
        let (one, other) = (package(home.path(), "one"), package(home.path(), "other"));
        target.prepare(&one, &Profile::Loop).unwrap();
        fs::write(one.folder.join("Cargo.lock"), "versions").unwrap();
        target.remember_versions(&one);
        let deps = target.built_with(&Profile::Loop).join("deps");
        fs::create_dir_all(&deps).unwrap();
        fs::write(deps.join("balances.wasm"), "of one").unwrap();
        target.prepare(&one, &Profile::Loop).unwrap();
        assert!(deps.join("balances.wasm").exists(), "its own is kept");

        target.prepare(&other, &Profile::Loop).unwrap();
        assert!(!deps.join("balances.wasm").exists(), "cargo would take it for this crate's");
        assert_eq!(fs::read_to_string(other.folder.join("Cargo.lock")).unwrap(), "versions");
    }

    #[test]
    fn marks_are_of_one_package() {
        assert!(is_mark_of("balances-0123456789abcdef", "balances"));
        assert!(!is_mark_of("balances-old-0123456789abcdef", "balances"));
    }
}
