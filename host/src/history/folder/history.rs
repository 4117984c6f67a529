//! The **history** of a log: the segments in its folder, as of the last listing.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::SystemTime;

use super::files::{file_fault, lock, remove};
use super::lock::{PATIENCE, SealingLock, is_taken};
use super::names::{self, file_name, key, live, range_of};
use super::waiting::Waiting;
use crate::event::{Fault, Position, Range, Result};
use crate::event_store::{Reader, Source};
use crate::history::segment::{Damaged, Segment};
use crate::history::sizes::Sizes;

/// The newest events take no more memory than this as a segment.
pub const TAIL_BYTES_MAX: usize = 64 << 20;
/// How often the folder is listed anew when a segment vanishes between listing and opening.
const LISTINGS_MAX: usize = 5;

/// The segments of one log. Cheap to clone and to share between threads.
#[derive(Clone)]
pub struct History(pub(super) Arc<Inner>);

pub(super) struct Inner {
    folder: PathBuf,
    pub sizes: Sizes,
    /// Tells whether segments are of the log that is there now.
    pub reader: Mutex<Box<dyn Reader>>,
    known: Mutex<Known>,
    /// The newest events as last asked for, while somebody still has them.
    tail: Mutex<Weak<Segment>>,
    pub waiting: Waiting,
}

/// The files of the last listing.
#[derive(Default)]
pub(super) struct Known {
    pub files: BTreeMap<(u64, u64), (Stamp, File)>,
    pub live: Vec<Arc<Segment>>,
}

/// Which file lies under a name: it may be replaced.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stamp {
    number: u64,
    pub bytes: u64,
    changed: Option<SystemTime>,
}

#[derive(Clone)]
pub(super) enum File {
    Good(Arc<Segment>),
    /// Not used, and why.
    Bad(Range, String),
}

impl History {
    /// The history of `source` in `folder`, which need not be there. Segments that are damaged or of another log are
    /// not used, and replaced at the next [`catch_up`](History::catch_up).
    pub fn open(folder: &Path, source: &dyn Source) -> Result<History> {
        History::open_sized(folder, source, Sizes::default())
    }

    /// The same with segments and blocks of other sizes.
    pub fn open_sized(folder: &Path, source: &dyn Source, sizes: Sizes) -> Result<History> {
        let history = History(Arc::new(Inner {
            folder: folder.to_owned(),
            sizes: sizes.checked(),
            reader: Mutex::new(source.reader()?),
            known: Mutex::default(),
            tail: Mutex::default(),
            waiting: Waiting::default(),
        }));
        history.list()?;
        Ok(history)
    }

    /// Where the segments lie.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// How far the log is sealed without a gap, as of the last listing.
    pub fn through(&self) -> Position {
        self.known().live.last().map_or(Position::START, |last| last.range().through)
    }

    /// The segments from the start to [`through`](History::through), as the folder has them now. The same segment is
    /// the same `Arc` each time.
    pub fn segments(&self) -> Result<Vec<Arc<Segment>>> {
        self.list()?;
        Ok(self.known().live.clone())
    }

    /// The events of `range` as a segment in memory. Several who ask for the same share it; it goes with the last of them.
    /// It takes about as many bytes as the events have in the store; a fault beyond [`TAIL_BYTES_MAX`].
    pub fn tail(&self, range: Range) -> Result<Arc<Segment>> {
        let mut tail = lock(&self.0.tail);
        if let Some(tail) = tail.upgrade().filter(|tail| tail.range() == range) {
            return Ok(tail);
        }
        let made =
            Arc::new(Segment::in_memory_sized(&mut **lock(&self.0.reader), range, self.0.sizes, TAIL_BYTES_MAX)?);
        *tail = Arc::downgrade(&made);
        Ok(made)
    }

    /// The events of `range` that are of `types`, as a segment in memory, for who takes so few that what others need
    /// would cost more.
    pub fn tail_of(&self, range: Range, types: &[String]) -> Result<Arc<Segment>> {
        Segment::of_types_sized(&mut **lock(&self.0.reader), range, types, self.0.sizes, TAIL_BYTES_MAX).map(Arc::new)
    }

    /// Removes every segment; who has one open can go on reading it. Returns how many bytes it frees.
    pub fn drop_all(&self) -> Result<u64> {
        let Some(_lock) = SealingLock::take(&self.0.folder, PATIENCE)? else {
            return Err(is_taken(&self.0.folder));
        };
        self.sweep()?;
        let mut freed = 0;
        for (range, stamp) in self.listing()? {
            remove(&self.0.folder.join(file_name(range)))?;
            freed += stamp.bytes;
        }
        *lock(&self.0.tail) = Weak::new();
        self.list()?;
        Ok(freed)
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.0.known)
    }

    /// Looks into the folder and opens what is new there.
    pub(super) fn list(&self) -> Result<()> {
        for _ in 0..LISTINGS_MAX {
            if self.list_once()? {
                return Ok(());
            }
        }
        Err(Fault::storage("listing history", format!("{} changes all the time", self.0.folder.display())).retriable())
    }

    /// Whether nothing vanished meanwhile.
    fn list_once(&self) -> Result<bool> {
        let listing = self.listing()?;
        let mut known = self.known();
        let mut before = std::mem::take(&mut known.files);
        let (mut is_whole, mut failed) = (true, None);
        for (range, stamp) in listing {
            let file = match before.remove(&key(range)) {
                Some((old, file)) if old == stamp => file,
                _ => match Segment::map(&self.0.folder.join(file_name(range))) {
                    Ok(opened) => match self.check(range, opened) {
                        Ok(file) => file,
                        Err(fault) => {
                            failed.get_or_insert(fault); // of the source, not of the segment
                            continue;
                        }
                    },
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        is_whole = false;
                        continue;
                    }
                    // Not damaged, but of no use now: permissions, or no memory to map it.
                    Err(error) => File::Bad(range, error.to_string()),
                },
            };
            known.files.insert(key(range), (stamp, file));
        }
        let good = known.files.iter().filter_map(|(&key, (_, file))| match file {
            File::Good(segment) => Some((key, segment.clone())),
            File::Bad(..) => None,
        });
        known.live = live(&good.collect());
        failed.map_or(Ok(is_whole), Err)
    }

    /// Whether a segment that was just opened can be used.
    fn check(&self, range: Range, opened: Result<Segment, Damaged>) -> Result<File> {
        let segment = match opened {
            Ok(segment) => segment,
            Err(damaged) => return Ok(File::Bad(range, damaged.what)),
        };
        if segment.range() != range {
            return Ok(File::Bad(range, format!("it holds the events {}", segment.range())));
        }
        let mut reader = lock(&self.0.reader);
        let is_of_this_log = match segment.mark() {
            Some(mark) => reader.event_id(mark.position)?.as_ref() == Some(&mark.id),
            None => reader.head()? >= range.through,
        };
        Ok(match is_of_this_log {
            true => File::Good(Arc::new(segment)),
            false => File::Bad(range, "it was made from another event store, or from one that was replaced".into()),
        })
    }

    /// No longer uses the segment of `range`.
    pub(super) fn invalidate(&self, range: Range, why: &str) {
        let mut known = self.known();
        if let Some((_, file)) = known.files.get_mut(&key(range)) {
            *file = File::Bad(range, why.into());
        }
        let is_it = |segment: &Arc<Segment>| segment.range() == range;
        if let Some(at) = known.live.iter().position(is_it) {
            known.live.truncate(at);
        }
    }

    /// The segment files in the folder.
    pub(super) fn listing(&self) -> Result<Vec<(Range, Stamp)>> {
        let failed = |error| file_fault(format!("listing {}", self.0.folder.display()), &error);
        let entries = match std::fs::read_dir(&self.0.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Some(range) = entry.file_name().to_str().and_then(|name| range_of(name, &self.0.sizes.segments)) else {
                continue;
            };
            match entry.metadata() {
                Ok(about) => found.push((range, Stamp::of(&about))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {} // it was just removed
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(found)
    }

    /// Removes what nobody reads: files that were never finished, segments that cannot be used, and those that a
    /// larger one covers. Only with the lock.
    pub(super) fn sweep(&self) -> Result<()> {
        let failed = |error| file_fault(format!("listing {}", self.0.folder.display()), &error);
        for entry in std::fs::read_dir(&self.0.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(names::NEW)) {
                remove(&entry.path())?;
            }
        }
        for range in self.bad() {
            remove(&self.0.folder.join(file_name(range)))?;
        }
        self.sweep_covered()
    }

    /// Segments that cannot be used.
    pub(super) fn bad(&self) -> Vec<Range> {
        let bad = |(_, file): &(Stamp, File)| match file {
            File::Good(_) => None,
            File::Bad(range, _) => Some(*range),
        };
        self.known().files.values().filter_map(bad).collect()
    }

    /// Removes the segments that a larger one covers.
    pub(super) fn sweep_covered(&self) -> Result<()> {
        let known = self.known();
        let is_covered = |&(after, through): &(u64, u64)| {
            known.live.iter().any(|live| {
                let range = live.range();
                key(range) != (after, through) && range.after.0 <= after && through <= range.through.0
            })
        };
        let covered: Vec<_> = known.files.keys().copied().filter(is_covered).collect();
        drop(known);
        for (after, through) in covered {
            let range = Range { after: Position(after), through: Position(through) };
            remove(&self.0.folder.join(file_name(range)))?;
        }
        Ok(())
    }
}

impl Stamp {
    fn of(about: &std::fs::Metadata) -> Stamp {
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(about);
        #[cfg(not(unix))]
        let number = 0;
        Stamp { number, bytes: about.len(), changed: about.modified().ok() }
    }
}
