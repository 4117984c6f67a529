//! **States**: the state of each stream, with a column of each kind; rows come, go and return.

use probes::{Change, Rare};
use projectionist_sdk::prelude::*;

#[derive(Row)]
#[row(index(flag, amount))]
struct State {
    #[key]
    stream: String,
    amount: i64,
    flag: Option<bool>,
    ratio: Option<f64>,
    note: Option<String>,
    raw: Option<Vec<u8>>,
    uid: Option<Uuid>,
    at: Option<Timestamp>,
    extra: Option<Json>,
    tags: Vec<String>,
    #[row(rename = "events_so_far")]
    events: u64,
}

#[derive(Default, Tables)]
struct States {
    states: Table<State>,
}

impl Projection for States {
    type Event = Change<'static>;

    fn apply(&mut self, event: Change, envelope: &Envelope) -> Result<(), Fault> {
        if matches!(event, Change::Removed { .. }) {
            self.states.delete(envelope.stream());
            return Ok(());
        }
        let row = self.states.entry(envelope.stream());
        row.events += 1;
        match event {
            Change::Set { amount, count, ratio, flag, note, raw, uid, at, extra, tags, .. } => {
                row.amount = row.amount.wrapping_add(amount).wrapping_mul(i64::from(count));
                (row.flag, row.ratio, row.uid, row.at) = (flag, ratio, uid, at.or(row.at));
                row.note = note.map(str::to_owned);
                (row.raw, row.extra) = (raw, extra);
                row.tags = tags.unwrap_or_default();
            }
            Change::Rare(Rare { key, extra }) => {
                (row.note, row.extra) = (Some(key), extra);
            }
            Change::Moved { key, to } => row.tags = vec![key.into(), to.into()],
            Change::Removed { .. } | Change::Tick => {}
        }
        Ok(())
    }
}

export!(States, name = "states", version = 1, partition = by_stream);
