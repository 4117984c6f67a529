use std::cell::Cell;

use projectionist_sdk::prelude::*;
use projectionist_sdk::testing::{event, given};
use serde_json::json;

#[derive(Event)]
enum Tick {
    Ticked,
}

#[derive(Row)]
struct Count {
    #[key]
    name: String,
    count: i64,
}

/// Counts right.
#[derive(Default, Tables)]
struct Honest {
    counts: Table<Count>,
}

impl Projection for Honest {
    type Event = Tick;
    fn apply(&mut self, _: Tick, envelope: &Envelope) -> Result<(), Fault> {
        self.counts.entry(envelope.stream()).count += 1;
        Ok(())
    }
}
export!(Honest, name = "honest", version = 1);

/// Counts in itself and not in its table, which a new instance forgets.
#[derive(Default, Tables)]
struct Forgetful {
    counts: Table<Count>,
    #[setting]
    count: i64,
}

impl Projection for Forgetful {
    type Event = Tick;
    fn apply(&mut self, _: Tick, envelope: &Envelope) -> Result<(), Fault> {
        self.count += 1;
        self.counts.entry(envelope.stream()).count = self.count;
        Ok(())
    }
}
export!(Forgetful, name = "forgetful", version = 1);

/// Reads what it did not ask for.
#[derive(Default, Tables)]
struct Curious {
    counts: Table<Count>,
}

impl Projection for Curious {
    type Event = Tick;
    fn apply(&mut self, _: Tick, envelope: &Envelope) -> Result<(), Fault> {
        self.counts.entry(envelope.stream()).count = envelope.time().0;
        Ok(())
    }
}
export!(Curious, name = "curious", version = 1);

fn ticks() -> [projectionist_sdk::testing::Recorded; 3] {
    ["a", "b", "a"].map(|stream| event(stream, "Ticked", json!({})))
}

/// What the kit says when it fails.
fn failure(test: impl FnOnce() + std::panic::UnwindSafe) -> String {
    thread_local!(static QUIET: Cell<bool> = const { Cell::new(false) });
    let panic = std::panic::catch_unwind(test).expect_err("the kit should have failed");
    panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into())).unwrap()
}

#[test]
fn a_difference_is_shown_by_row() {
    let text = failure(|| {
        given::<Honest>(ticks()).then([Count { name: "a".into(), count: 3 }, Count { name: "c".into(), count: 1 }]);
    });
    assert_eq!(
        text,
        "the rows of `counts` differ (- expected, + found):\n  - name: \"a\", count: 3\n  + name: \"a\", count: 2\n  \
         + name: \"b\", count: 1\n  - name: \"c\", count: 1"
    );
}

#[test]
fn state_outside_of_tables_is_found_out() {
    let text = failure(|| drop(given::<Forgetful>(ticks()).rows("counts")));
    assert!(text.starts_with("what the projection computes depends on where batches and flushes fall"), "{text}");
    assert!(text.contains("a new instance for each"), "{text}");
}

#[test]
fn a_part_that_was_not_asked_for_is_a_fault() {
    given::<Curious>(ticks())
        .then_fault_at(0, "the projection reads `time` from the envelope without having asked for it");
}

#[test]
fn a_fault_that_does_not_come_fails_the_test() {
    let text = failure(|| drop(given::<Honest>(ticks()).then_fault("anything")));
    assert!(text.starts_with("no fault: all 3 events were folded"), "{text}");
}
