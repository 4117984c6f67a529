//! JSON arrays: CloudEvents batches, and our own form in an array.

use std::io::{BufReader, Read};

use projectionist::event::Fault;
use projectionist::import::{Input, LINE_BYTES_MAX, Options, import};

use super::{bring, payloads, seen};
use crate::store;

fn refused(text: &str, kept: usize) -> Fault {
    let (_folder, store) = store();
    let fault = bring(&store, text, Options::default()).unwrap_err();
    assert_eq!(payloads(&store).len(), kept, "{text}: {fault}");
    fault
}

#[test]
fn an_array_on_one_line_or_over_many_is_imported() {
    let one = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"x","data":{"a":"]},{[\"\\"}}"#;
    let pretty = "{\n    \"specversion\": \"1.0\",\n    \"id\": \"2\",\r\n    \"source\": \"/s\",\n    \"type\": \"t\",\n    \
                  \"data\": {\n      \"a\": 2\n    }\n  }";
    let ours = r#"{"stream":"s","type":"A","data":3}"#;
    for text in [
        format!("[{one},{pretty},{ours}]"),
        format!("\u{FEFF}\n \n\t[ {one} ,\n\n  {pretty}\n,{ours}\n\t]\n\n"),
        format!("[\n  {one},\n  {pretty},\n  {ours}\n]\n"),
        // Arrays behind each other, as programs write them that get one batch after another.
        format!("[{one}]\n[]\n[{pretty},{ours}]\n"),
    ] {
        let (_folder, store) = store();
        let report = bring(&store, text.clone(), Options::default()).unwrap();
        assert_eq!((report.lines, report.added), (3, 3), "{text}");
        let seen = seen(&store);
        assert_eq!((seen[0].stream.as_str(), seen[0].data.as_str()), ("x", "{\"a\":\"]},{[\\\"\\\\\"}"));
        assert_eq!((seen[1].id.as_str(), seen[1].data.as_str()), ("/s 2", "{\n      \"a\": 2\n    }"));
        assert_eq!(seen[2].data, "3");
        let again = bring(&store, text, Options::default()).unwrap();
        assert_eq!((again.added, again.already_there), (0, 3));
    }
    for nothing in ["[]", "[ \n ]", "[][]"] {
        let (_folder, store) = store();
        assert_eq!(bring(&store, nothing, Options::default()).unwrap().lines, 0);
    }
}

#[test]
fn an_array_may_be_compressed() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder
        .write_all(b"[{\"stream\":\"s\",\"type\":\"A\",\"data\":1},\n{\"stream\":\"s\",\"type\":\"A\",\"data\":2}]")
        .unwrap();
    let (_folder, store) = store();
    bring(&store, encoder.finish().unwrap(), Options::default()).unwrap();
    assert_eq!(payloads(&store), ["1", "2"]);
}

#[test]
fn members_are_found_wherever_reading_stops() {
    /// Gives one byte at a time.
    struct Slow(std::io::Cursor<Vec<u8>>);
    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let one = buffer.len().min(1);
            self.0.read(&mut buffer[..one])
        }
    }
    let text = "[ {\"stream\":\"a\\\\\\\"]\",\"type\":\"A\",\"data\":[[{}],\"}\"]} , {\"stream\":\"s\",\"type\":\"A\",\"data\":-1.5e3}\n]";
    let (_folder, store) = store();
    let slow = BufReader::with_capacity(1, Slow(std::io::Cursor::new(text.into())));
    import(&store, Input::new("slow", slow).unwrap(), Options::default()).unwrap();
    assert_eq!(payloads(&store), ["[[{}],\"}\"]", "-1.5e3"]);
    assert_eq!(seen(&store)[0].stream, "a\\\"]");
}

#[test]
fn a_bad_member_is_named_by_its_number_its_line_and_its_column() {
    let good = r#"{"stream":"s","type":"A","data":1}"#;
    for (bad, line, column, reason) in [
        ("7", 3, 3, "expected an event as a JSON object"),
        ("\"text\"", 3, 3, "expected an event as a JSON object"),
        ("null", 3, 3, "expected an event as a JSON object"),
        ("[]", 3, 3, "expected an event as a JSON object"),
        ("{\"stream\":\"s\",\n\n \"type\":7,\"data\":1}", 5, 9, "`type` is not text"),
        ("{\"stream\":\"s\",\n \"type\":\"A\",\n \"data\":01}", 5, 10, "not a JSON object"),
    ] {
        let fault = refused(&format!("[\n  {good},\n  {bad},\n  {good}\n]"), 1);
        let place = format!("events.jsonl:{line}:{column}: member 2: ");
        assert!(fault.message.starts_with(&place), "{bad}: {fault}");
        assert!(fault.message.contains(reason), "{bad}: {fault}");
        assert!(fault.hint.as_ref().unwrap().contains("the 1 event before it is kept; mend the member"), "{fault:?}");
    }
}

#[test]
fn bad_members_are_put_aside_each_on_one_line() {
    let (_folder, store) = store();
    let mut aside = Vec::new();
    let text = "[{\"stream\":\"s\",\"type\":\"A\",\"data\":1},\n{\"stream\":\n  \"s\",\"data\":2},8,{\"stream\":\"s\",\"type\":\"A\",\"data\":3}]";
    let report = bring(&store, text, Options { skip_bad: Some(&mut aside), ..Options::default() }).unwrap();
    assert_eq!((report.lines, report.added, report.bad), (4, 2, 2));
    assert_eq!(String::from_utf8(aside).unwrap(), "{\"stream\":   \"s\",\"data\":2}\n8\n");
    assert_eq!(payloads(&store), ["1", "3"]);
}

#[test]
fn an_array_that_is_no_json_says_where_and_what_came_before_is_kept() {
    let good = r#"{"stream":"s","type":"A","data":1}"#;
    for (text, place, reason) in [
        (format!("[{good}"), "1:36: ", "the array is not closed"),
        (format!("[{good},"), "1:37: ", "the array is not closed"),
        (format!("[{good}\n {good}]"), "2:2: ", "a `,` or `]` is missing behind member 1"),
        (format!("[{good},]"), "1:37: ", "member 2 of the array is missing"),
        (format!("[{good},,{good}]"), "1:37: ", "member 2 of the array is missing"),
        (format!("[{good}]\n{good}"), "2:1: ", "something else stands behind the array"),
        (format!("[{good}}}]"), "1:36: ", "a `,` or `]` is missing behind member 1"),
    ] {
        let fault = refused(&text, 1);
        assert!(fault.message.starts_with(&format!("events.jsonl:{place}{reason}")), "{text}: {fault}");
        // Bad members can be put aside; where none can be told from the next, there is nothing to put.
        let (_folder, store) = store();
        let mut aside = Vec::new();
        assert!(bring(&store, text, Options { skip_bad: Some(&mut aside), ..Options::default() }).is_err());
        assert!(aside.is_empty());
    }
    let fault = refused(&format!("[{good},{{\"stream\":\"s"), 1);
    assert!(fault.message.starts_with("events.jsonl:1:"), "{fault}");
}

#[test]
fn a_member_that_is_too_long_is_bounded_too() {
    let good = r#"{"stream":"s","type":"A","data":1}"#;
    let long = format!("{{\"stream\":\"{}\",\n\"x\":1}}", "x".repeat(LINE_BYTES_MAX));
    let text = format!("[{good},{long},{}]", good.replace('1', "2"));
    let fault = refused(&text, 1);
    assert!(fault.message.contains("member 2: it has more than"), "{fault}");
    let (_folder, store) = store();
    let mut aside = Vec::new();
    let report = bring(&store, text, Options { skip_bad: Some(&mut aside), ..Options::default() }).unwrap();
    assert_eq!((report.lines, report.added, report.bad), (3, 2, 1));
    assert!(aside == (long.replace('\n', " ") + "\n").into_bytes());
    assert_eq!(payloads(&store), ["1", "2"]);
}
