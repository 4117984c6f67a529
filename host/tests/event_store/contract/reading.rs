//! What readers see.

use std::collections::HashMap;
use std::ops::ControlFlow;

use projectionist::event::{ExpectedVersion, Fault, NewEvent, Position, Range, Timestamp};
use projectionist::event_store::{Reader, Wanted};

use super::Make;
use crate::{Made, Seen, event, scan, whole, with_id};

const GO_ON: ControlFlow<()> = ControlFlow::Continue(());

/// Sixty events of three types and fifteen streams.
fn filled(make: Make) -> Made {
    let made = make();
    for n in 0..60 {
        let kind = ["A", "B", "C"][n % 3];
        let stream = ["acct-", "acct", "user-"][n % 4 % 3].to_owned() + &(n % 5).to_string();
        let new = NewEvent { metadata: (n % 2 == 0).then(|| format!("{{\"n\":{n}}}")), ..event(kind, &n.to_string()) };
        made.store.append(&stream, ExpectedVersion::Any, &[new]).unwrap();
    }
    made
}

fn positions(reader: &mut dyn Reader, range: Range) -> Vec<u64> {
    let mut seen = Vec::new();
    reader
        .scan(range, &Wanted::default(), &mut |event| {
            seen.push(event.position.0);
            Ok(GO_ON)
        })
        .unwrap();
    seen
}

pub fn an_empty_log_can_be_read(make: Make) {
    let made = make();
    let mut reader = made.store.reader().unwrap();
    assert_eq!(reader.head().unwrap(), Position::START);
    assert_eq!(reader.event_id(Position(1)).unwrap(), None);
    assert_eq!(reader.position_at(Timestamp::now()).unwrap(), Position::START);
    let range = Range { after: Position::START, through: Position::START };
    assert_eq!(reader.scan(range, &whole(), &mut |_| panic!("nothing is there")).unwrap(), Position::START);
}

pub fn only_what_is_wanted_is_visited_and_read(make: Make) {
    let made = filled(make);
    let store = &*made.store;
    let all = scan(store, &whole());
    assert_eq!(all.len(), 60);
    let wanted = Wanted {
        types: Some(vec!["C".into(), "never seen".into(), "A".into()]),
        stream_prefix: Some("acct-".into()),
        ..whole()
    };
    let expected: Vec<_> = all
        .iter()
        .filter(|e| e.type_name != "B" && e.stream.starts_with("acct-"))
        .map(|e| Seen { kind: if e.type_name == "C" { 0 } else { 2 }, ..e.clone() })
        .collect();
    assert!(expected.len() > 5 && expected.len() < 40);
    assert_eq!(scan(store, &wanted), expected);

    let bare = scan(store, &Wanted { stream_prefix: Some("user".into()), ..Wanted::default() });
    assert!(!bare.is_empty());
    for seen in bare {
        assert_eq!((seen.stream.as_str(), seen.id.as_str(), seen.data.as_str(), seen.metadata), ("", "", "", None));
        assert_eq!(seen.time, all.iter().find(|whole| whole.position == seen.position).unwrap().time);
    }
    assert_eq!(scan(store, &Wanted { types: Some(vec!["never seen".into()]), ..whole() }), []);
}

pub fn a_scan_can_be_cut_anywhere(make: Make) {
    let made = filled(make);
    let all = scan(&*made.store, &whole());
    let mut reader = made.store.reader().unwrap();
    let through = reader.head().unwrap();
    for size in [1, 2, 7, 59, 60, 61] {
        let (mut seen, mut after) = (Vec::<Seen>::new(), Position::START);
        while after < through {
            let mut left = size;
            after = reader
                .scan(Range { after, through }, &whole(), &mut |event| {
                    seen.push(event.into());
                    left -= 1;
                    Ok(if left == 0 { ControlFlow::Break(()) } else { GO_ON })
                })
                .unwrap();
        }
        assert_eq!(seen, all);
    }
}

pub fn a_range_leaves_out_its_beginning_and_has_its_end(make: Make) {
    let made = filled(make);
    let all: Vec<u64> = scan(&*made.store, &whole()).iter().map(|event| event.position).collect();
    let mut reader = made.store.reader().unwrap();
    let mut within = |after: u64, through: u64| {
        positions(&mut *reader, Range { after: Position(after), through: Position(through) })
    };
    assert_eq!(within(all[3], all[7]), all[4..=7]);
    assert_eq!(within(all[3] - 1, all[7] - 1), all[3..7]);
    assert_eq!(within(all[3] + 1, all[7] + 1).last(), Some(&all[7]).filter(|_| all[8] > all[7] + 1).or(Some(&all[8])));
    assert_eq!(within(all[7], all[7]), [0; 0]);
    assert_eq!(within(0, all[0] - 1), [0; 0], "nothing stands before the first");
    assert_eq!(within(all[59], u64::MAX), [0; 0], "nor behind the last");
    assert_eq!(within(0, u64::MAX), all);
    // What a scan comes to the end of is covered, whether an event stands there or not.
    let range = Range { after: Position(all[59]), through: Position(all[59] + 1_000) };
    assert_eq!(reader.scan(range, &whole(), &mut |_| Ok(GO_ON)).unwrap(), range.through);
}

pub fn a_fault_of_the_visitor_ends_the_scan(make: Make) {
    let made = filled(make);
    let mut reader = made.store.reader().unwrap();
    let through = reader.head().unwrap();
    let fault = reader.scan(Range { after: Position::START, through }, &whole(), &mut |event| {
        Err(Fault::input("no more").at(event.position))
    });
    let first = scan(&*made.store, &whole())[0].position;
    assert_eq!(fault.unwrap_err().position, Some(Position(first)));
    // After a fault the reader is as good as before.
    assert_eq!(reader.head().unwrap(), through);
}

pub fn numbers_are_equal_for_equal_names(make: Make) {
    let made = filled(make);
    let range = Range { after: Position::START, through: made.store.reader().unwrap().head().unwrap() };
    let (mut streams, mut types) = (HashMap::new(), HashMap::new());
    for wanted in [whole(), Wanted { types: Some(vec!["C".into(), "A".into(), "B".into()]), ..whole() }] {
        // Each time another reader.
        let mut reader = made.store.reader().unwrap();
        reader
            .scan(range, &wanted, &mut |event| {
                let stream = streams.entry(event.stream).or_insert_with(|| event.stream_name.to_owned());
                assert_eq!(stream, event.stream_name);
                let kind = types.entry(event.type_number).or_insert_with(|| event.type_name.to_owned());
                assert_eq!(kind, event.type_name);
                Ok(GO_ON)
            })
            .unwrap();
    }
    let distinct = |names: Vec<&String>| names.into_iter().collect::<std::collections::HashSet<_>>().len();
    assert_eq!(streams.len(), distinct(streams.values().collect()));
    assert_eq!((types.len(), distinct(types.values().collect())), (3, 3));
}

pub fn an_event_is_known_by_its_id(make: Make) {
    let made = make();
    let uuid = "0197a2b1-0000-7000-8000-00000000abcd";
    let events = [with_id("first", "A", "1"), with_id(uuid, "A", "2")];
    let recorded = made.store.append("s", ExpectedVersion::Any, &events).unwrap();
    let mut reader = made.store.reader().unwrap();
    assert_eq!(reader.event_id(recorded[0].position).unwrap().as_deref(), Some("first"));
    assert_eq!(reader.event_id(recorded[1].position).unwrap().as_deref(), Some(uuid));
    for nowhere in [Position::START, Position(recorded[1].position.0 + 1), Position(u64::MAX)] {
        assert_eq!(reader.event_id(nowhere).unwrap(), None, "{nowhere}");
    }
}

pub fn a_time_is_found_even_when_times_do_not_grow(make: Make) {
    let made = make();
    let mut positions = vec![Position::START];
    for time in [10, 20, 15, 30, 5] {
        let new = NewEvent { time: Some(Timestamp(time)), ..event("A", "1") };
        positions.push(made.store.append("s", ExpectedVersion::Any, &[new]).unwrap()[0].position);
    }
    let mut reader = made.store.reader().unwrap();
    for (time, index) in [(9, 0), (10, 1), (19, 1), (20, 3), (29, 3), (30, 5), (99, 5)] {
        assert_eq!(reader.position_at(Timestamp(time)).unwrap(), positions[index], "{time}");
    }
}

pub fn a_reader_beside_a_writer_sees_each_commit_whole(make: Make) {
    let made = make();
    let writer = made.store.clone();
    let writing = std::thread::spawn(move || {
        for n in 0..200 {
            let pair = [event("A", &n.to_string()), event("B", &n.to_string())];
            writer.append("s", ExpectedVersion::Any, &pair).unwrap();
        }
    });
    let mut reader = made.store.reader().unwrap();
    let mut seen = 0;
    while seen < 400 {
        let range = Range { after: Position::START, through: reader.head().unwrap() };
        seen = positions(&mut *reader, range).len();
        assert_eq!(seen % 2, 0);
    }
    writing.join().unwrap();
}
