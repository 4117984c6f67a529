//! A **chunk**: lines that are recorded in one go, in one reused buffer. They are read before a transaction begins, so
//! that nobody waits for the input but the import.

use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant};

use super::Input;
use crate::event::{Fault, Result};

/// The longest line, in bytes: a payload and its metadata at their largest would need this much.
pub const LINE_BYTES_MAX: usize = 32 << 20;
/// Lines in a chunk. Each transaction writes nearly every page of the index by stream once more, so the fewer there are,
/// the faster is a long import.
const LINES_MAX: usize = 200_000;
/// Bytes of lines in a chunk, before the line that exceeds it.
const BYTES_MAX: usize = 32 << 20;
/// When the input is slow, this many lines are recorded,
const LINES_SLOW: usize = 50_000;
/// once reading has taken this long.
const PATIENCE: Duration = Duration::from_millis(500);

/// Lines that are not blank.
#[derive(Default)]
pub(super) struct Chunk {
    buffer: Vec<u8>,
    pub lines: Vec<Line>,
    read: u64,
}

/// A line, without its ending.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// From 1, blank ones counted.
    pub number: u64,
    start: usize,
    end: usize,
}

/// Why a chunk ends.
pub(super) enum End {
    Full,
    OfInput,
    /// The line, of which only the beginning was read, is not among the chunk's.
    TooLong {
        line: Line,
    },
    Failed(io::Error),
}

impl Chunk {
    /// Forgets its lines and reads the next.
    pub fn fill(&mut self, input: &mut Input) -> End {
        self.lines.clear();
        self.buffer.clear();
        self.buffer.shrink_to(BYTES_MAX * 2); // after a huge line
        let started = Instant::now();
        while self.lines.len() < LINES_MAX && self.buffer.len() < BYTES_MAX {
            if self.lines.len().is_multiple_of(LINES_SLOW) && started.elapsed() > PATIENCE && !self.lines.is_empty() {
                break;
            }
            let start = self.buffer.len();
            let (ended, bytes) = match read_line(input.lines(), &mut self.buffer) {
                Ok(0) => return End::OfInput,
                Ok(bytes) => (self.buffer.ends_with(b"\n"), bytes),
                Err(error) => return End::Failed(error),
            };
            self.read += 1;
            let mut line = Line { number: self.read, start, end: start + bytes - usize::from(ended) };
            if self.read == 1 && self.bytes(line).starts_with(b"\xEF\xBB\xBF") {
                line.start += 3;
            }
            if line.end - line.start > LINE_BYTES_MAX {
                return End::TooLong { line };
            }
            if self.bytes(line).last() == Some(&b'\r') {
                line.end -= 1;
            }
            if !self.bytes(line).trim_ascii().is_empty() {
                self.lines.push(line);
            }
        }
        End::Full
    }

    pub fn bytes(&self, line: Line) -> &[u8] {
        &self.buffer[line.start..line.end]
    }
}

/// Appends a line with its ending; of a line that is too long, a little more than is allowed.
fn read_line(input: &mut dyn BufRead, buffer: &mut Vec<u8>) -> io::Result<usize> {
    // A byte order mark, the line's ending, and one byte that shows that the line is too long.
    let bytes_max = LINE_BYTES_MAX as u64 + 5;
    io::Read::take(input, bytes_max).read_until(b'\n', buffer)
}

/// Copies the rest of a line that is too long, with its ending.
pub(super) fn rest_of_line(input: &mut Input, sink: &mut dyn Write) -> Result<()> {
    loop {
        let name = input.name().to_owned();
        let lines = input.lines();
        let some = lines.fill_buf().map_err(|error| Fault::storage(format!("reading {name}"), error))?;
        let newline = some.iter().position(|&byte| byte == b'\n');
        let bytes = newline.map_or(some.len(), |at| at + 1);
        sink.write_all(&some[..bytes]).map_err(super::put_aside)?;
        lines.consume(bytes);
        if newline.is_some() || bytes == 0 {
            return Ok(());
        }
    }
}
