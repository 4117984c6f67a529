//! How history **stands**: what is sealed, what is not, and what of it is damaged.

use super::history::{File, History};
use super::names::{file_name, wanted};
use crate::event::{Position, Range, Result};

/// How history stands.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Status {
    /// How far the log is sealed without a gap.
    pub through: Position,
    /// Events in it.
    pub events: u64,
    /// Segments in use.
    pub segments: usize,
    /// Bytes of all segment files.
    pub bytes: u64,
    /// Bytes an event, of the segments in use.
    pub bytes_per_event: f64,
    /// The head of the log.
    pub head: Position,
    /// Events that could be sealed and are not.
    pub unsealed: u64,
    /// Segments that are missing between others.
    pub missing: Vec<Range>,
    /// Segments that are not used, and why.
    pub damaged: Vec<DamagedFile>,
}

/// A segment that is not used.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DamagedFile {
    /// The file's name.
    pub file: String,
    /// Its positions.
    pub range: Range,
    /// What is wrong with it.
    pub reason: String,
}

impl History {
    /// How it stands, with every checksum of every segment compared: this reads all of it. Segments that turn out to
    /// be damaged are not used from then on.
    pub fn verify(&self, head: Position) -> Result<Status> {
        for segment in self.segments()? {
            if let Err(damaged) = segment.verify() {
                self.invalidate(segment.range(), &damaged.what);
            }
        }
        Ok(self.status_now(head))
    }

    /// How it stands, as far as that shows without reading all of it.
    pub fn status(&self, head: Position) -> Result<Status> {
        self.list()?;
        Ok(self.status_now(head))
    }

    fn status_now(&self, head: Position) -> Status {
        let known = self.known();
        let events = known.live.iter().map(|segment| segment.events()).sum();
        let used: u64 = known.live.iter().map(|segment| segment.bytes()).sum();
        let through = known.live.last().map_or(Position::START, |last| last.range().through);
        let damaged = known.files.values().filter_map(|(_, file)| match file {
            File::Good(_) => None,
            File::Bad(range, reason) => {
                Some(DamagedFile { file: file_name(*range), range: *range, reason: reason.clone() })
            }
        });
        // What lies beyond a gap shows where the gap is.
        let last = known.files.keys().map(|&(_, through)| through).max().unwrap_or_default();
        let ranges = known.files.iter().filter(|(_, (_, file))| matches!(file, File::Good(_)));
        let ranges: Vec<_> = ranges.map(|(&key, _)| key).collect();
        let missing = gaps(&ranges, last.min(head.0));
        let sealable = wanted(head, &self.0.sizes.segments).last().map_or(0, |last| last.through.0);
        Status {
            through,
            events,
            segments: known.live.len(),
            bytes: known.files.values().map(|(stamp, _)| stamp.bytes).sum(),
            bytes_per_event: if events == 0 { 0.0 } else { used as f64 / events as f64 },
            head,
            unsealed: sealable.saturating_sub(through.0),
            missing,
            damaged: damaged.collect(),
        }
    }
}

/// What up to `last` is in no range.
fn gaps(ranges: &[(u64, u64)], last: u64) -> Vec<Range> {
    let mut gaps = Vec::new();
    let mut at = 0;
    for &(after, through) in ranges.iter().chain(&[(last, last)]) {
        if after > at {
            gaps.push(Range { after: Position(at), through: Position(after) });
        }
        at = at.max(through);
    }
    gaps
}
