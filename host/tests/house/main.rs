//! The house rules of `docs/ARCHITECTURE.md`, held by reading the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

mod pages;

/// The modules in reading order; each may import from those above it only.
const ORDER: [&str; 12] = [
    "event",
    "sqlite_file",
    "event_store",
    "import",
    "history",
    "plugin",
    "read_model",
    "project",
    "projection",
    "server",
    "replay",
    "cli",
];

/// Modules that may use only some of those above them.
const MAY_USE: [(&str, &[&str]); 7] = [
    ("event", &[]),
    ("sqlite_file", &[]),
    ("event_store", &["event", "sqlite_file"]),
    ("import", &["event", "event_store"]),
    ("history", &["event", "event_store"]),
    ("plugin", &["event"]),
    ("read_model", &["event", "sqlite_file"]),
];

#[test]
fn modules_import_only_from_those_above_them() {
    let mut wrong = Vec::new();
    for (module, file, line) in lines() {
        let rank = rank(&module);
        for other in ORDER {
            let uses = line.contains(&format!("crate::{other}::")) || line.contains(&format!("crate::{other};"));
            let allowed = MAY_USE.iter().find(|(name, _)| *name == module).map_or(&ORDER[..rank], |(_, may)| *may);
            if uses && other != module && !allowed.contains(&other) {
                wrong.push(format!("{}: {module} uses {other}: {}", file.display(), line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_plugin_boundary_names_wasmtime() {
    nobody_but(&["plugin"], &["wasmtime::", "wasmparser::", "wit_component::", "bindings::"]);
}

#[test]
fn only_the_stores_name_sqlite() {
    nobody_but(&["read_model", "event_store", "sqlite_file"], &["rusqlite::", "use rusqlite"]);
}

#[test]
fn events_are_plain_values() {
    for (module, file, line) in lines() {
        for word in ["std::fs", "std::net", "std::thread", "async fn", "tokio"] {
            assert!(module != "event" || !line.contains(word), "{}: {}", file.display(), line.trim());
        }
    }
}

#[test]
fn no_channel_grows_without_bound() {
    // The one exception is `notify`'s own channel, which takes no bounded sender; the loop empties it each turn.
    let mut exceptions = BTreeMap::from([("folder.rs", 1)]);
    for (_, file, line) in lines() {
        if line.contains("unbounded(") || line.contains("mpsc::channel(") {
            let name = file.file_name().unwrap().to_str().unwrap();
            let left = exceptions.get_mut(name).unwrap_or_else(|| panic!("{}: {}", file.display(), line.trim()));
            assert!(*left > 0, "{}: {}", file.display(), line.trim());
            *left -= 1;
        }
    }
}

#[test]
fn every_folder_and_file_opens_with_what_it_is() {
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//! "), "{} does not open with a `//!` paragraph", file.display());
    }
}

fn nobody_but(modules: &[&str], words: &[&str]) {
    for (module, file, line) in lines() {
        if !modules.contains(&module.as_str()) && !line.trim_start().starts_with("//") {
            for word in words {
                assert!(!line.contains(word), "{} names {word}: {}", file.display(), line.trim());
            }
        }
    }
}

/// Each line of the host's sources, with the module and the file it is in.
fn lines() -> Vec<(String, PathBuf, String)> {
    let files = sources();
    assert!(files.len() > 20, "the sources were not found");
    let mut lines = Vec::new();
    for file in files {
        let inside = file.strip_prefix(root()).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        for line in fs::read_to_string(&file).unwrap().lines() {
            lines.push((module.clone(), file.clone(), line.to_owned()));
        }
    }
    lines
}

fn rank(module: &str) -> usize {
    ORDER.iter().position(|name| *name == module).unwrap_or(ORDER.len())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // Templates are sources of other people's crates.
            if path.is_dir() && !path.ends_with("templates") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}
