//! The **status file**: the snapshot of a running host, for other processes.
//!
//! It has its full length from the beginning and is overwritten in place, so that a full disk, of all things, does not
//! keep the host from saying that the disk is full. A checksum tells a reader that it met a writer halfway.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::event::{Fault, Result};

use super::snapshot::HostSnapshot;

/// The length from the beginning; a longer snapshot makes the file longer.
const BYTES: usize = 64 << 10;
const HEADER_BYTES: usize = 8 + blake3::OUT_LEN;

/// A reader that met a writer halfway reads again.
const TRIES: u32 = 20;
const TRY_AGAIN: Duration = Duration::from_millis(1);

fn path(data: &Path) -> PathBuf {
    data.join("host.status")
}

/// Written by the host.
pub(super) struct StatusFile {
    file: File,
    path: PathBuf,
    written: String,
}

impl StatusFile {
    /// Makes the file, or takes over the one that is there.
    pub fn open(data: &Path) -> Result<StatusFile> {
        let path = path(data);
        let failed = |error| Fault::storage(format!("cannot write {}", path.display()), error);
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        file.write_all(&vec![0; BYTES]).map_err(failed)?;
        Ok(StatusFile { file, path, written: String::new() })
    }

    /// Writes the snapshot when it is another than before.
    pub fn write(&mut self, snapshot: &HostSnapshot) -> Result<()> {
        let text = serde_json::to_string(snapshot).map_err(|error| Fault::storage("writing a status", error))?;
        if text == self.written {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(HEADER_BYTES + text.len());
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(blake3::hash(text.as_bytes()).as_bytes());
        bytes.extend(text.as_bytes());
        self.file
            .rewind()
            .and_then(|()| self.file.write_all(&bytes))
            .map_err(|error| Fault::storage(format!("cannot write {}", self.path.display()), error))?;
        self.written = text;
        Ok(())
    }
}

/// What the host last wrote; none when there is nothing whole to read.
pub(super) fn read(data: &Path) -> Option<HostSnapshot> {
    for _ in 0..TRIES {
        let mut bytes = Vec::new();
        fs::File::open(path(data)).ok()?.read_to_end(&mut bytes).ok()?;
        if let Some(text) = text(&bytes) {
            return serde_json::from_str(text).ok();
        }
        thread::sleep(TRY_AGAIN);
    }
    None
}

/// The text, if it is whole.
fn text(bytes: &[u8]) -> Option<&str> {
    let (length, rest) = bytes.split_at_checked(8)?;
    let (hash, rest) = rest.split_at_checked(blake3::OUT_LEN)?;
    let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
    let text = rest.get(..length)?;
    (blake3::hash(text).as_bytes() == hash).then(|| std::str::from_utf8(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_torn_is_not() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).map(|snapshot| snapshot.builds), None);
        let mut file = StatusFile::open(folder.path()).unwrap();
        for builds in [3, 1] {
            file.write(&HostSnapshot { builds, ..HostSnapshot::default() }).unwrap();
            assert_eq!(read(folder.path()).unwrap().builds, builds);
        }
        assert_eq!(fs::metadata(path(folder.path())).unwrap().len(), BYTES as u64, "it does not grow");
        let mut bytes = fs::read(path(folder.path())).unwrap();
        bytes[HEADER_BYTES + 3] ^= 1;
        fs::write(path(folder.path()), bytes).unwrap();
        assert!(read(folder.path()).is_none());
    }
}
