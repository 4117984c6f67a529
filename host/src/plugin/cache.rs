//! The **cache** keeps compiled code on disk, so that a plugin is compiled once and not at each start.
//!
//! An entry is one file, named after what it was compiled from and for: the component's bytes, and everything about
//! wasmtime and this machine that compiled code depends on. It starts with a checksum over its name and its code.
//! An entry that does not match is ignored and written again: the cache can be deleted, torn or copied from
//! elsewhere, and nothing but time is lost.

use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wasmtime::Engine;
use wasmtime::component::Component;

const MAGIC: &[u8; 8] = b"prjcode1";
const HEADER_BYTES: usize = MAGIC.len() + blake3::OUT_LEN;
const EXTENSION: &str = "code";

/// A folder of compiled code.
#[derive(Clone, Debug)]
pub struct CodeCache {
    /// Where it lies.
    pub folder: PathBuf,
    /// What its entries may take together, in bytes; beyond that the least recently used are removed.
    pub bytes_max: u64,
}

impl CodeCache {
    /// A cache of the default size, 1 GiB.
    pub fn new(folder: &Path) -> CodeCache {
        CodeCache { folder: folder.to_owned(), bytes_max: 1 << 30 }
    }

    /// The compiled component, if a sound entry is there.
    pub(super) fn get(&self, engine: &Engine, component: &[u8]) -> Option<Component> {
        let key = key(engine, component);
        let path = self.path(&key);
        let entry = fs::read(&path).ok()?;
        let (header, code) = entry.split_at_checked(HEADER_BYTES)?;
        if &header[..MAGIC.len()] != MAGIC || header[MAGIC.len()..] != *checksum(&key, code).as_bytes() {
            tracing::warn!(path = %path.display(), "ignoring a damaged entry of the code cache");
            return None;
        }
        // SAFETY: `deserialize` trusts that the bytes came from `serialize`. They did: only `put` writes entries
        // here, the checksum holds for exactly these bytes under exactly this name, and the name covers wasmtime's
        // compatibility hash. Whoever can forge the checksum can write to the project's data folder, and with that
        // to the read models themselves.
        let loaded = unsafe { Component::deserialize(engine, code) };
        let component =
            loaded.inspect_err(|error| tracing::warn!(%error, "ignoring an entry of the code cache")).ok()?;
        // Its age decides what is pruned; when that cannot be set, a recent entry may be pruned early.
        let _ = File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(component)
    }

    /// Keeps a compiled component. The cache is a convenience: what goes wrong is logged and otherwise ignored.
    pub(super) fn put(&self, engine: &Engine, component: &[u8], compiled: &Component) {
        if let Err(error) = self.try_put(engine, component, compiled) {
            tracing::warn!(folder = %self.folder.display(), %error, "cannot write to the code cache");
        }
    }

    fn try_put(&self, engine: &Engine, component: &[u8], compiled: &Component) -> anyhow::Result<()> {
        let key = key(engine, component);
        let code = compiled.serialize().map_err(|error| anyhow::anyhow!("{error:#}"))?;
        fs::create_dir_all(&self.folder)?;
        // Written beside and renamed, so that no reader ever sees half an entry.
        let mut file = tempfile::Builder::new().prefix("new-").tempfile_in(&self.folder)?;
        file.write_all(MAGIC)?;
        file.write_all(checksum(&key, &code).as_bytes())?;
        file.write_all(&code)?;
        file.persist(self.path(&key))?;
        self.prune()?;
        Ok(())
    }

    fn prune(&self) -> std::io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let path = entry.path();
            let metadata = entry.metadata()?;
            let modified = metadata.modified()?;
            let is_left_over = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("new-"))
                && modified.elapsed().is_ok_and(|age| age.as_secs() > 3600);
            if is_left_over {
                fs::remove_file(&path)?; // by a host that was killed while it wrote
            } else if path.extension().is_some_and(|extension| extension == EXTENSION) {
                entries.push((modified, metadata.len(), path));
            }
        }
        // The most recently used first.
        entries.sort_by(|a, b| b.cmp(a));
        let mut bytes = 0;
        for (_, length, path) in entries {
            bytes += length;
            if bytes > self.bytes_max {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    fn path(&self, key: &blake3::Hash) -> PathBuf {
        self.folder.join(key.to_hex().as_str()).with_extension(EXTENSION)
    }
}

/// What an entry was compiled from and for.
fn key(engine: &Engine, component: &[u8]) -> blake3::Hash {
    struct Blake3(blake3::Hasher);
    impl Hasher for Blake3 {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            unreachable!("the whole hash is taken")
        }
    }
    let mut hasher = Blake3(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.update(blake3::hash(component).as_bytes());
    hasher.0.finalize()
}

fn checksum(key: &blake3::Hash, code: &[u8]) -> blake3::Hash {
    blake3::Hasher::new_keyed(key.as_bytes()).update(code).finalize()
}
