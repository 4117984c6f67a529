//! Importing: both forms, bad lines, compressed files, the same file again.

use std::io::Write;
use std::ops::ControlFlow;

use projectionist::event::{ExpectedVersion, Fault, FaultKind, Position};
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::import::{Input, LINE_BYTES_MAX, Options, Report, import};
use proptest::prelude::*;

use crate::{Seen, event, scan, store, whole};

fn bring(store: &SqliteStore, text: impl Into<Vec<u8>>, options: Options<'_>) -> Result<Report, Fault> {
    import(store, Input::new("events.jsonl", std::io::Cursor::new(text.into())).unwrap(), options)
}

fn seen(store: &SqliteStore) -> Vec<Seen> {
    scan(store, &whole())
}

fn lines(range: std::ops::Range<u32>) -> String {
    range.map(|n| format!("{{\"stream\":\"s{}\",\"type\":\"A\",\"data\":{n}}}\n", n % 7)).collect()
}

#[test]
fn our_form_is_recorded_byte_for_byte() {
    let (_folder, store) = store();
    let text = "\u{FEFF}{\"stream\":\"s\",\"type\":\"A\",\"data\": {\"a\" : 1.50}\t}\r\n\n  \r\n\
        {\"metadata\":{\"by\": \"me\"},\"id\":\"x\",\"time\":\"2013-01-01T05:00:00+05:00\",\
        \"data\":\"\\u00e9\",\"type\":\"B\\n\",\"stream\":\"s\"}\n\
        {\"stream\":\"t\",\"type\":\"A\",\"data\":null,\"metadata\":null,\"id\":null,\"time\":null}";
    let report = bring(&store, text, Options::default()).unwrap();
    assert_eq!((report.lines, report.added, report.already_there, report.bad), (3, 3, 0, 0));
    assert_eq!((report.first, report.last), (Some(Position(1)), Some(Position(3))));
    let seen = seen(&store);
    assert_eq!((seen[0].data.as_str(), seen[0].metadata.as_ref()), ("{\"a\" : 1.50}", None));
    assert_eq!((seen[1].data.as_str(), seen[1].metadata.as_deref()), ("\"\\u00e9\"", Some("{\"by\": \"me\"}")));
    assert_eq!((seen[1].id.as_str(), seen[1].type_name.as_str(), seen[1].stream_version), ("x", "B\n", 2));
    assert_eq!(seen[1].time, "2013-01-01T00:00:00Z".parse::<projectionist::event::Timestamp>().unwrap().0);
    assert_eq!((seen[2].data.as_str(), seen[2].metadata.as_ref()), ("null", None));
}

#[test]
fn cloud_events_are_mapped() {
    let (_folder, store) = store();
    let text = r#"{"specversion":"1.0","id":"1","source":"/shop","type":"order.placed","subject":"order-7","time":"2013-01-01T00:00:00Z","data":{"a": 1},"datacontenttype":"application/json","traceparent":"00-x"}
{"specversion":"1.0","id":"2","source":"/shop","type":"ping"}
{"specversion":"1.0","id":"3","source":"/shop","type":"blob","data_base64":"AAEC"}
"#;
    assert_eq!(bring(&store, text, Options::default()).unwrap().added, 3);
    let seen = seen(&store);
    assert_eq!((seen[0].stream.as_str(), seen[0].type_name.as_str()), ("order-7", "order.placed"));
    assert_eq!((seen[0].id.as_str(), seen[0].data.as_str()), ("/shop 1", "{\"a\": 1}"));
    assert_eq!(
        seen[0].metadata.as_deref(),
        Some(
            r#"{"specversion":"1.0","id":"1","source":"/shop","subject":"order-7","datacontenttype":"application/json","traceparent":"00-x"}"#
        )
    );
    assert_eq!((seen[1].stream.as_str(), seen[1].data.as_str()), ("/shop", "null"));
    assert_eq!(seen[2].data, "{\"data_base64\":\"AAEC\"}");
    assert_eq!(bring(&store, text, Options::default()).unwrap().already_there, 3);
}

#[test]
fn a_bad_line_stops_with_its_place_and_what_was_before_is_kept() {
    for (bad, column, reason) in [
        (r#"{"stream":"s","type":"A","data":1"#, 33, "EOF"),
        (r#"{"stream":"s","type":"A","data":01}"#, 34, "not a JSON object"),
        (r#"[1]"#, 1, "expected an event as a JSON object"),
        (r#"{"stream":"s","type":"A","data":1} 2"#, 36, "trailing"),
        (r#"{"stream":"s","type":"A","data":1,"dato":2}"#, 42, "unknown key `dato`"),
        (r#"{"stream":"s","type":"A","data":1,"data":2}"#, 42, "twice"),
        (r#"{"stream":"s","type":"A"}"#, 25, "`data` is missing"),
        (r#"{"type":"A","data":1}"#, 21, "`stream` is missing"),
        (r#"{"stream":7,"type":"A","data":1}"#, 11, "`stream` is not text"),
        (r#"{"stream":"","type":"A","data":1}"#, 11, "stream is empty"),
        (r#"{"stream":"\ud800","type":"A","data":1}"#, 11, "no character"),
        (r#"{"stream":"s","type":"A","data":1,"metadata":[]}"#, 46, "not a JSON object"),
        (r#"{"stream":"s","type":"A","data":1,"time":"yesterday"}"#, 42, "RFC 3339"),
        (r#"{"stream":"s","type":"A","data":1,"id":""}"#, 40, "id is empty"),
        (r#"{"specversion":"0.3","id":"1","source":"/","type":"A"}"#, 16, "specversion"),
        (r#"{"specversion":"1.0","source":"/","type":"A"}"#, 45, "`id` is missing"),
        (r#"{"specversion":"1.0","id":"1","source":"/","type":"A","data":1,"data_base64":""}"#, 78, "not both"),
    ] {
        let (_folder, store) = store();
        let text = format!("{}\n{bad}\n{}", lines(0..2), lines(2..3));
        let fault = bring(&store, text, Options::default()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Input);
        assert!(fault.message.starts_with(&format!("events.jsonl:4:{column}: ")), "{bad}: {fault}");
        assert!(fault.message.contains(reason), "{fault}");
        assert!(fault.hint.as_ref().unwrap().contains("the 2 events before it are kept"));
        assert_eq!(seen(&store).len(), 2);
    }
    let (_folder, store) = store();
    let fault = bring(&store, [lines(0..1).as_bytes(), b"{\"stream\":\"\xFF\"}"].concat(), Options::default());
    assert!(fault.unwrap_err().message.starts_with("events.jsonl:2:12: the line is not UTF-8"));
}

#[test]
fn bad_lines_can_be_put_aside() {
    let (_folder, store) = store();
    let mut aside = Vec::new();
    let mut told = Vec::new();
    let text = [b"\xFFbad\r\n", lines(0..2).as_bytes(), b"{\"stream\":1}\n", lines(2..3).as_bytes()].concat();
    let mut on_bad = |bad: &projectionist::import::BadLine| told.push((bad.line, bad.column));
    let options = Options { skip_bad: Some(&mut aside), on_bad: Some(&mut on_bad), ..Options::default() };
    let report = bring(&store, text, options).unwrap();
    assert_eq!((report.lines, report.added, report.bad), (5, 3, 2));
    assert_eq!(aside, b"\xFFbad\n{\"stream\":1}\n");
    assert_eq!(told, [(1, 1), (4, 11)]);
    assert_eq!(seen(&store).iter().map(|e| e.data.as_str()).collect::<Vec<_>>(), ["0", "1", "2"]);
}

#[test]
fn a_line_that_is_too_long_is_bounded_too() {
    let long = format!("{{\"stream\":\"{}\"}}\n", "x".repeat(LINE_BYTES_MAX));
    let text = lines(0..1) + &long + &lines(1..2);
    let (_folder, one) = store();
    let fault = bring(&one, text.clone(), Options::default()).unwrap_err();
    assert!(fault.message.starts_with(&format!("events.jsonl:2:{}: ", LINE_BYTES_MAX + 1)), "{fault}");
    assert_eq!(seen(&one).len(), 1);
    let (_folder, other) = store();
    let mut aside = Vec::new();
    let report = bring(&other, text, Options { skip_bad: Some(&mut aside), ..Options::default() }).unwrap();
    assert_eq!((report.lines, report.added, report.bad), (3, 2, 1));
    assert!(aside == long.as_bytes());
}

#[test]
fn the_same_file_again_adds_nothing_and_a_grown_one_what_is_new() {
    let (_folder, store) = store();
    // Equal lines are several events.
    let text = lines(0..50) + &lines(0..50);
    assert_eq!(bring(&store, text.clone(), Options::default()).unwrap().added, 100);
    let again = bring(&store, text.clone(), Options::default()).unwrap();
    assert_eq!((again.added, again.already_there, again.first), (0, 100, None));
    let grown = bring(&store, text.replace('\n', "\r\n") + &lines(50..60), Options::default()).unwrap();
    assert_eq!((grown.added, grown.already_there), (10, 100));
    let regardless = bring(&store, text, Options { again: true, ..Options::default() }).unwrap();
    assert_eq!((regardless.added, regardless.already_there), (100, 0));
    let other = bring(&store, lines(1..50), Options::default()).unwrap();
    assert_eq!((other.added, other.already_there), (49, 0));
    let seen = seen(&store);
    let versions: Vec<u64> = seen.iter().filter(|e| e.stream == "s3").map(|e| e.stream_version).collect();
    assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>());
}

#[test]
fn lines_without_ids_are_known_by_the_beginning_of_their_file() {
    let with_id = "{\"stream\":\"s\",\"type\":\"A\",\"data\":1,\"id\":\"x\"}\n";
    let (_folder, store) = store();
    let monday = lines(0..3) + with_id + &lines(10..12);
    assert_eq!(bring(&store, monday.clone(), Options::default()).unwrap().added, 6);
    // Lines with an id, blank ones and line endings make no difference.
    let same = lines(0..2) + "\r\n" + &lines(2..3) + &lines(10..12).replace('\n', "\r\n");
    assert_eq!(bring(&store, same, Options::default()).unwrap().added, 0);
    let tuesday = bring(&store, lines(0..3) + &lines(20..22), Options::default()).unwrap();
    assert_eq!((tuesday.added, tuesday.already_there), (2, 3), "it begins like monday's: recorded once");
    let changed = bring(&store, lines(0..1) + &lines(7..8) + &lines(2..3), Options::default()).unwrap();
    assert_eq!((changed.added, changed.already_there), (2, 1), "all from the changed line on");
    let again = bring(&store, monday, Options { again: true, ..Options::default() }).unwrap();
    assert_eq!((again.added, again.already_there), (5, 1), "an id is recorded once all the same");
}

#[test]
fn what_was_put_aside_is_mended_and_imported_on_its_own() {
    let (_folder, store) = store();
    let mut aside = Vec::new();
    let mut bring_aside = |text: String| {
        aside.clear();
        bring(&store, text, Options { skip_bad: Some(&mut aside), ..Options::default() }).unwrap()
    };
    let broken = lines(0..2) + "{\"stream\":1}\n" + &lines(2..5);
    assert_eq!(bring_aside(broken.clone()).added, 5);
    let again = bring_aside(broken.clone());
    assert_eq!((again.added, again.already_there, again.bad), (0, 5, 1));
    assert_eq!(aside, b"{\"stream\":1}\n");
    let mended = lines(9..10);
    assert_eq!(bring(&store, mended.clone(), Options::default()).unwrap().added, 1);
    assert_eq!(bring(&store, mended.clone(), Options::default()).unwrap().added, 0);
    // The limit that `import --help` tells of: the whole file, mended, adds all from there on.
    let whole = bring(&store, broken.replace("{\"stream\":1}\n", &mended), Options::default()).unwrap();
    assert_eq!((whole.added, whole.already_there), (4, 2));
}

#[test]
fn an_id_that_is_recorded_with_another_event_is_a_bad_line() {
    let (_folder, store) = store();
    let text = |data: &str| format!("{{\"stream\":\"s\",\"type\":\"A\",\"data\":{data},\"id\":\"x\"}}\n");
    bring(&store, text("1") + &text("1"), Options::default()).unwrap();
    let fault = bring(&store, lines(0..3) + &text("2") + &lines(3..4), Options::default()).unwrap_err();
    assert!(fault.message.starts_with("events.jsonl:4:1: its id `x` is recorded at position 1"), "{fault}");
    assert_eq!(seen(&store).len(), 4);
}

#[test]
fn compressed_files_are_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let text = lines(0..2_000);
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let members = [gzip(&text[..10_000]), gzip(&text[10_000..])].concat();
    let zstd = zstd::encode_all(text.as_bytes(), 3).unwrap();
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
    assert!(fault.message.contains("reading events.jsonl"), "{fault}");
    assert!(!seen(&store).is_empty(), "what could be read is kept");
}

#[test]
fn an_import_can_be_ended_and_gone_on_with() {
    let (_folder, store) = store();
    let text = lines(0..120_000);
    let mut stop = |_: &projectionist::import::Progress| ControlFlow::Break(());
    let report = bring(&store, text.clone(), Options { progress: Some(&mut stop), ..Options::default() }).unwrap();
    assert!(report.interrupted && report.added > 0 && report.added < 120_000);
    // Somebody else appends in between.
    store.append("s3", ExpectedVersion::Any, &[event("B", "1")]).unwrap();
    let rest = bring(&store, text, Options::default()).unwrap();
    assert_eq!((rest.already_there, rest.added), (report.added, 120_000 - report.added));
    let seen = seen(&store);
    assert_eq!(seen.len(), 120_001);
    let versions: Vec<u64> = seen.iter().filter(|e| e.stream == "s3").map(|e| e.stream_version).collect();
    assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>());
}

#[test]
fn appends_get_their_turn_during_an_import() {
    let (_folder, store) = store();
    let other = SqliteStore::open(projectionist::event_store::Source::path(&store)).unwrap();
    let importing = std::thread::spawn(move || bring(&store, lines(0..300_000), Options::default()).unwrap());
    let mut appended = 0;
    while !importing.is_finished() {
        other.append("s3", ExpectedVersion::Any, &[event("B", "1")]).unwrap();
        appended += 1;
    }
    let report = importing.join().unwrap();
    assert_eq!(report.added, 300_000);
    assert!(appended > 2, "{appended}");
    let seen = seen(&other);
    assert_eq!(seen.len(), 300_000 + appended);
    assert!(seen.iter().enumerate().all(|(index, e)| e.position == index as u64 + 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn any_bytes_are_taken_or_refused_but_never_crash(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (_folder, store) = store();
        let mut aside = Vec::new();
        // Magic bytes of a compressed file with rubbish behind them are a fault.
        let _ = bring(&store, text, Options { skip_bad: Some(&mut aside), ..Options::default() });
    }
}
