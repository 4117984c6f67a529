//! **Late arrivals**: a row for each flight that arrived an hour late or more, inserted once and never changed.
//!
//! `FlightArrived` says how late, `FlightScheduled` said who and where: a helper table carries that over. How late is
//! late is a setting: `[projections.late-arrivals.settings]` `minutes_min = 30`.

use projectionist_sdk::prelude::*;
use serde::Deserialize;

#[derive(Event)]
#[expect(clippy::enum_variant_names, reason = "variants are named after the recorded types")]
enum Flight<'a> {
    FlightScheduled { carrier: Text<'a>, origin: Text<'a>, dest: Text<'a>, day: Text<'a> },
    FlightArrived { delay_minutes: i64 },
    FlightDiverted,
    FlightCancelled,
}

/// A late arrival. The position of an event is unlike any other's, so it makes a key where nothing else does, and
/// rows stand in the order in which the flights arrived.
#[derive(Row)]
#[row(index(day, origin))]
struct LateArrival {
    #[key]
    position: u64,
    #[index]
    carrier: String,
    origin: String,
    #[index]
    dest: String,
    day: String,
    delay_minutes: i64,
}

/// What a flight that has not ended was scheduled as.
#[derive(Row)]
struct OpenFlight {
    #[key]
    stream: String,
    carrier: String,
    origin: String,
    dest: String,
    day: String,
}

#[derive(Default, Tables)]
struct LateArrivals {
    // Inserting is nearly free: no row is ever looked up, and the host builds the indexes last.
    late_arrivals: InsertTable<LateArrival>,
    open_flights: Table<OpenFlight>,
    #[setting]
    minutes_min: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default = "an_hour")]
    minutes_min: i64,
}

fn an_hour() -> i64 {
    60
}

impl Projection for LateArrivals {
    type Event = Flight<'static>;

    fn open(&mut self, settings: &Settings) -> Result<(), Fault> {
        self.minutes_min = settings.parse::<Config>()?.minutes_min;
        Ok(())
    }

    fn apply(&mut self, event: Flight, envelope: &Envelope) -> Result<(), Fault> {
        match event {
            Flight::FlightScheduled { carrier, origin, dest, day } => {
                self.open_flights.put(OpenFlight {
                    stream: envelope.stream().into(),
                    carrier: carrier.into(),
                    origin: origin.into(),
                    dest: dest.into(),
                    day: day.into(),
                });
                return Ok(());
            }
            Flight::FlightArrived { delay_minutes } if delay_minutes >= self.minutes_min => {
                let flight = self.open_flights.get(envelope.stream()).ok_or_else(|| {
                    Fault::new(format!("{} arrived but is not scheduled, or has ended", envelope.stream()))
                })?;
                self.late_arrivals.insert(LateArrival {
                    position: envelope.position(),
                    carrier: flight.carrier.clone(),
                    origin: flight.origin.clone(),
                    dest: flight.dest.clone(),
                    day: flight.day.clone(),
                    delay_minutes,
                });
            }
            Flight::FlightArrived { .. } | Flight::FlightDiverted | Flight::FlightCancelled => {}
        }
        self.open_flights.delete(envelope.stream());
        Ok(())
    }
}

export!(
    LateArrivals,
    name = "late-arrivals",
    version = 1,
    description = "Each flight that arrived late",
    envelope = [position, stream],
    streams = "flight-"
);

#[cfg(test)]
mod tests {
    use projectionist_sdk::testing::{Recorded, event, given};
    use serde_json::json;

    use super::*;

    fn scheduled(stream: &str, carrier: &str) -> Recorded {
        event(
            stream,
            "FlightScheduled",
            json!({"carrier": carrier, "origin": "EWR", "dest": "IAH", "day": "2013-01-01", "flight": 7}),
        )
    }

    fn late(position: u64, carrier: &str, delay_minutes: i64) -> LateArrival {
        LateArrival {
            position,
            carrier: carrier.into(),
            origin: "EWR".into(),
            dest: "IAH".into(),
            day: "2013-01-01".into(),
            delay_minutes,
        }
    }

    fn arrivals() -> [Recorded; 5] {
        [
            scheduled("flight-1", "UA"),
            scheduled("flight-2", "DL"),
            event("flight-2", "FlightArrived", json!({"delay_minutes": 60})),
            event("flight-1", "FlightArrived", json!({"delay_minutes": 59})),
            scheduled("flight-3", "B6"),
        ]
    }

    #[test]
    fn an_hour_is_late() {
        given::<LateArrivals>(arrivals()).then([late(3, "DL", 60)]);
    }

    #[test]
    fn flights_that_ended_are_forgotten() {
        let ends = [
            scheduled("flight-4", "UA"),
            event("flight-4", "FlightDiverted", json!({})),
            scheduled("flight-5", "UA"),
            event("flight-5", "FlightCancelled", json!({})),
        ];
        given::<LateArrivals>(arrivals().into_iter().chain(ends)).then_table(
            "open_flights",
            json!([{"stream": "flight-3", "carrier": "B6", "origin": "EWR", "dest": "IAH", "day": "2013-01-01"}]),
        );
    }

    #[test]
    fn how_late_is_late_is_a_setting() {
        given::<LateArrivals>(arrivals())
            .settings(json!({"minutes_min": 59}))
            .then([late(3, "DL", 60), late(4, "UA", 59)]);
    }

    #[test]
    fn a_setting_that_is_misspelt_is_refused() {
        given::<LateArrivals>(arrivals()).settings(json!({"minutes": 30})).then_fault("unknown field `minutes`");
    }
}
