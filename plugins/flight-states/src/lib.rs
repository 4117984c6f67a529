//! **Flight states**: one row for each stream, the flight as its latest event left it.
//!
//! The simplest shape of a projection. Each row depends on one stream only, and saying so (`partition = by_stream`)
//! lets the host replay the streams in parallel.

use projectionist_sdk::prelude::*;

/// What is read of a flight's events; each flight is a stream. Fields that are not named here never leave the log.
#[derive(Event)]
#[expect(clippy::enum_variant_names, reason = "variants are named after the recorded types")]
enum Flight<'a> {
    // `Text` borrows from the batch: an event that changes nothing costs no allocation.
    FlightScheduled {
        carrier: Text<'a>,
        flight: u32,
        origin: Text<'a>,
        dest: Text<'a>,
        day: Text<'a>,
        departure: Text<'a>,
    },
    FlightDeparted {
        tailnum: Option<Text<'a>>,
        delay_minutes: i64,
    },
    FlightArrived {
        delay_minutes: i64,
        air_time_minutes: u32,
    },
    FlightDiverted,
    FlightCancelled,
}

/// A flight. What is not known yet, or never will be, is `None`: NULL in SQL.
#[derive(Row, Debug, PartialEq)]
#[row(index(day, origin))]
struct FlightState {
    #[key]
    stream: String,
    /// scheduled, departed, arrived, diverted or cancelled.
    state: String,
    carrier: String,
    flight: u32,
    origin: String,
    dest: String,
    /// The day of the schedule, `2013-01-31`.
    day: String,
    /// The scheduled local time, `18:29`.
    departure: String,
    tailnum: Option<String>,
    /// Minutes after the schedule; negative = early.
    departure_delay_minutes: Option<i64>,
    /// Minutes after the schedule; negative = early.
    arrival_delay_minutes: Option<i64>,
    air_time_minutes: Option<u32>,
}

#[derive(Default, Tables)]
struct FlightStates {
    flights: Table<FlightState>,
}

impl Projection for FlightStates {
    type Event = Flight<'static>;

    fn apply(&mut self, event: Flight, envelope: &Envelope) -> Result<(), Fault> {
        let row = self.flights.entry(envelope.stream());
        let state = match event {
            Flight::FlightScheduled { carrier, flight, origin, dest, day, departure } => {
                row.carrier = carrier.into();
                row.flight = flight;
                row.origin = origin.into();
                row.dest = dest.into();
                row.day = day.into();
                row.departure = departure.into();
                "scheduled"
            }
            Flight::FlightDeparted { tailnum, delay_minutes } => {
                row.tailnum = tailnum.map(String::from);
                row.departure_delay_minutes = Some(delay_minutes);
                "departed"
            }
            Flight::FlightArrived { delay_minutes, air_time_minutes } => {
                row.arrival_delay_minutes = Some(delay_minutes);
                row.air_time_minutes = Some(air_time_minutes);
                "arrived"
            }
            Flight::FlightDiverted => "diverted",
            Flight::FlightCancelled => "cancelled",
        };
        row.state = state.into();
        Ok(())
    }
}

export!(
    FlightStates,
    name = "flight-states",
    version = 1,
    description = "The state of each flight",
    streams = "flight-",
    partition = by_stream
);

#[cfg(test)]
mod tests {
    use projectionist_sdk::testing::{Recorded, event, given};
    use serde_json::json;

    use super::*;

    fn scheduled(stream: &str, origin: &str) -> Recorded {
        event(
            stream,
            "FlightScheduled",
            json!({"carrier": "UA", "flight": 15, "origin": origin, "dest": "HNL", "distance_miles": 4963,
                   "departure": "09:00", "arrival": "15:25", "day": "2013-01-01"}),
        )
    }

    fn row(stream: &str, state: &str) -> FlightState {
        FlightState {
            stream: stream.into(),
            state: state.into(),
            carrier: "UA".into(),
            flight: 15,
            origin: "EWR".into(),
            dest: "HNL".into(),
            day: "2013-01-01".into(),
            departure: "09:00".into(),
            tailnum: None,
            departure_delay_minutes: None,
            arrival_delay_minutes: None,
            air_time_minutes: None,
        }
    }

    #[test]
    fn a_flight_departs_and_arrives() {
        given::<FlightStates>([
            scheduled("flight-1", "EWR"),
            event("flight-1", "FlightDeparted", json!({"tailnum": "N76065", "delay_minutes": -5})),
            event("flight-1", "FlightArrived", json!({"delay_minutes": 12, "air_time_minutes": 656})),
        ])
        .then([FlightState {
            tailnum: Some("N76065".into()),
            departure_delay_minutes: Some(-5),
            arrival_delay_minutes: Some(12),
            air_time_minutes: Some(656),
            ..row("flight-1", "arrived")
        }]);
    }

    #[test]
    fn a_flight_without_a_known_aircraft_is_diverted() {
        given::<FlightStates>([
            scheduled("flight-1", "EWR"),
            event("flight-1", "FlightDeparted", json!({"tailnum": null, "delay_minutes": 0})),
            event("flight-1", "FlightDiverted", json!({})),
        ])
        .then([FlightState { departure_delay_minutes: Some(0), ..row("flight-1", "diverted") }]);
    }

    #[test]
    fn flights_do_not_mix() {
        given::<FlightStates>([
            scheduled("flight-1", "EWR"),
            scheduled("flight-2", "JFK"),
            event("flight-1", "FlightCancelled", json!({})),
            // Not a flight: the prefix `flight-` leaves it out.
            event("gate-1", "FlightCancelled", json!({})),
        ])
        .then([row("flight-1", "cancelled"), FlightState { origin: "JFK".into(), ..row("flight-2", "scheduled") }]);
    }
}
