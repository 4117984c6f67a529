//! **Input** of an import: a file or a pipe, plain or compressed, that counts what is read of it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::{Fault, Result};

const BUFFER_BYTES: usize = 256 << 10;
const GZIP: [u8; 2] = [0x1F, 0x8B];
const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// What is imported: lines, decompressed when they are compressed.
pub struct Input {
    name: String,
    lines: Box<dyn BufRead + Send>,
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
        let mut raw = BufReader::with_capacity(BUFFER_BYTES, Counted(reader, bytes_read.clone()));
        let mut first = Vec::new();
        raw.by_ref()
            .take(ZSTD.len() as u64)
            .read_to_end(&mut first)
            .map_err(|error| Fault::input(format!("cannot read {name}: {error}")))?;
        let (gzip, zstd) = (first.starts_with(&GZIP), first.starts_with(&ZSTD));
        let whole = Cursor::new(first).chain(raw);
        let lines: Box<dyn BufRead + Send> = if gzip {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, flate2::bufread::MultiGzDecoder::new(whole)))
        } else if zstd {
            let decoder = zstd::Decoder::with_buffer(whole)
                .map_err(|error| Fault::input(format!("cannot decompress {name}: {error}")))?;
            Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
        } else {
            Box::new(whole)
        };
        Ok(Input { name, lines, bytes_read, bytes_total: None })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn lines(&mut self) -> &mut dyn BufRead {
        &mut self.lines
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
