//! The **builds** of a crate: at most one runs, for the newest content; what was built before is kept.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::cli::cargo::{Compile, Diagnostic, Package, Profile, Progress, TargetFolder};
use crate::event::{Fault, Result};

use super::content::Looked;

/// So many plugins are kept in memory, for contents that come back (an undo, another branch).
const KEPT_MAX: usize = 16;

/// What is needed to build, and the build that runs.
pub(super) struct Builds {
    pub package: Package,
    pub profile: Profile,
    pub target: TargetFolder,
    temporary: tempfile::TempDir,
    running: Option<Running>,
    started: u64,
    /// When the last build or test run began, by the clock of files.
    began: Option<SystemTime>,
    kept: VecDeque<Built>,
}

/// The build that runs.
pub(super) struct Running {
    pub number: u64,
    pub save: Save,
    pub started: Instant,
    /// Stops it when dropped.
    _compile: Compile,
}

/// One save: what was saved, and when.
#[derive(Clone, Debug)]
pub(super) struct Save {
    pub content: blake3::Hash,
    pub at: SystemTime,
    /// From then to its build's beginning.
    pub notice_ms: f64,
}

impl Save {
    /// How long ago it was, in milliseconds.
    pub fn age_ms(&self) -> f64 {
        self.at.elapsed().unwrap_or_default().as_secs_f64() * 1_000.0
    }
}

/// A content that compiles.
#[derive(Clone)]
pub(super) struct Built {
    pub content: blake3::Hash,
    pub bytes: Arc<[u8]>,
    pub hash: blake3::Hash,
    pub warnings: Vec<Diagnostic>,
}

impl Builds {
    /// Nothing built yet.
    pub fn new(package: Package, profile: Profile, target: TargetFolder) -> Result<Builds> {
        let temporary = target.temporary()?;
        let (running, began, kept) = (None, None, VecDeque::new());
        Ok(Builds { package, profile, target, temporary, running, started: 0, began, kept })
    }

    /// Whether nothing was ever built here.
    pub fn is_first(&self) -> bool {
        self.target.is_new(&self.profile)
    }

    /// The number and the content of the build that runs.
    pub fn running(&self) -> Option<&Running> {
        self.running.as_ref()
    }

    /// A folder for what compilers leave behind.
    pub fn temporary(&self) -> PathBuf {
        self.temporary.path().to_owned()
    }

    /// Stops the build that runs.
    pub fn stop(&mut self) {
        if self.running.take().is_some() {
            self.clear_temporary();
        }
    }

    /// Tests begin: cargo builds them too.
    pub fn tests_begin(&mut self) {
        self.began = Some(SystemTime::now());
    }

    /// The build that runs is over.
    pub fn finish(&mut self) -> Option<Running> {
        self.running.take()
    }

    /// What this content was built to before.
    pub fn kept(&self, content: blake3::Hash) -> Option<Built> {
        self.kept.iter().find(|built| built.content == content).cloned()
    }

    /// Lets this content be built again.
    pub fn forget(&mut self, content: blake3::Hash) {
        self.kept.retain(|built| built.content != content);
    }

    /// Starts to build what was looked at. `tell` is given the build's number.
    pub fn start(
        &mut self,
        looked: &Looked,
        at: SystemTime,
        tell: impl Fn(u64, Progress) + Send + Clone + 'static,
    ) -> Result<()> {
        self.stop();
        self.target.prepare(&self.package, &self.profile)?;
        self.let_cargo_see(&looked.changed);
        self.started += 1;
        let number = self.started;
        let notice_ms = at.elapsed().unwrap_or_default().as_secs_f64() * 1_000.0;
        self.began = Some(SystemTime::now());
        let tell = move |progress| tell(number, progress);
        let compile = Compile::start(&self.package, &self.profile, &self.target, self.temporary.path(), tell)?;
        let save = Save { content: looked.hash, at, notice_ms };
        self.running = Some(Running { number, save, started: Instant::now(), _compile: compile });
        Ok(())
    }

    /// Takes over the file that a build has made.
    pub fn take(&mut self, file: &PathBuf, save: &Save, warnings: Vec<Diagnostic>) -> Result<Built> {
        let bytes: Arc<[u8]> =
            fs::read(file).map_err(|error| Fault::storage(format!("reading {}", file.display()), error))?.into();
        let built = Built { content: save.content, hash: blake3::hash(&bytes), bytes, warnings };
        self.kept.push_back(built.clone());
        if self.kept.len() > KEPT_MAX {
            self.kept.pop_front();
        }
        self.target.remember_versions(&self.package);
        Ok(built)
    }

    /// Cargo compiles what is newer than the last build. A file that is another than before and yet older was moved
    /// into place.
    fn let_cargo_see(&self, changed: &[PathBuf]) {
        let Some(began) = self.began else { return };
        let is_old = |file: &&PathBuf| {
            fs::metadata(file).and_then(|about| about.modified()).is_ok_and(|changed| changed <= began)
        };
        let owners = changed.iter().filter(is_old).filter_map(|file| self.package.owner_of(file));
        self.target.forget(owners, &self.profile);
    }

    fn clear_temporary(&self) {
        for entry in fs::read_dir(self.temporary.path()).into_iter().flatten().flatten() {
            // The rest goes with the folder.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
