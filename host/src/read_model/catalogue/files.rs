//! The **files** that the catalogue keeps: generations, the link to the serving one, and plugin bytes.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::{Catalogue, GenerationId};
use crate::event::{Fault, FaultKind, Result};
use crate::read_model::storage::sync_folder;

/// What SQLite puts beside a file while it is in use.
const COMPANIONS: [&str; 3] = ["", "-wal", "-shm"];

impl Catalogue {
    /// The folder of a projection's generations.
    pub(super) fn folder(&self, projection: &str) -> PathBuf {
        self.data_dir.join("read-models").join(projection)
    }

    /// The file of a generation.
    pub fn generation_path(&self, projection: &str, id: GenerationId) -> PathBuf {
        self.folder(projection).join(format!("{id}.sqlite"))
    }

    /// The link to the generation that serves.
    pub fn current_path(&self, projection: &str) -> PathBuf {
        self.folder(projection).join("current.sqlite")
    }

    /// The kept bytes of a plugin. A storage fault when they are gone or damaged.
    pub fn plugin(&self, hash: &str) -> Result<Vec<u8>> {
        let path = self.plugin_path(hash)?;
        let hint = "drop the same plugin file in again: its bytes are kept anew";
        let bytes = fs::read(&path)
            .map_err(|error| Fault::storage(format!("cannot read {}", path.display()), error).hint(hint))?;
        if blake3::hash(&bytes).to_hex().as_str() != hash {
            return Err(Fault::new(FaultKind::Storage, format!("{} is damaged", path.display())).hint(hint));
        }
        Ok(bytes)
    }

    pub(super) fn plugin_folder(&self) -> PathBuf {
        self.data_dir.join("plugins")
    }

    fn plugin_path(&self, hash: &str) -> Result<PathBuf> {
        let fits = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        match fits {
            true => Ok(self.plugin_folder().join(format!("{hash}.wasm"))),
            false => Err(Fault::new(FaultKind::Storage, format!("`{}` is no plugin hash", hash.escape_debug()))),
        }
    }

    /// Keeps the bytes of a plugin under their hash, whole or not at all. They are durable after
    /// [`Catalogue::sync_plugins`].
    pub fn keep_plugin(&self, hash: &str, bytes: &[u8]) -> Result<()> {
        let path = self.plugin_path(hash)?;
        // By its bytes: a damaged file has the same name, and may have the same length.
        if fs::read(&path).is_ok_and(|kept| kept == bytes) {
            return Ok(());
        }
        let failed = |error| Fault::storage(format!("cannot write {}", path.display()), error);
        let folder = self.plugin_folder();
        fs::create_dir_all(&folder).map_err(failed)?;
        // Only the host writes here, one file at a time; what a crash leaves is removed at the next start.
        let fresh = folder.join(format!(".new-{hash}"));
        let mut file = File::create(&fresh).map_err(failed)?;
        if let Err(error) = file.write_all(bytes).and_then(|()| fs::rename(&fresh, &path)) {
            // It may be the room that is missing.
            let _ = fs::remove_file(&fresh);
            return Err(failed(error));
        }
        self.unsynced.borrow_mut().push((path, file));
        Ok(())
    }

    /// Makes the plugins durable that were kept since the last time. A swap does so itself; to do it earlier, while a
    /// generation is being built, spares the swap the wait.
    pub fn sync_plugins(&self) -> Result<()> {
        let mut unsynced = self.unsynced.borrow_mut();
        if unsynced.is_empty() {
            return Ok(());
        }
        for (path, file) in unsynced.iter() {
            file.sync_all()
                .map_err(|error| Fault::storage(format!("cannot make {} durable", path.display()), error))?;
        }
        sync_folder(&self.plugin_folder())?;
        unsynced.clear();
        Ok(())
    }

    /// Removes plugins that no generation needs; says how many. To be called while nobody can begin one.
    pub(super) fn remove_plugins_except(&self, needed: &HashSet<String>) -> Result<usize> {
        let mut removed = 0;
        for path in entries(&self.plugin_folder())? {
            let name = file_name(&path);
            let ours =
                name.starts_with(".new-") || name.strip_suffix(".wasm").is_some_and(|hash| !needed.contains(hash));
            if ours {
                removed += usize::from(remove(&path)?);
            }
        }
        Ok(removed)
    }

    /// Removes the files of a generation, if there are any.
    pub(super) fn remove_generation(&self, projection: &str, id: GenerationId) -> Result<()> {
        let path = self.generation_path(projection, id);
        for companion in COMPANIONS {
            remove(&with_suffix(&path, companion))?;
        }
        Ok(())
    }

    /// Removes what lies in the folder of a projection that `known` does not name; says how many files.
    /// Files with names that the catalogue would never give are left alone.
    pub(super) fn remove_strays(&self, projection: &str, known: &HashSet<GenerationId>) -> Result<usize> {
        let mut removed = 0;
        for path in entries(&self.folder(projection))? {
            let name = file_name(&path);
            let base = COMPANIONS.iter().rev().find_map(|companion| name.strip_suffix(&format!(".sqlite{companion}")));
            let number = base.and_then(|base| base.parse::<i64>().ok());
            let stray = name.starts_with(".current-") || number.is_some_and(|id| !known.contains(&GenerationId(id)));
            if stray {
                removed += usize::from(remove(&path)?);
            }
        }
        Ok(removed)
    }

    /// The names of all folders of generations.
    pub(super) fn folders(&self) -> Result<Vec<String>> {
        let folders = entries(&self.data_dir.join("read-models"))?;
        Ok(folders.iter().filter(|path| path.is_dir()).map(|path| file_name(path)).collect())
    }

    /// Lets `current.sqlite` lead to a generation, or to none; says whether that changed anything. The link is made
    /// under another name and renamed, so it always leads somewhere; after a power cut it may lead to what served
    /// before, until [`Catalogue::repair`]. Does nothing where there are no such links.
    pub(super) fn link(&self, projection: &str, to: Option<GenerationId>) -> Result<bool> {
        let link = self.current_path(projection);
        let failed = |error| {
            Fault::storage(format!("cannot replace the link {}", link.display()), error)
                .hint("queries are right all the same; the link is put right when the host starts again")
        };
        let Some(id) = to else {
            return if link.is_symlink() { remove(&link) } else { Ok(false) };
        };
        let target = PathBuf::from(format!("{id}.sqlite"));
        if fs::read_link(&link).is_ok_and(|old| old == target) {
            return Ok(false);
        }
        let fresh = self.folder(projection).join(format!(".current-{}", std::process::id()));
        remove(&fresh)?;
        if !symlink(&target, &fresh).map_err(failed)? {
            return Ok(false);
        }
        fs::rename(&fresh, &link).map_err(failed)?;
        Ok(true)
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<bool> {
    std::os::unix::fs::symlink(target, link).map(|()| true)
}

#[cfg(not(unix))]
fn symlink(_target: &Path, _link: &Path) -> std::io::Result<bool> {
    Ok(false) // links need a privilege there
}

/// Whether there was a file to remove.
fn remove(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Fault::storage(format!("cannot remove {}", path.display()), error)),
    }
}

/// What a folder holds; nothing when it is not there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Fault::storage(format!("cannot list {}", folder.display()), error);
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
