//! Recording many events of any streams.

use projectionist::event::{ExpectedVersion, Position, StreamVersion, Timestamp};
use projectionist::event_store::{AppendableStore, BulkEvent, BulkOutcome, EventId};

use super::Make;
use crate::{event, scan, whole};

fn bulk_event(stream: &str, id: &str, data: &str) -> BulkEvent<'static> {
    BulkEvent {
        stream: stream.to_owned().into(),
        kind: "A".into(),
        data: data.to_owned().into(),
        metadata: None,
        id: EventId::from(std::borrow::Cow::from(id.to_owned())),
        time: Some(Timestamp(5)),
    }
}

fn added(outcomes: &[BulkOutcome]) -> Vec<Position> {
    outcomes
        .iter()
        .map(|outcome| match outcome {
            BulkOutcome::Added(position) => *position,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn stream_versions(store: &dyn AppendableStore, stream: &str) -> Vec<u64> {
    let seen = scan(store, &whole());
    seen.iter().filter(|event| event.stream == stream).map(|event| event.stream_version).collect()
}

pub fn events_of_any_streams_are_recorded_in_order(make: Make) {
    let made = make();
    let events: Vec<_> =
        (0..200).map(|n| bulk_event(&format!("s{}", n * 7 % 11), &format!("id {n}"), &n.to_string())).collect();
    let mut appender = made.store.bulk_appender().unwrap();
    assert_eq!(appender.append(&[]).unwrap(), []);
    let positions = added(&appender.append(&events).unwrap());
    let seen = scan(&*made.store, &whole());
    assert_eq!(seen.iter().map(|event| Position(event.position)).collect::<Vec<_>>(), positions);
    for (seen, event) in seen.iter().zip(&events) {
        assert_eq!((&*seen.stream, &*seen.data, &seen.id), (&*event.stream, &*event.data, &event.id.to_string()));
        assert_eq!((seen.time, seen.metadata.as_ref()), (5, None));
    }
    for n in 0..11 {
        let versions = stream_versions(&*made.store, &format!("s{n}"));
        assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>());
    }
}

pub fn what_is_there_already_is_not_recorded_again(make: Make) {
    let made = make();
    let mut appender = made.store.bulk_appender().unwrap();
    let events: Vec<_> = (0..50).map(|n| bulk_event("s", &format!("id {n}"), &n.to_string())).collect();
    added(&appender.append(&events[..30]).unwrap());
    let outcomes = appender.append(&events).unwrap();
    assert!(outcomes[..30].iter().all(|outcome| *outcome == BulkOutcome::AlreadyThere));
    added(&outcomes[30..]);
    // Twice in one batch is once too.
    let twice = [bulk_event("s", "x", "1"), bulk_event("t", "y", "1"), bulk_event("s", "x", "1")];
    assert_eq!(appender.append(&twice).unwrap()[2], BulkOutcome::AlreadyThere);
    // Without a time, any will do.
    let timeless = BulkEvent { time: None, ..events[0].clone() };
    assert_eq!(appender.append(&[timeless]).unwrap(), [BulkOutcome::AlreadyThere]);
    assert_eq!(stream_versions(&*made.store, "s"), (1..=51).collect::<Vec<_>>());
    assert_eq!(stream_versions(&*made.store, "t"), [1]);
}

pub fn a_conflict_ends_it_and_what_came_before_is_recorded(make: Make) {
    let made = make();
    let mut appender = made.store.bulk_appender().unwrap();
    let there = added(&appender.append(&[bulk_event("s", "x", "1")]).unwrap())[0];
    for other in [
        bulk_event("t", "x", "1"),
        bulk_event("s", "x", "1.0"),
        BulkEvent { kind: "B".into(), ..bulk_event("s", "x", "1") },
        BulkEvent { metadata: Some("{}".into()), ..bulk_event("s", "x", "1") },
        BulkEvent { time: Some(Timestamp(6)), ..bulk_event("s", "x", "1") },
    ] {
        let before = scan(&*made.store, &whole()).len();
        let id = format!("before {before}");
        let outcomes = appender.append(&[bulk_event("t", &id, "1"), other, bulk_event("t", "never", "1")]).unwrap();
        added(&outcomes[..1]);
        assert_eq!(outcomes[1..], [BulkOutcome::Conflict(there)]);
        assert_eq!(scan(&*made.store, &whole()).len(), before + 1);
    }
    assert_eq!(stream_versions(&*made.store, "t"), [1, 2, 3, 4, 5]);
}

pub fn appends_and_bulk_appends_go_on_from_each_other(make: Make) {
    let made = make();
    let mut one = made.store.bulk_appender().unwrap();
    let mut other = made.store.bulk_appender().unwrap();
    for round in 0..5 {
        added(&one.append(&[bulk_event("s", &format!("one {round}"), "1")]).unwrap());
        let version = StreamVersion(3 * round + 1);
        made.store.append("s", ExpectedVersion::Exactly(version), &[event("B", "2")]).unwrap();
        added(&other.append(&[bulk_event("s", &format!("other {round}"), "3")]).unwrap());
    }
    assert_eq!(stream_versions(&*made.store, "s"), (1..=15).collect::<Vec<_>>());
}
