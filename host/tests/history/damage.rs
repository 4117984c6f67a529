//! Damage: what was cut off, torn or flipped is found, and never misread.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow_buffer::{Buffer, MutableBuffer};
use projectionist::event::{EnvelopeParts, EventType, Fault, Selection, Subscription};
use projectionist::event_store::Source;
use projectionist::history::{Cut, Damaged, Found, KeyColumn, Scan, SealedColumn, Segment};
use rusqlite::Connection;

use crate::whole::{of_segment, values};
use crate::{Log, range};

fn aligned(bytes: &[u8]) -> Buffer {
    let mut buffer = MutableBuffer::new(bytes.len());
    buffer.extend_from_slice(bytes);
    buffer.into()
}

fn bytes() -> Vec<u8> {
    let log = Log::of_ledger(12);
    // So that positions do not follow from the range.
    Connection::open(log.store.path()).unwrap().execute("DELETE FROM events WHERE position = 5", []).unwrap();
    let mut bytes = Vec::new();
    let mut reader = log.store.reader().unwrap();
    let watch = &mut |_| std::ops::ControlFlow::Continue(());
    let written = Segment::shred(&mut *reader, range(0, 12), &mut bytes, watch).unwrap();
    assert_eq!(written, Some(bytes.len() as u64));
    bytes
}

/// Everything that a segment says, columns of fields included.
fn told(bytes: &[u8]) -> Result<String, Damaged> {
    let segment = Segment::from_bytes(aligned(bytes))?;
    let mut told = format!("{:?}", of_segment(&segment)?);
    for block in segment.blocks() {
        for (kind, _, rows) in block.types() {
            for field in ["account", "amount", "note", "none"] {
                let found = block.field(kind, field)?;
                if let Found::Column(SealedColumn::Keys(KeyColumn { dictionary, .. })) = found {
                    let words = segment.dictionary(dictionary)?;
                    told += &format!("{:?}{:?}", words.values.iter().collect::<Vec<_>>(), words.hashes);
                }
                told += &format!("{:?}", values(&segment, found, rows));
            }
        }
    }
    Ok(told)
}

#[test]
fn a_segment_that_was_cut_off_anywhere_does_not_open() {
    let bytes = bytes();
    assert!(told(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(Segment::from_bytes(aligned(&bytes[..length])).is_err(), "cut to {length}");
    }
    let more: Vec<u8> = bytes.iter().copied().chain([0]).collect();
    assert!(Segment::from_bytes(aligned(&more)).is_err());
}

#[test]
fn a_page_that_was_never_written_is_found() {
    let bytes = bytes();
    let whole = told(&bytes).unwrap();
    for start in (0..bytes.len()).step_by(512) {
        let mut torn = bytes.clone();
        let end = torn.len().min(start + 512);
        torn[start..end].fill(0);
        assert_ne!(torn, bytes);
        assert!(told(&torn).is_err() || told(&torn).unwrap() == whole, "zeros from {start}");
        let opened = Segment::from_bytes(aligned(&torn));
        let is_found = opened.is_err() || opened.unwrap().verify().is_err();
        assert!(is_found || told(&torn).unwrap() == whole, "zeros from {start}");
    }
}

#[test]
fn a_flipped_bit_is_found_or_says_nothing() {
    let bytes = bytes();
    let whole = told(&bytes).unwrap();
    let (mut found, mut harmless) = (0, 0);
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        match told(&flipped) {
            Err(_) => found += 1,
            // Between buffers there is room for alignment.
            Ok(told) => {
                assert!(told == whole, "a flipped bit at {at} was believed");
                assert_eq!(bytes[at], 0);
                harmless += 1;
            }
        }
        let opened = Segment::from_bytes(aligned(&flipped));
        assert_eq!(opened.is_err() || opened.unwrap().verify().is_err(), told(&flipped).is_err(), "at {at}");
    }
    assert!(found > 3 * harmless, "{found} found, {harmless} harmless");
}

/// What of a segment is damaged for who takes the streams and amounts of withdrawals, wherever a bit flips.
#[test]
fn who_takes_one_type_reads_nothing_of_others() {
    let log = Log::of_ledger(12);
    let mut bytes = Vec::new();
    let watch = &mut |_| ControlFlow::Continue(());
    Segment::shred(&mut *log.store.reader().unwrap(), range(0, 12), &mut bytes, watch).unwrap();
    let withdrawn = EventType { name: "Withdrawn".into(), fields: vec!["amount".into()], document: false };
    let subscription = Subscription {
        selection: Selection::Types(vec![withdrawn]),
        stream_prefix: None,
        envelope: EnvelopeParts { position: true, stream: true, ..EnvelopeParts::default() },
        metadata_fields: Vec::new(),
    };
    let mut read = BTreeSet::new();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        let Ok(segment) = Segment::from_bytes(aligned(&flipped)) else { continue };
        let cut = Cut { events_max: 100, bytes_max: usize::MAX };
        let mut mend = |_: &Segment, damaged: Damaged| Err(Fault::storage("reading", damaged.what));
        let mut scan = Scan::new(&subscription, None);
        let scanned = scan.each(&[Arc::new(segment)], range(0, 12), cut, &mut mend, &mut |batch| {
            assert_eq!(batch.len(), 4);
            Ok(ControlFlow::Continue(()))
        });
        read.extend(scanned.err().map(|fault| fault.message.clone()));
    }
    let read: Vec<&str> = read.iter().map(|what| what.split(" of the events").next().unwrap()).collect();
    let expected = ["dictionary 0", "field `amount` of `Withdrawn`", "rows of `Withdrawn`", "streams of `Withdrawn`"];
    assert_eq!(read, expected.map(|what| format!("reading: {what}")));
}
