//! What was **dropped** into the plugin folder and is on its way to be served.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::builds::{Built, Save};
use super::report::Served;
use crate::event::{Fault, Result};
use crate::server::SwapReport;

/// The plugin file in the plugin folder, and what is known of it.
pub(super) struct Dropped {
    pub file: PathBuf,
    waiting: Option<Waiting>,
    is_waiting: Arc<AtomicBool>,
}

struct Waiting {
    hash: String,
    save: Save,
    build_ms: f64,
}

impl Dropped {
    /// Nothing on its way.
    pub fn new(file: PathBuf) -> Dropped {
        Dropped { file, waiting: None, is_waiting: Arc::default() }
    }

    /// The file has another name from now on.
    pub fn rename(&mut self, file: PathBuf) {
        self.file = file;
        self.forget();
    }

    /// Whether something is on its way, for those who look from elsewhere.
    pub fn is_waiting(&self) -> Arc<AtomicBool> {
        self.is_waiting.clone()
    }

    /// The file's name.
    pub fn name(&self) -> String {
        self.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Whether this is what lies in the plugin folder.
    pub fn is_there(&self, built: &Built) -> bool {
        fs::read(&self.file).is_ok_and(|there| blake3::hash(&there) == built.hash)
    }

    /// Drops a plugin in.
    pub fn put(&mut self, built: &Built, save: &Save, build_ms: f64) -> Result<()> {
        write_whole(&built.bytes, &self.file)?;
        self.waiting = Some(Waiting { hash: built.hash.to_hex().to_string(), save: save.clone(), build_ms });
        self.is_waiting.store(true, Ordering::Release);
        Ok(())
    }

    /// The hash of what does not serve yet.
    pub fn waiting(&self) -> Option<&str> {
        self.waiting.as_ref().map(|waiting| waiting.hash.as_str())
    }

    /// What was dropped in will not serve.
    pub fn forget(&mut self) {
        self.waiting = None;
        self.is_waiting.store(false, Ordering::Release);
    }

    /// A plugin serves: how long its way took, when it is the one that was dropped in.
    pub fn served(&mut self, hash: &str, swap: Option<&SwapReport>) -> Option<Served> {
        let waiting = self.waiting.take_if(|waiting| waiting.hash.starts_with(hash))?;
        self.is_waiting.store(false, Ordering::Release);
        Some(Served {
            hash: hash.to_owned(),
            save_to_served_ms: waiting.save.age_ms(),
            notice_ms: waiting.save.notice_ms,
            build_ms: waiting.build_ms,
            load_ms: swap.map(|swap| swap.load_ms),
            replay_ms: swap.map(|swap| swap.replay_ms),
            swap_ms: swap.map(|swap| swap.finish_ms),
        })
    }
}

/// Writes a file in one step, so that nobody sees half of it.
pub(in crate::cli) fn write_whole(bytes: &[u8], file: &Path) -> Result<()> {
    let doing = |error: std::io::Error| Fault::storage(format!("writing {}", file.display()), error);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new().prefix(".dev-").suffix(".tmp").tempfile_in(folder).map_err(doing)?;
    temporary.write_all(bytes).map_err(doing)?;
    #[cfg(unix)]
    {
        // Temporary files are for their owner only; a plugin is read by whoever runs the host.
        use std::os::unix::fs::PermissionsExt;
        temporary.as_file().set_permissions(fs::Permissions::from_mode(0o644)).map_err(doing)?;
    }
    temporary.persist(file).map_err(|error| doing(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_replaces_the_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.wasm");
        fs::write(&file, "old").unwrap();
        write_whole(b"new", &file).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
