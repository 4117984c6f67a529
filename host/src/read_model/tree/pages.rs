//! The **pages** of a file: new ones are appended in large pieces, roots that are there already written in place.
//!
//! Only while nobody has the file open through SQLite: it keeps pages in memory, and its locks are the process's.

use std::fs::{File, OpenOptions};
use std::io::{self, Error, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::PAGE;

/// What is gathered before it is written.
const PIECE: usize = 1 << 20;

/// The byte that SQLite's locks lie on; its page is never used.
const LOCK_BYTE: u64 = 1 << 30;

pub struct Pages {
    file: File,
    /// The number of the next new page; the first one has 1.
    next: u32,
    /// New pages, the last of which is `next - 1`.
    waiting: Vec<u8>,
}

impl Pages {
    /// Opens a file of SQLite's as it is made here: pages of 4096 bytes, used as a whole, UTF-8, no auto-vacuum.
    pub fn open(path: &Path) -> io::Result<Pages> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut head = [0; 100];
        file.read_exact(&mut head)?;
        let number = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let is_ours = head.starts_with(b"SQLite format 3\0")
            && usize::from(u16::from_be_bytes([head[16], head[17]])) == PAGE
            && (head[20], number(44), number(52), number(56)) == (0, 4, 0, 1)
            && u64::from(number(28)) * PAGE as u64 == file.metadata()?.len();
        if !is_ours {
            return Err(Error::new(ErrorKind::InvalidData, "it is not the file that was made here"));
        }
        Ok(Pages { file, next: number(28) + 1, waiting: Vec::with_capacity(PIECE) })
    }

    /// Appends a page; returns its number.
    pub fn append(&mut self, page: &[u8; PAGE]) -> io::Result<u32> {
        if is_lock_byte(self.next) {
            self.push(&[0; PAGE])?;
        }
        self.push(page)
    }

    fn push(&mut self, page: &[u8; PAGE]) -> io::Result<u32> {
        self.waiting.extend_from_slice(page);
        self.next = self.next.checked_add(1).ok_or_else(|| Error::from(ErrorKind::FileTooLarge))?;
        if self.waiting.len() >= PIECE {
            self.write()?;
        }
        Ok(self.next - 1)
    }

    /// Writes a page that was there when the file was opened.
    pub fn put(&mut self, number: u32, page: &[u8; PAGE]) -> io::Result<()> {
        write_at(&mut self.file, page, u64::from(number - 1) * PAGE as u64)
    }

    fn write(&mut self) -> io::Result<()> {
        let end = u64::from(self.next - 1) * PAGE as u64;
        write_at(&mut self.file, &self.waiting, end - self.waiting.len() as u64)?;
        self.waiting.clear();
        Ok(())
    }

    /// Writes what is left, and into the header how many pages there are now.
    pub fn finish(mut self) -> io::Result<()> {
        self.write()?;
        write_at(&mut self.file, &(self.next - 1).to_be_bytes(), 28)
    }
}

fn write_at(file: &mut File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(bytes)
}

fn is_lock_byte(page: u32) -> bool {
    u64::from(page) == LOCK_BYTE / PAGE as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_lock_byte_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pages");
        let mut head = [0; 100];
        head[..16].copy_from_slice(b"SQLite format 3\0");
        head[16..18].copy_from_slice(&(PAGE as u16).to_be_bytes());
        head[28..32].copy_from_slice(&262_143u32.to_be_bytes());
        (head[47], head[59]) = (4, 1);
        std::fs::write(&path, head).unwrap();
        let mut file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        file.set_len(262_143 * PAGE as u64).unwrap(); // a hole, not a gigabyte
        let mut pages = Pages::open(&path).unwrap();
        assert_eq!(pages.append(&[1; PAGE]).unwrap(), 262_144);
        assert_eq!(pages.append(&[2; PAGE]).unwrap(), 262_146);
        pages.finish().unwrap();
        let mut read = |offset| {
            let mut bytes = [0; 4];
            file.seek(SeekFrom::Start(offset)).unwrap();
            file.read_exact(&mut bytes).unwrap();
            bytes
        };
        assert_eq!(read(LOCK_BYTE - 4), [1; 4]);
        assert_eq!(read(LOCK_BYTE), [0; 4]);
        assert_eq!(read(LOCK_BYTE + PAGE as u64), [2; 4]);
        assert_eq!(read(28), 262_146u32.to_be_bytes());
        file.set_len(100).unwrap();
        assert!(Pages::open(&path).is_err(), "its length is not the one that it says");
    }
}
