//! **Which file** lies at the store's path. A connection goes on with a file that was removed or replaced: what it
//! reads is old, and what it writes is lost.

use std::path::Path;

use crate::event::{Blame, Fault, FaultKind, Result};

/// A file's device and number; nothing where the file is missing, or where open files cannot be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileIdentity(Option<(u64, u64)>);

impl FileIdentity {
    #[cfg(unix)]
    pub fn of(path: &Path) -> FileIdentity {
        use std::os::unix::fs::MetadataExt;
        FileIdentity(std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino())))
    }

    #[cfg(not(unix))]
    pub fn of(_path: &Path) -> FileIdentity {
        FileIdentity(None)
    }

    /// Faults when another file lies at `path` now, or none.
    pub fn check(self, path: &Path) -> Result<()> {
        if FileIdentity::of(path) == self {
            return Ok(());
        }
        let message = format!("the event store {} was removed or replaced while it is open", path.display());
        Err(Fault::new(FaultKind::Storage, message).blame(Blame::Operator).hint(
            "stop the host, put the right file there, and start it again: nothing is read or recorded until then",
        ))
    }
}
