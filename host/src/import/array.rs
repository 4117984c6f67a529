//! A **JSON array** as input: CloudEvents batches, on one line or over many. Members are found one at a time, without
//! reading the whole array into memory; what is inside a member is looked at later.

use std::io::{self, BufRead};

use super::place::Place;

/// How far the reading of arrays has come: one array, or several behind each other.
#[derive(Debug)]
pub(super) struct Arrays {
    state: State,
    /// The place of the next byte.
    line: u64,
    column: usize,
    members: u64,
    scan: Scan,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Outside,
    /// Behind `[`.
    BeforeFirst,
    /// Behind a comma.
    BeforeNext,
    Inside,
    BehindMember,
}

/// What comes next in the arrays.
pub(super) enum Next {
    /// A member begins there; [`Arrays::read_member`] reads it.
    Member(Place),
    End,
    /// The arrays are not written as JSON has it; there is no telling what comes after.
    Broken(Place, String),
}

impl Arrays {
    /// The input begins, in this line, with an array.
    pub fn from_line(line: u64) -> Arrays {
        Arrays { state: State::Outside, line, column: 1, members: 0, scan: Scan::default() }
    }

    /// Reads up to the next member.
    pub fn next(&mut self, input: &mut dyn BufRead) -> io::Result<Next> {
        loop {
            let Some(byte) = self.skip_blanks(input)? else {
                return Ok(match self.state {
                    State::Outside => Next::End,
                    _ => self.broken("the array is not closed: a `]` is missing at the end of the input"),
                });
            };
            self.state = match (self.state, byte) {
                (State::Outside, b'[') => {
                    self.members = 0;
                    State::BeforeFirst
                }
                (State::BehindMember, b',') => State::BeforeNext,
                (State::BehindMember | State::BeforeFirst, b']') => State::Outside,
                (State::Outside, _) => return Ok(self.broken("something else stands behind the array")),
                (State::BehindMember, _) => {
                    return Ok(self.broken(&format!("a `,` or `]` is missing behind member {}", self.members)));
                }
                (_, b',' | b']' | b'}') => {
                    return Ok(self.broken(&format!("member {} of the array is missing", self.members + 1)));
                }
                _ => {
                    self.members += 1;
                    self.state = State::Inside;
                    self.scan = Scan::default();
                    return Ok(Next::Member(self.place()));
                }
            };
            self.consume(input, &[byte]);
        }
    }

    /// Appends the member, or its beginning when it is longer than `bytes_max`; whether it came to its end.
    pub fn read_member(&mut self, input: &mut dyn BufRead, member: &mut Vec<u8>, bytes_max: usize) -> io::Result<bool> {
        let bytes_max = member.len() + bytes_max;
        self.read_while(input, &mut |some| {
            member.extend_from_slice(some);
            member.len() <= bytes_max
        })
    }

    /// Reads the rest of a member that was longer than allowed, if there is any.
    pub fn rest_of_member(&mut self, input: &mut dyn BufRead, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        if self.state != State::Inside {
            return Ok(());
        }
        self.read_while(input, &mut |some| {
            sink(some);
            true
        })
        .map(|_| ())
    }

    /// Whether the member came to its end, which it also does at the end of the input.
    fn read_while(&mut self, input: &mut dyn BufRead, take: &mut dyn FnMut(&[u8]) -> bool) -> io::Result<bool> {
        loop {
            let some = fill(input)?;
            let (bytes, is_whole) = match self.scan.end_in(some) {
                Some(end) => (end, true),
                None => (some.len(), some.is_empty()),
            };
            let goes_on = take(&some[..bytes]);
            (self.line, self.column) = behind(self.line, self.column, &some[..bytes]);
            input.consume(bytes);
            if is_whole {
                self.state = State::BehindMember;
            }
            if is_whole || !goes_on {
                return Ok(is_whole);
            }
        }
    }

    /// The next byte that is no blank, still to be consumed.
    fn skip_blanks(&mut self, input: &mut dyn BufRead) -> io::Result<Option<u8>> {
        loop {
            let some = fill(input)?;
            if some.is_empty() {
                return Ok(None);
            }
            let blanks = some.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let next = some.get(blanks).copied();
            (self.line, self.column) = behind(self.line, self.column, &some[..blanks]);
            input.consume(blanks);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    fn consume(&mut self, input: &mut dyn BufRead, bytes: &[u8]) {
        (self.line, self.column) = behind(self.line, self.column, bytes);
        input.consume(bytes.len());
    }

    fn place(&self) -> Place {
        Place { line: self.line, column: self.column, member: Some(self.members) }
    }

    fn broken(&self, reason: &str) -> Next {
        Next::Broken(Place { member: None, ..self.place() }, reason.to_owned())
    }
}

/// The place behind `bytes` that begin at `line` and `column`.
fn behind(line: u64, column: usize, bytes: &[u8]) -> (u64, usize) {
    match bytes.iter().rposition(|&byte| byte == b'\n') {
        Some(last) => {
            let newlines = bytes.iter().filter(|&&byte| byte == b'\n').count();
            (line + newlines as u64, bytes.len() - last)
        }
        None => (line, column + bytes.len()),
    }
}

fn fill(input: &mut dyn BufRead) -> io::Result<&[u8]> {
    // Asked twice, since the answer cannot be both looked at and handed on.
    loop {
        match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    input.fill_buf()
}

/// Finds the end of one JSON value by its brackets and quotes alone.
#[derive(Debug, Default)]
struct Scan {
    depth: usize,
    is_in_text: bool,
    is_escaped: bool,
    /// A number or a word, which ends before the next byte that cannot be its.
    is_bare: bool,
}

impl Scan {
    /// How many of the next bytes still belong to the value, when it ends among them.
    fn end_in(&mut self, bytes: &[u8]) -> Option<usize> {
        for (index, &byte) in bytes.iter().enumerate() {
            if self.is_in_text {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => {
                        self.is_in_text = false;
                        if self.depth == 0 {
                            return Some(index + 1);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            if self.is_bare {
                if byte.is_ascii_whitespace() || b",]}".contains(&byte) {
                    return Some(index);
                }
                continue;
            }
            match byte {
                b'"' => self.is_in_text = true,
                b'[' | b'{' => self.depth += 1,
                b']' | b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(index + 1);
                    }
                }
                _ if self.depth == 0 => self.is_bare = true,
                _ => {}
            }
        }
        None
    }
}
