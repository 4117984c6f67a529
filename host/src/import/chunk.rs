//! A **chunk**: lines, or members of an array, that are read in one go into one buffer, before a transaction begins, so
//! that nobody waits for the input but the import.

use std::io::{self, BufRead, Read};
use std::time::{Duration, Instant};

use super::array::{Arrays, Next};
use super::input::Input;
use super::place::Place;

/// The longest line or member, in bytes: a payload and its metadata at their largest would need this much.
pub const LINE_BYTES_MAX: usize = 32 << 20;
/// Lines in a chunk. Each transaction writes nearly every page that has streams once more, so the fewer there are, the
/// faster is a long import.
const LINES_MAX: usize = 200_000;
/// Bytes of lines in a chunk, before the line that exceeds it.
const BYTES_MAX: usize = 32 << 20;
/// When the input is slow, this many lines are recorded,
const LINES_SLOW: usize = 50_000;
/// once reading has taken this long.
const PATIENCE: Duration = Duration::from_millis(500);
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Lines that are not blank, or members.
#[derive(Default)]
pub(super) struct Chunk {
    buffer: Vec<u8>,
    pub items: Vec<Item>,
}

/// A line without its ending, or a member of an array.
#[derive(Clone, Copy)]
pub(super) struct Item {
    pub place: Place,
    start: usize,
    end: usize,
}

/// Why a chunk ends.
pub(super) enum End {
    Full,
    OfInput,
    /// This one, of which only the beginning was read, is not among the chunk's.
    TooLong(Item),
    /// There is no telling where the next member begins.
    Broken(Place, String),
    Failed(io::Error),
}

impl Chunk {
    /// All of it.
    pub fn text(&self) -> &[u8] {
        &self.buffer
    }

    pub fn bytes(&self, item: Item) -> &[u8] {
        &self.buffer[item.start..item.end]
    }
}

/// Fills chunks from an input.
pub(super) struct ChunkReader<'i> {
    input: &'i mut Input,
    form: Form,
    /// Lines read.
    line: u64,
    /// Whether the last line was read only in part.
    is_inside_line: bool,
}

/// How the input is written.
enum Form {
    /// Only blank lines so far.
    NotSeenYet,
    Lines,
    Arrays(Arrays),
}

impl<'i> ChunkReader<'i> {
    pub fn new(input: &'i mut Input) -> ChunkReader<'i> {
        ChunkReader { input, form: Form::NotSeenYet, line: 0, is_inside_line: false }
    }

    pub fn input(&self) -> &Input {
        self.input
    }

    /// Reads the next lines into an empty chunk.
    pub fn fill(&mut self, chunk: &mut Chunk) -> End {
        let started = Instant::now();
        while chunk.items.len() < LINES_MAX && chunk.buffer.len() < BYTES_MAX {
            let is_time = chunk.items.len().is_multiple_of(LINES_SLOW) && !chunk.items.is_empty();
            if is_time && started.elapsed() > PATIENCE {
                break;
            }
            let read = match &mut self.form {
                Form::NotSeenYet | Form::Lines => self.line(chunk),
                Form::Arrays(arrays) => member(arrays, self.input.text(), chunk),
            };
            match read {
                Ok(None) => {}
                Ok(Some(end)) => return end,
                Err(error) => return End::Failed(error),
            }
        }
        End::Full
    }

    fn line(&mut self, chunk: &mut Chunk) -> io::Result<Option<End>> {
        let start = chunk.buffer.len();
        let bytes = read_line(self.input.text(), &mut chunk.buffer)?;
        if bytes == 0 {
            return Ok(Some(End::OfInput));
        }
        self.line += 1;
        let place = Place { line: self.line, column: 1, member: None };
        let mut item = Item { place, start, end: start + bytes };
        // Where files are put together, such a mark may stand before any line.
        if chunk.bytes(item).starts_with(BYTE_ORDER_MARK) {
            item.start += BYTE_ORDER_MARK.len();
        }
        if matches!(self.form, Form::NotSeenYet) {
            match chunk.bytes(item).trim_ascii_start().first() {
                None => {}
                Some(b'[') => {
                    self.input.put_back(&chunk.buffer[item.start..]);
                    chunk.buffer.truncate(start);
                    self.form = Form::Arrays(Arrays::from_line(self.line));
                    return Ok(None);
                }
                Some(_) => self.form = Form::Lines,
            }
        }
        let is_ended = chunk.bytes(item).ends_with(b"\n");
        item.end -= usize::from(is_ended);
        self.is_inside_line = false;
        if item.end - item.start > LINE_BYTES_MAX {
            self.is_inside_line = !is_ended;
            return Ok(Some(End::TooLong(item)));
        }
        item.end -= usize::from(chunk.bytes(item).ends_with(b"\r"));
        if !chunk.bytes(item).trim_ascii().is_empty() {
            chunk.items.push(item);
        }
        Ok(None)
    }

    /// Reads the rest of a line or member that is too long, if there is any, without its ending.
    pub fn rest_of_item(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        if let Form::Arrays(arrays) = &mut self.form {
            return arrays.rest_of_member(self.input.text(), sink);
        }
        let text = self.input.text();
        while std::mem::take(&mut self.is_inside_line) {
            let some = text.fill_buf()?;
            let newline = some.iter().position(|&byte| byte == b'\n');
            let bytes = newline.unwrap_or(some.len());
            sink(&some[..bytes]);
            self.is_inside_line = newline.is_none() && bytes > 0;
            text.consume(bytes + usize::from(newline.is_some()));
        }
        Ok(())
    }
}

fn member(arrays: &mut Arrays, text: &mut dyn BufRead, chunk: &mut Chunk) -> io::Result<Option<End>> {
    let place = match arrays.next(text)? {
        Next::Member(place) => place,
        Next::End => return Ok(Some(End::OfInput)),
        Next::Broken(place, reason) => return Ok(Some(End::Broken(place, reason))),
    };
    let start = chunk.buffer.len();
    let is_whole = arrays.read_member(text, &mut chunk.buffer, LINE_BYTES_MAX)?;
    let item = Item { place, start, end: chunk.buffer.len() };
    if !is_whole || item.end - item.start > LINE_BYTES_MAX {
        return Ok(Some(End::TooLong(item)));
    }
    chunk.items.push(item);
    Ok(None)
}

/// Appends a line with its ending; of a line that is too long, a little more than is allowed.
fn read_line(text: &mut dyn BufRead, buffer: &mut Vec<u8>) -> io::Result<usize> {
    // A byte order mark, the line's ending, and one byte that shows that the line is too long.
    let bytes_max = LINE_BYTES_MAX as u64 + 5;
    Read::take(text, bytes_max).read_until(b'\n', buffer)
}
