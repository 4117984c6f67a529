//! A **pushback** reader gives back bytes that were only looked at, and knows how far into the file it is.

use std::io::{self, BufRead, Read};

/// A buffered reader whose next bytes can be looked at across its buffer's border.
pub(super) struct Pushback<R> {
    /// Bytes that were read to be looked at, from `at` on still to be given out.
    peeked: Vec<u8>,
    at: usize,
    rest: R,
    consumed: u64,
    failed: bool,
}

impl<R: BufRead> Pushback<R> {
    pub fn new(rest: R) -> Pushback<R> {
        Pushback { peeked: Vec::new(), at: 0, rest, consumed: 0, failed: false }
    }

    /// The next bytes, as many as `bytes` unless the end comes before.
    pub fn peek(&mut self, bytes: usize) -> io::Result<&[u8]> {
        self.peeked.drain(..self.at);
        self.at = 0;
        let missing = bytes.saturating_sub(self.peeked.len()) as u64;
        self.rest.by_ref().take(missing).read_to_end(&mut self.peeked).inspect_err(|_| self.failed = true)?;
        Ok(&self.peeked[..bytes.min(self.peeked.len())])
    }

    /// How many bytes were consumed.
    pub fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Whether the reader below has failed, so that an error is its and not one of what is read.
    pub fn has_failed(&self) -> bool {
        self.failed
    }
}

impl<R: BufRead> Read for Pushback<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?.read(buffer)?;
        self.consume(bytes);
        Ok(bytes)
    }
}

impl<R: BufRead> BufRead for Pushback<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at < self.peeked.len() {
            return Ok(&self.peeked[self.at..]);
        }
        self.rest.fill_buf().inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.failed = true;
            }
        })
    }

    fn consume(&mut self, bytes: usize) {
        self.consumed += bytes as u64;
        if self.at < self.peeked.len() {
            self.at += bytes;
        } else {
            self.rest.consume(bytes);
        }
    }
}
