//! **Picky**: stops at an event that is told to stop it, in the way it is told; reads whole payloads, and logs.

use projectionist_sdk::prelude::*;
use serde::Deserialize;

#[derive(Event)]
enum Any<'a> {
    Set {
        key: Text<'a>,
        #[event(json)]
        amount: Option<Amount>,
        #[event(document)]
        payload: &'a str,
    },
    #[event(document)]
    Tick(&'a str),
    #[event(json)]
    Poison(Poison),
    Late {
        #[event(document)]
        payload: String,
    },
}

/// A number, whatever it is written as.
#[derive(Deserialize)]
#[serde(untagged)]
enum Amount {
    Whole(i64),
    Real(f64),
}

#[derive(Deserialize)]
struct Poison {
    how: How,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum How {
    /// A fault of its own rule.
    Fault,
    /// A panic.
    Panic,
    /// An integer that a column does not hold.
    Large,
    /// No fault at all.
    Nothing,
}

#[derive(Row)]
struct Picked {
    #[key]
    key: String,
    #[key]
    even: bool,
    events: u64,
    bytes: u64,
    real: f64,
}

#[derive(Default, Tables)]
struct Picks {
    picked: Table<Picked>,
    #[setting]
    talkative: bool,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    talkative: bool,
}

impl Projection for Picks {
    type Event = Any<'static>;

    fn open(&mut self, settings: &Settings) -> Result<(), Fault> {
        self.talkative = settings.parse::<Config>()?.talkative;
        Ok(())
    }

    fn apply(&mut self, event: Any, envelope: &Envelope) -> Result<(), Fault> {
        let even = envelope.position() % 2 == 0;
        match event {
            Any::Set { key, amount, payload } => {
                let row = self.picked.entry((key, even));
                row.events += 1;
                row.bytes += payload.len() as u64;
                row.real = match amount {
                    Some(Amount::Whole(whole)) => whole as f64,
                    Some(Amount::Real(real)) => real,
                    None => 0.0,
                };
            }
            Any::Tick(payload) => {
                self.picked.entry(("tick", even)).bytes += payload.len() as u64;
                if self.talkative {
                    projectionist_sdk::info(&format!("a tick at {}", envelope.position()));
                }
            }
            Any::Late { payload } => self.picked.delete((payload, even)),
            Any::Poison(Poison { how }) => match how {
                How::Fault => return Err(Fault::new("told to stop").field("how").hint("tell it otherwise")),
                How::Panic => panic!("told to panic"),
                How::Large => self.picked.entry(("large", even)).events = u64::MAX,
                How::Nothing => projectionist_sdk::debug("nothing happens"),
            },
        }
        Ok(())
    }
}

export!(Picks, name = "picky", version = 1, envelope = [position]);
