//! What readers and followers see.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use projectionist::event::{ExpectedVersion, Fault, NewEvent, Position, Range, Timestamp};
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::event_store::{Source, Wanted};

use crate::{event, scan, store, whole};

fn filled() -> (tempfile::TempDir, SqliteStore) {
    let (folder, store) = store();
    for n in 0..60 {
        let kind = ["A", "B", "C"][n % 3];
        let stream = ["acct-", "acct", "user-"][n % 4 % 3].to_owned() + &(n % 5).to_string();
        let new = NewEvent { metadata: (n % 2 == 0).then(|| format!("{{\"n\":{n}}}")), ..event(kind, &n.to_string()) };
        store.append(&stream, ExpectedVersion::Any, &[new]).unwrap();
    }
    (folder, store)
}

#[test]
fn only_what_is_wanted_is_visited_and_read() {
    let (_folder, store) = filled();
    let all = scan(&store, &whole());
    assert_eq!(all.len(), 60);
    let wanted = Wanted {
        types: Some(vec!["C".into(), "never seen".into(), "A".into()]),
        stream_prefix: Some("acct-".into()),
        ..whole()
    };
    let expected: Vec<_> = all
        .iter()
        .filter(|e| e.type_name != "B" && e.stream.starts_with("acct-"))
        .map(|e| crate::Seen { kind: if e.type_name == "C" { 0 } else { 2 }, ..e.clone() })
        .collect();
    assert!(expected.len() > 5 && expected.len() < 40);
    assert_eq!(scan(&store, &wanted), expected);

    let bare = scan(&store, &Wanted { stream_prefix: Some("user".into()), ..Wanted::default() });
    assert!(!bare.is_empty());
    for seen in bare {
        assert_eq!((seen.stream.as_str(), seen.id.as_str(), seen.data.as_str(), seen.metadata), ("", "", "", None));
        assert_eq!(seen.time, all[seen.position as usize - 1].time);
    }
    assert_eq!(scan(&store, &Wanted { types: Some(vec!["never seen".into()]), ..whole() }), []);
}

#[test]
fn a_scan_can_be_cut_anywhere() {
    let (_folder, store) = filled();
    let all = scan(&store, &whole());
    let mut reader = store.reader().unwrap();
    for size in [1, 2, 7, 59, 60, 61] {
        let (mut seen, mut after) = (Vec::<crate::Seen>::new(), Position(0));
        while after < Position(60) {
            let mut left = size;
            after = reader
                .scan(Range { after, through: Position(60) }, &whole(), &mut |event| {
                    seen.push(event.into());
                    left -= 1;
                    Ok(if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
                })
                .unwrap();
        }
        assert_eq!(seen, all);
    }
    let end = reader.scan(Range { after: Position(60), through: Position(60) }, &whole(), &mut |_| panic!("nothing"));
    assert_eq!(end.unwrap(), Position(60));
    let fault = reader.scan(Range { after: Position(0), through: Position(60) }, &whole(), &mut |event| {
        Err(Fault::input("no more").at(event.position))
    });
    assert_eq!(fault.unwrap_err().position, Some(Position(1)));
    // After a fault the reader is as good as before.
    assert_eq!(reader.head().unwrap(), Position(60));
}

#[test]
fn a_time_is_found_even_when_times_do_not_grow() {
    let (_folder, store) = store();
    let mut reader = store.reader().unwrap();
    assert_eq!(reader.position_at(Timestamp(0)).unwrap(), Position(0));
    for time in [10, 20, 15, 30, 5] {
        let new = NewEvent { time: Some(Timestamp(time)), ..event("A", "1") };
        store.append("s", ExpectedVersion::Any, &[new]).unwrap();
    }
    for (time, position) in [(9, 0), (10, 1), (19, 1), (20, 3), (29, 3), (30, 5), (99, 5)] {
        assert_eq!(reader.position_at(Timestamp(time)).unwrap(), Position(position), "{time}");
    }
}

#[test]
fn a_follower_hears_of_an_append_in_its_process_at_once() {
    let (_folder, store) = store();
    let mut follower = store.follower().unwrap();
    let start = Instant::now();
    assert_eq!(follower.wait(Position(0), Duration::from_millis(30)).unwrap(), Position(0));
    assert!(start.elapsed() >= Duration::from_millis(30));
    let appender = store.clone();
    let waiting = std::thread::spawn(move || follower.wait(Position(0), Duration::from_secs(20)).unwrap());
    appender.append("s", ExpectedVersion::Any, &[event("A", "1")]).unwrap();
    assert_eq!(waiting.join().unwrap(), Position(1));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_reader_beside_a_writer_sees_each_commit_whole() {
    let (_folder, store) = store();
    let writer = store.clone();
    let writing = std::thread::spawn(move || {
        for n in 0..200 {
            writer
                .append("s", ExpectedVersion::Any, &[event("A", &n.to_string()), event("B", &n.to_string())])
                .unwrap();
        }
    });
    let mut reader = store.reader().unwrap();
    let mut head = Position(0);
    while head < Position(400) {
        head = reader.head().unwrap();
        assert_eq!(head.0 % 2, 0);
    }
    writing.join().unwrap();
}
