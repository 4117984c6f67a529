//! **Liar**: says that its rows depend on one stream each, and does what the settings say to rows of others.

use probes::Change;
use projectionist_sdk::prelude::*;
use serde::Deserialize;

#[derive(Row)]
struct Own {
    #[key]
    stream: String,
    events: u64,
    /// How often the row of the key was there already.
    seen: u64,
}

#[derive(Row)]
struct Shared {
    #[key]
    key: String,
    #[key]
    small: u8,
    events: u64,
}

#[derive(Default, Tables)]
struct Liar {
    own: Table<Own>,
    shared: Table<Shared>,
    #[setting]
    lie: Lie,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Lie {
    /// Writes rows that other streams write.
    #[default]
    Writes,
    /// Streams of one kind write a row each; those of another kind only look whether the row is there.
    Reads,
    /// The same, but those of another kind delete the row, without looking.
    Deletes,
    /// All of it.
    All,
}

#[derive(Deserialize)]
struct Config {
    lie: Lie,
}

impl Projection for Liar {
    type Event = Change<'static>;

    fn open(&mut self, settings: &Settings) -> Result<(), Fault> {
        self.lie = settings.parse::<Config>()?.lie;
        Ok(())
    }

    fn apply(&mut self, event: Change, envelope: &Envelope) -> Result<(), Fault> {
        let stream = envelope.stream();
        let (family, number) = stream.as_str().rsplit_once('-').unwrap_or_default();
        let is_writer = family == "acct";
        let own = self.own.entry(stream);
        own.events += 1;
        let shared = &mut self.shared;
        match (event, &self.lie) {
            (Change::Set { .. }, Lie::Reads | Lie::Deletes) if is_writer => shared.entry((number, 0)).events += 1,
            (Change::Set { .. }, Lie::Reads) => own.seen += u64::from(shared.get((number, 0)).is_some()),
            (Change::Removed { .. }, Lie::Deletes) if !is_writer => shared.delete((number, 0)),
            (Change::Set { key, .. }, Lie::Writes | Lie::All) => shared.entry((key, 0)).events += 1,
            (Change::Removed { key }, Lie::All) => shared.delete((key, 0)),
            (Change::Moved { key, .. }, Lie::All) => own.seen += u64::from(shared.get((key, 0)).is_some()),
            _ => {}
        }
        Ok(())
    }
}

export!(Liar, name = "liar", version = 1, partition = by_stream);
