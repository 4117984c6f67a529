//! **Groups**: a sum for each value of a field, whatever kind its values are; partitioned by that field.

use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Change {
    Set {
        group: Option<Json>,
        #[event(default)]
        amount: i64,
    },
    Removed {
        group: Option<Json>,
    },
    Moved {
        group: Option<Json>,
    },
    Late {
        group: Option<Json>,
    },
}

#[derive(Row)]
struct Group {
    #[key]
    name: String,
    sum: i64,
    events: u64,
    last: u64,
}

#[derive(Default, Tables)]
struct Groups {
    groups: Table<Group>,
}

impl Projection for Groups {
    type Event = Change;

    fn apply(&mut self, event: Change, envelope: &Envelope) -> Result<(), Fault> {
        let (Change::Set { group, .. } | Change::Removed { group } | Change::Moved { group } | Change::Late { group }) =
            &event;
        let name = group.as_ref().map_or("none", Json::as_str);
        if matches!(event, Change::Removed { .. }) {
            self.groups.delete(name);
            return Ok(());
        }
        let row = self.groups.entry(name);
        row.events += 1;
        row.last = envelope.position();
        if let Change::Set { amount, .. } = event {
            row.sum = row.sum.wrapping_add(amount);
        }
        Ok(())
    }
}

export!(Groups, name = "groups", version = 1, envelope = [position], partition = by_field("group"));
