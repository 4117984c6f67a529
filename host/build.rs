//! Lists the sources of the SDK and of the contract, so that `projectionist new` can write them out.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What a plugin crate needs to build, from the top of the repository. Each keeps its place, since the SDK names
/// the contract by a relative path.
const PARTS: [&str; 6] = [
    "plugins/sdk/Cargo.toml",
    "plugins/sdk/src",
    "plugins/sdk-macros/Cargo.toml",
    "plugins/sdk-macros/src",
    "wit/0.1.0",
    "wit/README.md",
];

fn main() -> io::Result<()> {
    let top = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..").canonicalize()?;
    let mut list = String::from("&[\n");
    for part in PARTS {
        let path = top.join(part);
        println!("cargo::rerun-if-changed={}", path.display());
        let mut files = Vec::new();
        collect(&path, &mut files)?;
        files.sort();
        for file in files {
            let name = file.strip_prefix(&top).expect("it lies below").to_str().expect("our file names are text");
            writeln!(list, "    ({name:?}, include_str!({:?})),", file.display().to_string()).expect("it is a string");
        }
    }
    list.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("sdk_files.rs"), list)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}
