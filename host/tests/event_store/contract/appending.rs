//! Appending: expected versions, retries, what is refused.

use projectionist::event::{Blame, ExpectedVersion, FaultKind, NewEvent, StreamVersion, Timestamp};
use projectionist::event_store::{ID_BYTES_MAX, JSON_DEPTH_MAX, NAME_BYTES_MAX, PAYLOAD_BYTES_MAX};

use super::Make;
use crate::{event, scan, whole, with_id};

pub fn positions_grow_and_stream_versions_have_no_gaps(make: Make) {
    let made = make();
    let store = &*made.store;
    let mut positions = Vec::new();
    for n in 0..10 {
        let stream = format!("s{}", n % 3);
        let recorded = store.append(&stream, ExpectedVersion::Any, &[event("A", "1"), event("B", "2")]).unwrap();
        positions.extend(recorded.iter().map(|recorded| recorded.position.0));
        assert_eq!(recorded[1].stream_version, StreamVersion(2 * (n / 3) + 2));
    }
    assert!(positions[0] > 0 && positions.is_sorted_by(|one, next| one < next), "{positions:?}");
    let seen = scan(store, &whole());
    assert_eq!(seen.iter().map(|event| event.position).collect::<Vec<_>>(), positions);
    assert_eq!((seen[7].stream.as_str(), seen[7].type_name.as_str(), seen[7].stream_version), ("s0", "B", 4));
}

pub fn everything_comes_back_as_it_was_recorded(make: Make) {
    let made = make();
    let store = &*made.store;
    let data = "{ \"a\":\t1.50, \"a\":1e400,\"\\ud800\": \"é\u{1F600}\" }";
    let new = NewEvent {
        kind: "Typ é".into(),
        data: data.into(),
        metadata: Some("{\"by\": null}".into()),
        id: Some("0197A2B1-0000-7000-8000-00000000ABCD".into()),
        time: Some(Timestamp(-17)),
    };
    store.append("stream ü", ExpectedVersion::None, &[new, with_id("not a uuid", "B", "[]")]).unwrap();
    let seen = scan(store, &whole());
    assert_eq!(seen[0].data, data);
    assert_eq!(seen[0].metadata.as_deref(), Some("{\"by\": null}"));
    assert_eq!(seen[0].id, "0197a2b1-0000-7000-8000-00000000abcd");
    assert_eq!((seen[0].time, seen[0].type_name.as_str(), seen[0].stream.as_str()), (-17, "Typ é", "stream ü"));
    assert_eq!((seen[1].id.as_str(), seen[1].metadata.as_deref()), ("not a uuid", None));
    assert!((Timestamp::now().0 - seen[1].time).abs() < 60_000_000);
}

pub fn expected_versions_are_held(make: Make) {
    let made = make();
    let store = &*made.store;
    let one = [event("A", "1")];
    assert!(store.append("s", ExpectedVersion::Exactly(StreamVersion(1)), &one).is_err());
    store.append("s", ExpectedVersion::None, &one).unwrap();
    let fault = store.append("s", ExpectedVersion::None, &one).unwrap_err();
    assert_eq!((fault.kind, fault.retry), (FaultKind::Input, false));
    assert!(fault.message.contains("no events and is at version 1"), "{fault}");
    store.append("s", ExpectedVersion::Exactly(StreamVersion(1)), &one).unwrap();
    let fault = store.append("s", ExpectedVersion::Exactly(StreamVersion(1)), &one).unwrap_err();
    assert!(fault.message.contains("expected at version 1 and is at version 2"), "{fault}");
    assert!(store.append("s", ExpectedVersion::Exactly(StreamVersion(3)), &[]).is_err());
    assert_eq!(store.append("s", ExpectedVersion::Exactly(StreamVersion(2)), &[]).unwrap(), []);
    assert_eq!(scan(store, &whole()).len(), 2);
}

pub fn a_retried_append_is_harmless(make: Make) {
    let made = make();
    let store = &*made.store;
    let events = [with_id("a", "A", "1"), with_id("00000000-0000-0000-0000-00000000000b", "B", "2")];
    let first = store.append("s", ExpectedVersion::None, &events).unwrap();
    // The expected version is that of the first try.
    let again = store.append("s", ExpectedVersion::None, &events).unwrap();
    assert!(again.iter().all(|r| r.already_there) && first.iter().all(|r| !r.already_there));
    assert_eq!(
        first.iter().map(|r| r.position).collect::<Vec<_>>(),
        again.iter().map(|r| r.position).collect::<Vec<_>>()
    );
    // One that is there beside one that is new: the new one is recorded.
    let both = store.append("s", ExpectedVersion::Any, &[events[0].clone(), with_id("c", "C", "3")]).unwrap();
    assert_eq!((both[0].position, both[0].already_there), (first[0].position, true));
    assert!(both[1].position > first[1].position && !both[1].already_there);
    assert_eq!(scan(store, &whole()).len(), 3);
}

pub fn an_id_with_another_event_is_a_fault_and_nothing_is_recorded(make: Make) {
    let made = make();
    let store = &*made.store;
    let there = store.append("s", ExpectedVersion::Any, &[with_id("a", "A", "1")]).unwrap()[0].position;
    let late = NewEvent { time: Some(Timestamp(1)), ..with_id("a", "A", "1") };
    let annotated = NewEvent { metadata: Some("{}".into()), ..with_id("a", "A", "1") };
    for (stream, other) in [
        ("s", with_id("a", "A", "1.0")),
        ("s", with_id("a", "B", "1")),
        ("t", with_id("a", "A", "1")),
        ("s", late),
        ("s", annotated),
    ] {
        let fault = store.append(stream, ExpectedVersion::Any, &[event("N", "0"), other]).unwrap_err();
        assert_eq!((fault.kind, fault.position), (FaultKind::Input, Some(there)), "{fault}");
    }
    assert_eq!(scan(store, &whole()).len(), 1);
    // What was undone leaves no gap in its stream.
    let next = store.append("t", ExpectedVersion::None, &[event("N", "0")]).unwrap();
    assert_eq!(next[0].stream_version, StreamVersion(1));
}

pub fn what_breaks_a_rule_is_refused_before_anything_is_recorded(make: Make) {
    let made = make();
    let store = &*made.store;
    let long = "n".repeat(NAME_BYTES_MAX + 1);
    let metadata = |json: &str| NewEvent { metadata: Some(json.into()), ..event("A", "1") };
    let deep = "[".repeat(JSON_DEPTH_MAX + 1) + &"]".repeat(JSON_DEPTH_MAX + 1);
    let huge = format!("\"{}\"", "x".repeat(PAYLOAD_BYTES_MAX));
    for (stream, bad, reason) in [
        ("", event("A", "1"), "stream is empty"),
        (long.as_str(), event("A", "1"), "stream has 1025 bytes"),
        ("a\0b", event("A", "1"), "NUL"),
        ("s", event("", "1"), "event type is empty"),
        ("s", event(&long, "1"), "event type has 1025 bytes"),
        ("s", event("A", ""), "not JSON"),
        ("s", event("A", "{\"a\":1"), "not JSON"),
        ("s", event("A", "1 2"), "not JSON"),
        ("s", event("A", "01"), "not JSON"),
        ("s", event("A", &deep), "nests deeper"),
        ("s", event("A", &huge), "16777216 are allowed"),
        ("s", metadata("{"), "metadata of a `A` event is not JSON"),
        ("s", metadata("[1]"), "not a JSON object"),
        ("s", with_id("", "A", "1"), "id is empty"),
        ("s", with_id(&"i".repeat(ID_BYTES_MAX + 1), "A", "1"), "id has"),
    ] {
        let fault = store.append(stream, ExpectedVersion::Any, &[event("Good", "1"), bad]).unwrap_err();
        assert_eq!((fault.kind, fault.blame), (FaultKind::Input, Blame::Data));
        assert!(fault.message.contains(reason), "{fault} / {reason}");
    }
    assert_eq!(scan(store, &whole()), []);
}
