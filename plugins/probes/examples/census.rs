//! **Census**: how many events there are of each type, and the last of each.

use projectionist_sdk::prelude::*;

#[derive(Row)]
struct Kind {
    #[key]
    type_name: String,
    events: u64,
    bytes: u64,
    last: Json,
}

#[derive(Default, Tables)]
struct Census {
    kinds: Table<Kind>,
}

impl Projection for Census {
    type Event = AnyEvent<'static>;

    fn apply(&mut self, event: AnyEvent<'_>, _: &Envelope) -> Result<(), Fault> {
        let row = self.kinds.entry(event.type_name);
        row.events += 1;
        row.bytes += event.document.len() as u64;
        row.last = event.json();
        Ok(())
    }
}

export!(Census, name = "census", version = 2);
