//! Adapters against the in-memory store: whatever is done to both, both hold the same events and say the same.

use projectionist::event::{ExpectedVersion, NewEvent, StreamVersion, Timestamp};
use projectionist::event_store::{AppendableStore, BulkEvent, BulkOutcome, EventId};
use proptest::prelude::*;

use crate::{Made, Seen, memory, scan, sparse_memory, sqlite, whole};

#[derive(Clone, Debug)]
enum Step {
    Append(String, ExpectedVersion, Vec<NewEvent>),
    Bulk(Vec<(String, NewEvent)>),
}

/// Few streams, ids and payloads, so that much of it meets something that is there.
fn new_event() -> impl Strategy<Value = NewEvent> {
    let id = prop_oneof![
        (0..6u8).prop_map(|n| format!("id {n}")),
        (0..6u8).prop_map(|n| format!("00000000-0000-0000-0000-00000000000{n}")),
        (0..6u8).prop_map(|n| format!("0000000{n}-0000-0000-0000-0000000000AB")),
        any::<u32>().prop_map(|n| format!("{n}")),
        "\\PC{1,20}",
    ];
    (0..3u8, 0..3u8, any::<bool>(), prop::option::weighted(0.7, id), prop::option::of(0..3i64)).prop_map(
        |(kind, data, metadata, id, time)| NewEvent {
            kind: format!("T{kind}"),
            data: data.to_string(),
            metadata: metadata.then(|| "{\"a\": 1}".into()),
            id,
            time: time.map(Timestamp),
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let stream = || (0..4u8).prop_map(|n| format!("s{n}"));
    let expected = prop_oneof![
        4 => Just(ExpectedVersion::Any),
        1 => Just(ExpectedVersion::None),
        2 => (0..4u64).prop_map(|version| ExpectedVersion::Exactly(StreamVersion(version))),
    ];
    prop_oneof![
        (stream(), expected, prop::collection::vec(new_event(), 0..4)).prop_map(|(s, e, n)| Step::Append(s, e, n)),
        prop::collection::vec((stream(), new_event()), 0..12).prop_map(Step::Bulk),
    ]
}

/// Runs a step and says what came of it, positions apart.
fn run(store: &dyn AppendableStore, step: &Step) -> String {
    match step {
        Step::Append(stream, expected, events) => match store.append(stream, *expected, events) {
            Ok(recorded) => {
                format!("{:?}", recorded.iter().map(|r| (r.stream_version, r.already_there)).collect::<Vec<_>>())
            }
            Err(fault) => fault.message.clone(),
        },
        Step::Bulk(events) => {
            let events: Vec<_> = events.iter().map(bulk_event).collect();
            let outcomes = store.bulk_appender().unwrap().append(&events).unwrap();
            let kind = |outcome: &BulkOutcome| match outcome {
                BulkOutcome::Added(_) => 'a',
                BulkOutcome::AlreadyThere => 't',
                BulkOutcome::Conflict(_) => 'c',
            };
            outcomes.iter().map(kind).collect()
        }
    }
}

fn bulk_event((stream, new): &(String, NewEvent)) -> BulkEvent<'_> {
    BulkEvent {
        stream: stream.into(),
        kind: (&new.kind).into(),
        data: (&new.data).into(),
        metadata: new.metadata.as_ref().map(Into::into),
        id: new.id.as_ref().map_or(EventId::made_up(), |id| EventId::from(std::borrow::Cow::from(id))),
        time: new.time,
    }
}

/// The events without what each store makes up for itself.
fn comparable(made: &Made, steps: &[Step]) -> Vec<Seen> {
    let given = |id: &str| {
        let is_it = |new: &NewEvent| new.id.as_ref().is_some_and(|given| given.eq_ignore_ascii_case(id));
        steps.iter().any(|step| match step {
            Step::Append(_, _, events) => events.iter().any(is_it),
            Step::Bulk(events) => events.iter().any(|(_, new)| is_it(new)),
        })
    };
    let mut seen = scan(&*made.store, &whole());
    for (rank, event) in seen.iter_mut().enumerate() {
        event.position = rank as u64;
        event.time = if event.time < 10 { event.time } else { -1 };
        if !given(&event.id) {
            event.id = "made up".into();
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_to_them_they_hold_the_same(steps in prop::collection::vec(step(), 1..16)) {
        let (reference, others) = (memory(), [sqlite(), sparse_memory()]);
        for step in &steps {
            let said = run(&*reference.store, step);
            for other in &others {
                prop_assert_eq!(&run(&*other.store, step), &said, "{:?}", step);
            }
        }
        for other in &others {
            prop_assert_eq!(comparable(other, &steps), comparable(&reference, &steps));
        }
    }
}
