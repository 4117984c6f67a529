//! Bad lines that are put aside.

use projectionist::import::{LINE_BYTES_MAX, Options};
use proptest::prelude::*;

use super::{bring, lines, seen};
use crate::store;

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
