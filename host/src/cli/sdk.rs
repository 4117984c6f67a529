//! The **SDK** that this program carries in it: the sources that a plugin crate builds with.
//!
//! They are written out once a project, in the layout that they have in the repository, and belong to this
//! program: `projectionist new` brings them up to date.

use std::fs;
use std::path::{Path, PathBuf};

use crate::event::{Fault, Result};

/// Paths from the top of the repository, and texts.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk_files.rs"));

/// Writes the SDK below `folder`, and returns the crate that plugins depend on.
pub(super) fn write_below(folder: &Path) -> Result<PathBuf> {
    let top = folder.join(".projectionist").join(concat!("sdk-", env!("CARGO_PKG_VERSION")));
    for (name, text) in FILES {
        let file = top.join(name);
        // A file that is as it should be keeps its time, so that cargo builds nothing anew.
        if fs::read_to_string(&file).is_ok_and(|there| there == *text) {
            continue;
        }
        let doing = |error| Fault::storage(format!("writing {}", file.display()), error);
        fs::create_dir_all(file.parent().unwrap_or(&top)).map_err(doing)?;
        fs::write(&file, text).map_err(doing)?;
    }
    Ok(top.join("plugins/sdk"))
}

/// Checks that `folder` holds the SDK's crate.
pub(super) fn check(folder: &Path) -> Result<PathBuf> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    if manifest.contains("name = \"projectionist-sdk\"") {
        return fs::canonicalize(folder)
            .map_err(|error| Fault::storage(format!("opening {}", folder.display()), error));
    }
    Err(Fault::input(format!("{} is not the SDK: it has no Cargo.toml of `projectionist-sdk`", folder.display()))
        .hint("leave `--sdk` out to use the SDK that this program carries"))
}

/// `to` as a path from the folder `from`; both are absolute.
pub(super) fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    if shared <= 1 {
        return to.to_owned(); // nothing but the root is shared
    }
    let up = from.components().skip(shared).map(|_| Path::new(".."));
    up.chain(to.components().skip(shared).map(|part| Path::new(part.as_os_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_goes_up_to_what_is_shared() {
        let from = Path::new("/home/a/shop/revenue");
        assert_eq!(relative(from, Path::new("/home/a/shop/.p/sdk")), Path::new("../.p/sdk"));
        assert_eq!(relative(from, Path::new("/home/a/shop/revenue/sdk")), Path::new("sdk"));
        assert_eq!(relative(from, Path::new("/opt/sdk")), Path::new("/opt/sdk"));
    }

    #[test]
    fn what_is_written_is_the_whole_sdk() {
        let folder = tempfile::tempdir().unwrap();
        let sdk = write_below(folder.path()).unwrap();
        assert_eq!(check(&sdk).unwrap(), sdk.canonicalize().unwrap());
        assert!(sdk.join("src/lib.rs").is_file());
        assert!(sdk.join("../sdk-macros/src/lib.rs").is_file());
        assert!(sdk.join("../../wit/0.1.0/projection.wit").is_file());
    }
}
