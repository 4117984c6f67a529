//! What is **damaged** is found or refused, never a panic and never without end: bytes of segments, read models and
//! lines to be imported, changed at random.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_buffer::{Buffer, MutableBuffer};
use projectionist::event::{Fault, Position, Range};
use projectionist::event_store::Source;
use projectionist::history::{Cut, Scan, Segment, Sizes};
use projectionist::read_model::query::{self, QueryLimits};
use projectionist::read_model::{Generation, Snapshot};
use twox_hash::XxHash3_64;

use crate::computed::Computed;
use crate::log;
use crate::probes::{self, Probe};
use crate::rng::Rng;
use crate::stored::{Stored, folder, lines};
use crate::way::Way;

/// Nothing here has to do much; whatever takes longer does not end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a check on damaged bytes; a panic names what was damaged.
fn survives(what: &str, check: impl FnOnce()) {
    probes::all();
    let started = Instant::now();
    let survived = catch_unwind(AssertUnwindSafe(check));
    assert!(survived.is_ok(), "{what}: it panicked");
    assert!(started.elapsed() < PATIENCE, "{what}: it took {:?}", started.elapsed());
}

/// Changes some bytes: one bit, a few bytes, a piece left out, put in twice or from elsewhere, the end cut off.
fn damage(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.between(1, 4) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.below(bytes.len() as u64) as usize;
        let end = (at + rng.between(1, 40) as usize).min(bytes.len());
        match rng.below(6) {
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes[at..end].iter_mut().for_each(|byte| *byte = rng.next() as u8),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].to_vec();
                let to = rng.below(bytes.len() as u64) as usize;
                drop(bytes.splice(to..to, piece));
            }
            4 => bytes[at..end].fill(0),
            _ => bytes.truncate(at),
        }
    }
}

fn aligned(bytes: &[u8]) -> Buffer {
    let mut buffer = MutableBuffer::new(bytes.len());
    buffer.extend_from_slice(bytes);
    buffer.into()
}

/// Opens a segment and reads everything of it that two very different projections ask for.
fn read_segment(bytes: &[u8], range: Range) {
    let Ok(segment) = Segment::from_bytes(aligned(bytes)) else { return };
    let _ = segment.verify();
    let segment = Arc::new(segment);
    for probe in ["journal", "states", "groups"] {
        let cut = Cut { events_max: 7, bytes_max: 1_000 };
        let mut scan = Scan::new(&Probe::named(probe).manifest().subscription, None);
        let mut mend =
            |_: &Segment, damaged: projectionist::history::Damaged| Err(Fault::storage("reading", damaged.what));
        let _ = scan.each(&[segment.clone()], range, cut, &mut mend, &mut |_| Ok(ControlFlow::Continue(())));
    }
}

#[test]
fn segments() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let stored = Stored::new(&log::generate(&mut rng));
        let range = Range { after: Position::START, through: stored.head };
        let (mut whole, sizes) = (Vec::new(), Sizes { block_events: 20, ..Sizes::default() });
        let watch = &mut |_| ControlFlow::Continue(());
        Segment::shred_sized(&mut *stored.store.reader().unwrap(), range, sizes, &mut whole, watch).unwrap();
        for round in 0..30 {
            let mut bytes = whole.clone();
            // An index that was changed by somebody who knows its checksum is believed further than one that was not.
            match rng.chance(70) {
                true => bytes = with_other_index(&mut rng, &bytes),
                false => damage(&mut rng, &mut bytes),
            }
            survives(&format!("segment of seed {seed}, round {round}"), || read_segment(&bytes, range));
        }
    }
}

/// A segment whose index says something else, with the right checksum.
fn with_other_index(rng: &mut Rng, segment: &[u8]) -> Vec<u8> {
    const MAGIC: usize = 16;
    let tail = segment.len() - MAGIC - 16;
    let length = u64::from_le_bytes(segment[tail..tail + 8].try_into().unwrap()) as usize;
    let mut index = String::from_utf8(segment[tail - length..tail].to_vec()).expect("the index is JSON");
    for _ in 0..rng.between(1, 3) {
        let digits: Vec<usize> =
            index.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()).map(|(at, _)| at).collect();
        let mut at = *rng.pick(&digits);
        while at > 0 && index.as_bytes()[at - 1].is_ascii_digit() {
            at -= 1;
        }
        let end = index[at..].find(|byte: char| !byte.is_ascii_digit()).map_or(index.len(), |end| at + end);
        let number: u64 = index[at..end].parse().unwrap_or(0);
        let other = match rng.below(6) {
            0 => 0,
            1 => number.wrapping_add(1),
            2 => number.saturating_sub(1),
            3 => number.wrapping_mul(64),
            4 => u64::MAX,
            _ => rng.below(5_000),
        };
        index.replace_range(at..end, &other.to_string());
    }
    let mut bytes = segment[..tail - length].to_vec();
    bytes.extend(index.as_bytes());
    bytes.extend((index.len() as u64).to_le_bytes());
    bytes.extend(XxHash3_64::oneshot(index.as_bytes()).to_le_bytes());
    bytes.extend(&segment[segment.len() - MAGIC..]);
    bytes
}

#[test]
fn read_models() {
    for seed in 0..12 {
        let mut rng = Rng::new(seed);
        let stored = Stored::new(&log::generate(&mut rng));
        Computed::new(&stored, Probe::named("states"), "{}", &Way::plain(), "whole");
        let place = folder();
        let file = place.path().join("damaged.sqlite");
        for round in 0..25 {
            let mut bytes = std::fs::read(stored.file("whole")).expect("the read model");
            damage(&mut rng, &mut bytes);
            for leftover in ["damaged.sqlite", "damaged.sqlite-wal", "damaged.sqlite-shm"] {
                let _ = std::fs::remove_file(place.path().join(leftover));
            }
            std::fs::write(&file, &bytes).expect("a file");
            survives(&format!("read model of seed {seed}, round {round}"), || {
                if let Ok(snapshot) = Snapshot::open(&file) {
                    let _ = (snapshot.digest(), snapshot.rows_as_json("states"), snapshot.row_counts());
                }
                let _ = query::collect(&file, "SELECT * FROM states ORDER BY amount", &QueryLimits::default());
                let _ = Generation::open(&file).map(|generation| generation.digest().map(|digest| digest.to_string()));
            });
        }
    }
}

#[test]
fn imports() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let mut bytes = lines(&log::generate(&mut rng)).into_bytes();
        (0..4).for_each(|_| damage(&mut rng, &mut bytes));
        survives(&format!("import of seed {seed}"), || {
            let mut bad = Vec::new();
            let Some((stored, report)) = Stored::of_lines(&bytes, &mut bad) else { return };
            assert_eq!(report.lines, report.added + report.already_there + report.bad, "every line is told of");
            assert_eq!(bad.iter().filter(|&&byte| byte == b'\n').count() as u64, report.bad, "and put aside");
            // What was let in reads the same from everywhere.
            let journal = Probe::named("journal");
            let plain = Computed::new(&stored, journal, "{}", &Way::plain(), "plain");
            let way = Way::random(&mut rng);
            let found = Computed::new(&stored, journal, "{}", &way, "way");
            assert!(plain.fault.is_some() || found.tables == plain.tables, "{way:?}\n{found:?}\n{plain:?}");
        });
    }
}
