//! **Decompressing** a gzip or zstd file: all of its members, one after another, as `gzip -d` and `zstd -d` do.
//!
//! Zeros after a member are padding, as tapes and block devices leave them. Anything else that does not begin a
//! member is not read past: it is named, with the byte at which it begins.

use std::fmt;
use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use super::pushback::Pushback;

/// The bytes that tell what a file is compressed with.
const MAGIC_BYTES: usize = 4;
/// So many bytes of what does not belong there are shown.
const SHOWN_BYTES: usize = 16;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// What `raw` is compressed with, by its next bytes; none when it is not.
    pub fn of(raw: &mut Pushback<impl BufRead>) -> io::Result<Option<Compression>> {
        Ok(match *raw.peek(MAGIC_BYTES)? {
            [0x1F, 0x8B, ..] => Some(Compression::Gzip),
            // A frame of data, or one to be skipped, which some programs write first.
            [0x28, 0xB5, 0x2F, 0xFD] | [0x50..=0x5F, 0x2A, 0x4D, 0x18] => Some(Compression::Zstd),
            _ => None,
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        })
    }
}

/// What is wrong with a compressed file. It is the file's own failure: reading it again gives the same.
#[derive(Debug)]
pub(super) enum Damage {
    /// Something else stands behind the compressed data.
    Trailing { compression: Compression, byte: u64, begins: Vec<u8> },
    /// The file ends inside the compressed data.
    CutOff { compression: Compression },
    /// The compressed data breaks the rules of its format, or does not have its checksum.
    Corrupt { compression: Compression, byte: u64, reason: String },
}

impl Damage {
    /// What to do about it, for the file of that name.
    pub fn hint(&self, file: &str) -> String {
        match self {
            Damage::Trailing { byte, .. } => format!(
                "what stands from that byte on was not read; if it does not belong there, `head -c {byte} {file}` \
                 is the file without it"
            ),
            Damage::CutOff { .. } => {
                "get the whole file (was it cut off while it was written or copied?) and import that: what is \
                 recorded is not recorded again"
                    .into()
            }
            Damage::Corrupt { .. } => {
                "the file is damaged; get it again and import that: what is recorded is not recorded again".into()
            }
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Trailing { compression, byte, begins } => write!(
                f,
                "after its {compression} data, at byte {byte}, stands something that is not {compression}: \"{}\"",
                begins.escape_ascii()
            ),
            Damage::CutOff { compression } => write!(f, "it ends in the middle of its {compression} data"),
            Damage::Corrupt { compression, byte, reason } => {
                write!(f, "its {compression} data is damaged before byte {byte}: {reason}")
            }
        }
    }
}

impl std::error::Error for Damage {}

/// What all members of a compressed file hold.
pub(super) struct Decompressed<R: BufRead> {
    compression: Compression,
    state: State<R>,
}

enum State<R: BufRead> {
    Between(Pushback<R>),
    Gzip(Box<GzDecoder<Pushback<R>>>),
    Zstd(Box<zstd::Decoder<'static, Pushback<R>>>),
    Ended,
}

impl<R: BufRead> Decompressed<R> {
    /// `raw` begins with a member of `compression`.
    pub fn new(compression: Compression, raw: Pushback<R>) -> Decompressed<R> {
        Decompressed { compression, state: State::Between(raw) }
    }

    /// Begins the next member, past padding; there may be none.
    fn begin(&self, mut raw: Pushback<R>) -> io::Result<State<R>> {
        loop {
            let some = raw.fill_buf()?;
            let zeros = some.iter().take_while(|&&byte| byte == 0).count();
            if some.is_empty() {
                return Ok(State::Ended);
            }
            let is_all_zeros = zeros == some.len();
            raw.consume(zeros);
            if !is_all_zeros {
                break;
            }
        }
        if Compression::of(&mut raw)? != Some(self.compression) {
            let byte = raw.consumed();
            let begins = raw.peek(SHOWN_BYTES)?.to_vec();
            return Err(damaged(Damage::Trailing { compression: self.compression, byte, begins }));
        }
        Ok(match self.compression {
            Compression::Gzip => State::Gzip(Box::new(GzDecoder::new(raw))),
            Compression::Zstd => State::Zstd(Box::new(zstd::Decoder::with_buffer(raw)?.single_frame())),
        })
    }
}

/// An error of a decoder: that of the file below, or damage.
fn failed(compression: Compression, error: io::Error, raw: &Pushback<impl BufRead>) -> io::Error {
    match error.kind() {
        io::ErrorKind::Interrupted => error,
        _ if raw.has_failed() => error,
        io::ErrorKind::UnexpectedEof => damaged(Damage::CutOff { compression }),
        _ => damaged(Damage::Corrupt { compression, byte: raw.consumed(), reason: error.to_string() }),
    }
}

impl<R: BufRead> Read for Decompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let (read, raw) = match &mut self.state {
                State::Ended => return Ok(0),
                State::Between(_) => (Ok(0), None),
                State::Gzip(decoder) => (decoder.read(buffer), Some(decoder.get_ref())),
                State::Zstd(decoder) => (decoder.read(buffer), Some(decoder.get_ref())),
            };
            match (read, raw) {
                (Ok(0), _) => {}
                (Ok(bytes), _) => return Ok(bytes),
                (Err(error), Some(raw)) => return Err(failed(self.compression, error, raw)),
                (Err(error), None) => return Err(error),
            }
            let raw = match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Ok(0),
                State::Between(raw) => raw,
                State::Gzip(decoder) => decoder.into_inner(),
                State::Zstd(decoder) => decoder.finish(),
            };
            self.state = self.begin(raw)?;
        }
    }
}

fn damaged(damage: Damage) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, damage)
}
