//! Importing works on anything that can be appended to.

use projectionist::import::Options;

use super::{bring, lines, payloads};
use crate::{memory, sparse_memory, sqlite};

#[test]
fn any_store_gets_the_same_events_and_each_once() {
    let expected: Vec<String> = (0..25_000).map(|n| n.to_string()).collect();
    for make in [sqlite, memory, sparse_memory] {
        let made = make();
        let report = bring(&*made.store, lines(0..20_000), Options::default()).unwrap();
        assert_eq!((report.added, report.already_there), (20_000, 0));
        let grown = bring(&*made.store, lines(0..25_000), Options::default()).unwrap();
        assert_eq!((grown.added, grown.already_there), (5_000, 20_000));
        assert_eq!(payloads(&*made.store), expected);
        let head = made.store.reader().unwrap().head().unwrap();
        assert_eq!(grown.last, Some(head));
        let conflict = "{\"stream\":\"s\",\"type\":\"A\",\"data\":1,\"id\":\"x\"}\n{\"stream\":\"s\",\"type\":\"A\",\"data\":2,\"id\":\"x\"}";
        let fault = bring(&*made.store, conflict, Options::default()).unwrap_err();
        assert!(fault.message.starts_with("events.jsonl:2:1: its id `x` is recorded at position "), "{fault}");
    }
}
