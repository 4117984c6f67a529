use projectionist_sdk::prelude::*;
use projectionist_sdk::testing::{event, given};

#[derive(Row)]
struct Count { #[key] type_name: String, events: u64 }

#[derive(Default, Tables)]
struct Census { counts: Table<Count> }

impl Projection for Census {
    type Event = AnyEvent<'static>;
    fn apply(&mut self, event: AnyEvent, _: &Envelope) -> Result<(), Fault> {
        self.counts.entry(event.type_name).events += 1;
        Ok(())
    }
}

export!(Census, name = "census", version = 1);

fn main() {
    given::<Census>([event("a", "Opened", ()), event("b", "Opened", ())])
        .then([Count { type_name: "Opened".into(), events: 2 }]);
}
