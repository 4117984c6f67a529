//! **Aside**: the file that bad lines are put into. It is new, and never one that holds something already.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

use crate::event::{Fault, Result};

/// Opens the file for bad lines: made new, or empty so far, or no regular file (a pipe, a terminal).
///
/// `input` is the file that is imported, when it is one; it is refused under any of its names.
pub fn open_aside(path: &Path, input: Option<&Path>) -> Result<File> {
    let failed = |error: io::Error| {
        Fault::storage(format!("writing {}", path.display()), error)
            .hint("name a file with --skip-bad that can be made, in a folder that is there")
    };
    if input.is_some_and(|input| is_same_file(path, input)) {
        return Err(Fault::input(format!("{} is the file that is imported", path.display()))
            .hint("name another file with --skip-bad; nothing was imported and nothing changed"));
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        opened => return opened.map_err(failed),
    }
    // Not emptied by opening it: what turns out to hold something stays as it is.
    let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if found.is_file() && found.len() > 0 {
        return Err(Fault::input(format!("{} holds something already", path.display()))
            .hint("name another file with --skip-bad, or move that one away; nothing was imported"));
    }
    Ok(file)
}

/// Whether two names are of one file: written differently, or linked.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let is_linked = || Some(is_same_inode(&fs::metadata(one).ok()?, &fs::metadata(other).ok()?));
    let is_same_path = || Some(fs::canonicalize(one).ok()? == fs::canonicalize(other).ok()?);
    is_linked() == Some(true) || is_same_path() == Some(true)
}

#[cfg(unix)]
fn is_same_inode(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Hard links cannot be told here; a file that holds something is refused all the same.
#[cfg(not(unix))]
fn is_same_inode(_: &Metadata, _: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_input_is_refused_under_all_its_names_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("events.jsonl"), "{}\n").unwrap();
        fs::create_dir(at("below")).unwrap();
        fs::hard_link(at("events.jsonl"), at("linked.jsonl")).unwrap();
        let mut names = vec!["events.jsonl", "below/../events.jsonl", "linked.jsonl"];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("events.jsonl"), at("below/soft.jsonl")).unwrap();
            names.push("below/soft.jsonl");
        }
        for name in names {
            let fault = open_aside(&at(name), Some(&at("events.jsonl"))).unwrap_err();
            assert!(fault.message.ends_with("is the file that is imported"), "{name}: {fault}");
            assert!(fault.hint.is_some());
        }
        // An empty input too: it may be about to grow.
        fs::write(at("empty.jsonl"), "").unwrap();
        assert!(open_aside(&at("empty.jsonl"), Some(&at("empty.jsonl"))).is_err());
        assert_eq!(fs::read(at("events.jsonl")).unwrap(), b"{}\n");
    }

    #[test]
    fn what_holds_something_is_left_and_what_is_empty_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let (input, aside) = (folder.path().join("events.jsonl"), folder.path().join("bad.jsonl"));
        fs::write(&input, "{}\n").unwrap();
        open_aside(&aside, Some(&input)).unwrap();
        open_aside(&aside, Some(&input)).unwrap().write_all(b"bad\n").unwrap();
        for input in [Some(input.as_path()), None] {
            let fault = open_aside(&aside, input).unwrap_err();
            assert!(fault.message.ends_with("holds something already"), "{fault}");
        }
        assert_eq!(fs::read(&aside).unwrap(), b"bad\n");
        assert!(open_aside(&folder.path().join("none/bad.jsonl"), None).is_err());
    }
}
