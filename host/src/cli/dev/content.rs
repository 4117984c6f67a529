//! The **content** of the sources: a hash of all files, so that a save that changes nothing is known for one.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::sources::SourceTree;

/// What the files held when they were looked at last.
#[derive(Default)]
pub(super) struct Content {
    files: BTreeMap<PathBuf, File>,
    looks: u64,
}

#[derive(Clone, PartialEq)]
struct File {
    stamp: Stamp,
    hash: blake3::Hash,
}

/// What changes when a file does: its size, its times, and which file it is.
type Stamp = (u64, Option<SystemTime>, [i64; 3]);

/// A look at the sources.
#[derive(Debug, PartialEq)]
pub(super) struct Looked {
    /// Equal for equal names and contents.
    pub hash: blake3::Hash,
    /// The files that are new, gone, or hold something else than at the last look.
    pub changed: Vec<PathBuf>,
}

impl Content {
    /// Looks at all files; reads those that may have changed.
    pub fn look(&mut self, tree: &SourceTree) -> Looked {
        self.looks += 1;
        let mut found = BTreeMap::new();
        for root in &tree.roots {
            self.collect(root, tree, &mut found);
        }
        let is_other =
            |path: &PathBuf| self.files.get(path).map(|file| file.hash) != found.get(path).map(|file: &File| file.hash);
        let mut changed: Vec<PathBuf> =
            self.files.keys().chain(found.keys()).filter(|path| is_other(path)).cloned().collect();
        changed.sort();
        changed.dedup();
        self.files = found;
        let mut hasher = blake3::Hasher::new();
        for (path, file) in &self.files {
            let name = path.as_os_str().as_encoded_bytes();
            hasher.update(&(name.len() as u64).to_le_bytes()).update(name).update(file.hash.as_bytes());
        }
        Looked { hash: hasher.finalize(), changed }
    }

    /// Whether this was not the first look.
    pub fn has_looked_before(&self) -> bool {
        self.looks > 1
    }

    /// When the newest of these files was changed.
    pub fn newest(&self, files: &[PathBuf]) -> Option<SystemTime> {
        files.iter().filter_map(|file| self.files.get(file)?.stamp.1).max()
    }

    fn collect(&self, folder: &Path, tree: &SourceTree, found: &mut BTreeMap<PathBuf, File>) {
        // What cannot be read was removed meanwhile, or is nothing that cargo could read.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(about) = fs::metadata(&path) else { continue };
            if !tree.holds(&path) {
                continue;
            }
            if about.is_dir() {
                // A link to a folder above would lead round in circles.
                if !entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                    self.collect(&path, tree, found);
                }
                continue;
            }
            let stamp = stamp(&about);
            let hash = match self.files.get(&path) {
                Some(known) if known.stamp == stamp => Some(known.hash),
                _ => fs::read(&path).ok().map(|bytes| blake3::hash(&bytes)),
            };
            if let Some(hash) = hash {
                found.insert(path, File { stamp, hash });
            }
        }
    }
}

#[cfg(unix)]
fn stamp(about: &Metadata) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    (about.len(), about.modified().ok(), [about.ino().cast_signed(), about.ctime(), about.ctime_nsec()])
}

#[cfg(not(unix))]
fn stamp(about: &Metadata) -> Stamp {
    (about.len(), about.modified().ok(), [0; 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_contents_are_known_whatever_the_times_say() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("src/lib.rs");
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(&file, "one").unwrap();
        let tree = SourceTree { roots: vec![folder.path().to_owned()], others: Vec::new() };
        let mut content = Content::default();
        let first = content.look(&tree);
        assert_eq!(first.changed, std::slice::from_ref(&file));
        fs::write(&file, "one").unwrap();
        let again = content.look(&tree);
        assert_eq!((again.hash, again.changed.len()), (first.hash, 0));

        // An older file that is moved into place is another content too.
        let old = folder.path().join(".old");
        fs::write(&old, "two").unwrap();
        fs::File::options().write(true).open(&old).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        fs::rename(&old, &file).unwrap();
        let moved = content.look(&tree);
        assert_ne!(moved.hash, first.hash);
        assert_eq!(moved.changed, std::slice::from_ref(&file));
        assert_eq!(content.newest(&moved.changed), Some(SystemTime::UNIX_EPOCH));

        fs::remove_file(&file).unwrap();
        assert_eq!(content.look(&tree).changed, [file]);
    }
}
