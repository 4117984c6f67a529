//! One **build** of a plugin crate, and the drop into the plugin folder.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Instant, SystemTime};

use super::cargo::Crate;
use super::saved::Saved;
use crate::cli::failure::lay_out_fault;
use crate::cli::render::{count, time};
use crate::cli::shell::Shell;
use crate::event::{Fault, Result};

/// Builds and drops; what goes wrong is said, and the next save is another try.
pub(super) struct Builder<'a> {
    pub shell: &'a Shell,
    pub plugin: &'a Crate,
    /// The plugin file in the plugin folder.
    pub drop_as: &'a Path,
    pub saved: &'a Saved,
}

impl Builder<'_> {
    /// Builds what was saved at `saved`.
    pub fn build(&self, saved: SystemTime) {
        let start = Instant::now();
        match self.plugin.build().and_then(|built| self.drop_in(built.as_deref(), saved, start)) {
            Ok(()) => {}
            Err(fault) => self.shell.say(format!("build failed: {}", lay_out_fault(&fault))),
        }
    }

    fn drop_in(&self, built: Option<&Path>, saved: SystemTime, start: Instant) -> Result<()> {
        let Some(built) = built else {
            self.shell.say("it does not compile; what served goes on serving, the next save is built again");
            return Ok(());
        };
        let bytes = fs::read(built).map_err(|error| Fault::storage(format!("reading {}", built.display()), error))?;
        let build_ms = start.elapsed().as_secs_f64() * 1_000.0;
        if fs::read(self.drop_as).is_ok_and(|there| there == bytes) {
            self.shell.say(format!("built in {}: the same plugin as before", time(build_ms)));
            return Ok(());
        }
        self.shell.say(format!("built in {}: {}", time(build_ms), count(bytes.len() as u64, "byte")));
        // Before the drop: the host may be faster than this thread.
        self.saved.dropped(blake3::hash(&bytes).to_hex().to_string(), saved, build_ms);
        drop_whole(&bytes, self.drop_as).inspect_err(|_| self.saved.forget())
    }
}

/// Puts a file into the plugin folder in one step, so that nobody sees half of it.
fn drop_whole(bytes: &[u8], file: &Path) -> Result<()> {
    let doing = |error: std::io::Error| Fault::storage(format!("writing {}", file.display()), error);
    let folder = file.parent().unwrap_or(Path::new("."));
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
        drop_whole(b"new", &file).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
