//! **Input** of an import: a file or a pipe, plain or compressed, that counts what is read of it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::decompress::{Compression, Decompressed};
use super::pushback::Pushback;
use crate::event::{Fault, Result};

const BUFFER_BYTES: usize = 256 << 10;

/// What is imported: text, decompressed when it is compressed.
pub struct Input {
    name: String,
    text: Box<dyn BufRead + Send>,
    bytes_read: Arc<AtomicU64>,
    bytes_total: Option<u64>,
}

impl Input {
    /// A file.
    pub fn open(path: &Path) -> Result<Input> {
        let name = path.display().to_string();
        let failed = |error| Fault::input(format!("cannot read {}: {error}", path.display()));
        let file = File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if about.is_dir() {
            return Err(Fault::input(format!("cannot read {name}: it is a folder")));
        }
        Ok(Input { bytes_total: about.is_file().then_some(about.len()), ..Input::new(name, file)? })
    }

    /// Anything readable, under a name for messages (`standard input`).
    pub fn new(name: impl Into<String>, reader: impl Read + Send + 'static) -> Result<Input> {
        let name = name.into();
        let bytes_read = Arc::new(AtomicU64::new(0));
        let counted = Counted(reader, bytes_read.clone());
        let mut raw = Pushback::new(BufReader::with_capacity(BUFFER_BYTES, counted));
        let compression =
            Compression::of(&mut raw).map_err(|error| Fault::input(format!("cannot read {name}: {error}")))?;
        let text: Box<dyn BufRead + Send> = match compression {
            Some(compression) => Box::new(BufReader::with_capacity(BUFFER_BYTES, Decompressed::new(compression, raw))),
            None => Box::new(raw),
        };
        Ok(Input { name, text, bytes_read, bytes_total: None })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn text(&mut self) -> &mut dyn BufRead {
        &mut self.text
    }

    /// Gives back text that was read, to be read again next.
    pub(super) fn put_back(&mut self, text: &[u8]) {
        let rest = std::mem::replace(&mut self.text, Box::new(io::empty()));
        self.text = Box::new(Cursor::new(text.to_vec()).chain(rest));
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    pub(super) fn bytes_total(&self) -> Option<u64> {
        self.bytes_total
    }
}

struct Counted<R>(R, Arc<AtomicU64>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.0.read(buffer)?;
        self.1.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}
