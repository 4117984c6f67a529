//! Compressed files.

use std::io::Write;
use std::ops::ControlFlow;

use projectionist::event::Fault;
use projectionist::import::{Input, Options, import};

use super::{bring, lines, seen};
use crate::store;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 3).unwrap()
}

/// The fault of what cannot be read to its end, of which everything before is kept.
fn broken(bytes: Vec<u8>, kept: usize) -> (Fault, String) {
    let (_folder, store) = store();
    let fault = bring(&store, bytes, Options::default()).unwrap_err();
    assert_eq!(seen(&store).len(), kept, "{fault}");
    let hint = fault.hint.clone().unwrap();
    assert!(!hint.contains("goes on from there"), "it would fail again: {hint}");
    (fault, hint)
}

#[test]
fn compressed_files_are_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let text = lines(0..2_000);
    let members = [gzip(&text[..10_000]), gzip(&text[10_000..])].concat();
    let zstd = [zstd(&text[..10_000]), zstd(&text[10_000..])].concat();
    for (name, bytes) in [("a.gz", &members), ("a.zst", &zstd), ("a.jsonl", &text.clone().into_bytes())] {
        let (_folder, store) = store();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let mut last = None;
        let mut progress = |progress: &projectionist::import::Progress| {
            last = Some(*progress);
            ControlFlow::Continue(())
        };
        let options = Options { progress: Some(&mut progress), ..Options::default() };
        assert_eq!(import(&store, Input::open(&path).unwrap(), options).unwrap().added, 2_000);
        let last = last.unwrap();
        assert_eq!((last.bytes_read, last.bytes_total), (bytes.len() as u64, Some(bytes.len() as u64)));
    }
    let (_folder, store) = store();
    let fault = bring(&store, &members[..members.len() - 40], Options::default()).unwrap_err();
    assert!(fault.message.contains("events.jsonl: it ends in the middle of its gzip data"), "{fault}");
    assert!(!seen(&store).is_empty(), "what could be read is kept");
}

#[test]
fn zeros_behind_the_end_are_padding() {
    let text = lines(0..100);
    let zeros = |bytes: usize| vec![0; bytes];
    for one in [gzip(&text), zstd(&text)] {
        for bytes in [
            [one.clone(), zeros(1)].concat(),
            [one.clone(), zeros(1 << 20)].concat(),
            // And between members.
            [one.clone(), zeros(513), one.clone(), zeros(3)].concat(),
        ] {
            let (_folder, store) = store();
            bring(&store, bytes, Options { again: true, ..Options::default() }).unwrap();
            assert!(seen(&store).len().is_multiple_of(100) && seen(&store).len() >= 100);
        }
    }
}

#[test]
fn what_stands_behind_the_end_is_named_with_its_place() {
    for (name, one) in [("gzip", gzip(&lines(0..100))), ("zstd", zstd(&lines(0..100)))] {
        for (between, behind) in [(0, "garbage\n"), (512, "{\"stream\":\"s\"}"), (0, "\x1f"), (3, "\u{1}")] {
            let byte = one.len() + between;
            let bytes = [&one[..], &vec![0; between], behind.as_bytes()].concat();
            let (fault, hint) = broken(bytes.clone(), 100);
            let place = format!("events.jsonl: after its {name} data, at byte {byte}, stands something that is not");
            assert!(fault.message.starts_with(&place), "{fault}");
            assert!(
                fault.message.ends_with(&format!("\"{}\"", behind.as_bytes()[..behind.len().min(16)].escape_ascii())),
                "{fault}"
            );
            assert!(hint.starts_with("the 100 events before it are kept; "), "{hint}");
            // What the hint says works.
            assert!(hint.contains(&format!("`head -c {byte} events.jsonl`")), "{hint}");
            let (_folder, store) = store();
            assert_eq!(bring(&store, &bytes[..byte], Options::default()).unwrap().added, 100);
        }
    }
    // Of another compression is something else too.
    let (fault, _) = broken([gzip(&lines(0..100)), zstd(&lines(0..100))].concat(), 100);
    assert!(fault.message.contains("not gzip"), "{fault}");
}

#[test]
fn what_is_cut_off_or_damaged_is_told_apart() {
    let text = lines(0..20_000);
    for (name, one) in [("gzip", gzip(&text)), ("zstd", zstd(&text))] {
        let (_folder, whole) = store();
        let fault = bring(&whole, &one[..one.len() - 20], Options::default()).unwrap_err();
        assert!(fault.message.contains(&format!("it ends in the middle of its {name} data")), "{fault}");
        assert!(fault.hint.as_ref().unwrap().contains("get the whole file"), "{fault:?}");
        // Which works: what was recorded is not recorded again.
        assert_eq!(bring(&whole, text.clone(), Options::default()).unwrap().lines, 20_000);
        assert_eq!(seen(&whole).len(), 20_000);
    }
    let mut damaged = gzip(&text);
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8].fill(0xFF);
    let (_folder, store) = store();
    let fault = bring(&store, damaged, Options::default()).unwrap_err();
    assert!(fault.message.contains("is damaged") || fault.message.contains("not a JSON"), "{fault}");
    assert!(fault.hint.as_ref().unwrap().contains("kept"), "{fault:?}");
}
