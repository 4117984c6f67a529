//! Lines: what is recorded, bad ones, the same file again.

use std::ops::ControlFlow;

use projectionist::event::{ExpectedVersion, FaultKind, Position};
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::import::Options;

use super::{bring, lines, payloads, seen};
use crate::{event, store};

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
fn a_bad_line_stops_with_its_place_and_what_was_before_is_kept() {
    for (bad, column, reason) in [
        (r#"{"stream":"s","type":"A","data":1"#, 33, "EOF"),
        (r#"{"stream":"s","type":"A","data":01}"#, 34, "not a JSON object"),
        (r#"[1]"#, 1, "expected an event as a JSON object"),
        (r#"{"#, 1, "not a JSON object that ends on its line"),
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
    let (_folder, nothing) = store();
    let fault = bring(&nothing, "nonsense", Options::default()).unwrap_err();
    assert!(fault.hint.as_ref().unwrap().starts_with("nothing was recorded before it; mend the line"), "{fault:?}");
    let fault = bring(&nothing, lines(0..1) + "nonsense", Options::default()).unwrap_err();
    assert!(fault.hint.as_ref().unwrap().starts_with("the 1 event before it is kept"), "{fault:?}");
    let (_folder, store) = store();
    let fault = bring(&store, [lines(0..1).as_bytes(), b"{\"stream\":\"\xFF\"}"].concat(), Options::default());
    assert!(fault.unwrap_err().message.starts_with("events.jsonl:2:12: the line is not UTF-8"));
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
fn an_id_that_is_recorded_with_another_event_is_a_bad_line() {
    let (_folder, store) = store();
    let text = |data: &str| format!("{{\"stream\":\"s\",\"type\":\"A\",\"data\":{data},\"id\":\"x\"}}\n");
    bring(&store, text("1") + &text("1"), Options::default()).unwrap();
    let fault = bring(&store, lines(0..3) + &text("2") + &lines(3..4), Options::default()).unwrap_err();
    assert!(fault.message.starts_with("events.jsonl:4:1: its id `x` is recorded at position 1"), "{fault}");
    assert_eq!(seen(&store).len(), 4);
}

#[test]
fn an_import_can_be_ended_and_gone_on_with() {
    let (_folder, store) = store();
    let text = lines(0..120_000);
    let mut stop = |progress: &projectionist::import::Progress| match progress.report.added {
        0 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    };
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
    let other = SqliteStore::open(store.path()).unwrap();
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

#[test]
fn only_a_line_feed_ends_a_line() {
    let (_folder, store) = store();
    let data = "{\"x\":\"a\u{2028}b\u{2029}c\u{85}d\u{b}e\u{c}f\"}";
    // Vertical tabs and form feeds must be escaped in JSON; the others need not be.
    let data = data.replace('\u{b}', "\\u000b").replace('\u{c}', "\\f");
    let line = format!("{{\"stream\":\"s\u{2028}\",\"type\":\"A\",\"data\":{data}}}\n");
    assert_eq!(bring(&store, line.clone() + &line, Options::default()).unwrap().lines, 2);
    assert_eq!(payloads(&store), [data.clone(), data]);
    assert_eq!(seen(&store)[0].stream, "s\u{2028}");
}

#[test]
fn a_byte_order_mark_may_stand_before_any_line() {
    let (_folder, store) = store();
    // As in files that were put together.
    let text = format!("\u{FEFF}{}\u{FEFF}{}\u{FEFF}\n\u{FEFF}", lines(0..1), lines(1..2));
    assert_eq!(bring(&store, text, Options::default()).unwrap().lines, 2);
    assert_eq!(bring(&store, lines(0..2), Options::default()).unwrap().already_there, 2, "it is no part of the line");
}

#[test]
fn a_time_that_is_finer_than_a_microsecond_is_kept_in_the_metadata() {
    let line = |time: &str, metadata: &str| {
        format!("{{\"stream\":\"s\",\"type\":\"A\",\"data\":1{metadata},\"time\":\"{time}\"}}\n")
    };
    for (time, metadata, kept) in [
        ("2013-01-01T00:00:00.123456789Z", "", Some("{\"time\":\"2013-01-01T00:00:00.123456789Z\"}")),
        ("2013-01-01T00:00:00.123456789Z", ",\"metadata\":{ }", Some("{ \"time\":\"2013-01-01T00:00:00.123456789Z\"}")),
        (
            "2013-01-01T00:00:00.123456001Z",
            ",\"metadata\":{\"by\": \"me\"}",
            Some("{\"by\": \"me\",\"time\":\"2013-01-01T00:00:00.123456001Z\"}"),
        ),
        ("2013-01-01T00:00:00.123456Z", "", None),
        ("2013-01-01T00:00:00.123456000Z", ",\"metadata\":{\"by\": \"me\"}", Some("{\"by\": \"me\"}")),
    ] {
        let (_folder, store) = store();
        bring(&store, line(time, metadata), Options::default()).unwrap();
        let seen = seen(&store);
        assert_eq!(seen[0].time, "2013-01-01T00:00:00.123456Z".parse::<projectionist::event::Timestamp>().unwrap().0);
        assert_eq!(seen[0].metadata.as_deref(), kept);
        assert_eq!(bring(&store, line(time, metadata), Options::default()).unwrap().already_there, 1);
    }
    let (_folder, store) = store();
    let taken = line("2013-01-01T00:00:00.1234567Z", ",\"metadata\":{\"time\":1}");
    let fault = bring(&store, taken, Options::default()).unwrap_err();
    assert!(fault.message.contains("parts of a microsecond"), "{fault}");
}
