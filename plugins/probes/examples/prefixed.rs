//! **Prefixed**: only streams whose name starts so; each event looks at what the ones before it in its stream left.

use projectionist_sdk::prelude::*;

#[derive(Event)]
enum Change<'a> {
    Set { key: Text<'a>, amount: i64 },
    Tick,
    Late,
}

#[derive(Row)]
struct Step {
    #[key]
    stream: String,
    #[key]
    step: u64,
    key: String,
    sum: i64,
    time: Timestamp,
}

#[derive(Default, Tables)]
struct Steps {
    steps: Table<Step>,
}

/// So many steps of a stream are kept.
const KEPT: u64 = 4;

impl Projection for Steps {
    type Event = Change<'static>;

    fn apply(&mut self, event: Change, envelope: &Envelope) -> Result<(), Fault> {
        let (stream, step) = (envelope.stream(), envelope.stream_version());
        let before = (1..=KEPT).find_map(|back| {
            let row = self.steps.get((stream, step.checked_sub(back)?))?;
            Some((row.key.clone(), row.sum))
        });
        let (mut key, mut sum) = before.unwrap_or_default();
        match event {
            Change::Set { key: now, amount } => (key, sum) = (now.into(), sum.wrapping_add(amount)),
            Change::Tick => {}
            Change::Late => sum = 0,
        }
        self.steps.put(Step { stream: stream.into(), step, key, sum, time: envelope.time() });
        if let Some(old) = step.checked_sub(KEPT) {
            self.steps.delete((stream, old));
        }
        Ok(())
    }
}

export!(
    Steps,
    name = "prefixed",
    version = 1,
    envelope = [stream, stream_version, time],
    streams = "acct-",
    partition = by_stream,
);
