//! The **host lock**: one host works on a project folder. The kernel lets go of it when the process dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::event::{Fault, Result};

/// Held by the one host of a project, until dropped.
#[derive(Debug)]
pub struct HostLock {
    _file: File,
}

/// Someone who only asks holds the lock for a moment; so does a host that has not written its number yet.
const TRIES: u32 = 20;
const TRY_AGAIN: Duration = Duration::from_millis(2);

impl HostLock {
    /// Takes the lock, making the folder when it is missing. An input fault when another host has it.
    pub fn take(data_dir: &Path) -> Result<HostLock> {
        std::fs::create_dir_all(data_dir)
            .map_err(|error| Fault::storage(format!("cannot make the folder {}", data_dir.display()), error))?;
        let path = path(data_dir);
        let failed = |error| Fault::storage(format!("cannot lock {}", path.display()), error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false) // the number inside may be another host's
            .open(&path)
            .map_err(failed)?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => {
                    let number = format!("{}\n", std::process::id());
                    file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
                    file.write_all(number.as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
                    return Ok(HostLock { _file: file });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(TRY_AGAIN),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        let process = read_number(&path).map_or(String::new(), |number| format!(" (process {number})"));
        Err(Fault::input(format!("another host{process} runs this project"))
            .hint("stop it first, or use the commands that work beside a running host: status, query, rebuild, pause"))
    }

    /// The process number of the host that runs the project, if one does; 0 while it is just starting.
    pub fn held(data_dir: &Path) -> Result<Option<u32>> {
        let path = path(data_dir);
        let failed = |error| Fault::storage(format!("cannot read {}", path.display()), error);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        for _ in 0..TRIES {
            match file.try_lock_shared() {
                Ok(()) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) => {}
            }
            if let Some(number) = read_number(&path) {
                return Ok(Some(number));
            }
            std::thread::sleep(TRY_AGAIN);
        }
        Ok(Some(0))
    }
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("host.lock")
}

fn read_number(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path).ok()?.take(32).read_to_string(&mut text).ok()?;
    text.strip_suffix('\n')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_holds_it_until_it_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(HostLock::held(folder.path()).unwrap(), None);
        let lock = HostLock::take(folder.path()).unwrap();
        assert_eq!(HostLock::held(folder.path()).unwrap(), Some(std::process::id()));
        let refused = HostLock::take(folder.path()).unwrap_err();
        assert_eq!(refused.message, format!("another host (process {}) runs this project", std::process::id()));
        assert!(refused.hint.is_some());
        drop(lock);
        assert_eq!(HostLock::held(folder.path()).unwrap(), None);
        HostLock::take(folder.path()).unwrap();
    }
}
