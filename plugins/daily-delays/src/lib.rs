//! **Daily delays**: one row for each day and origin, summed over the flights of that day.
//!
//! Only `FlightScheduled` says where a flight starts, so a departure has to be told which row it belongs to. A
//! projection can read nothing but its own tables; what a later event needs, an earlier one leaves there:
//! `open_flights` holds each flight from its schedule until its last event.

use projectionist_sdk::prelude::*;

#[derive(Event)]
#[expect(clippy::enum_variant_names, reason = "variants are named after the recorded types")]
enum Flight<'a> {
    FlightScheduled { origin: Text<'a>, day: Text<'a> },
    FlightDeparted { delay_minutes: i64 },
    FlightArrived { delay_minutes: i64 },
    FlightDiverted,
    FlightCancelled,
}

/// The flights that were to leave one airport on one day. Delays are in minutes, and negative when early.
#[derive(Row)]
struct DailyDelay {
    // Two `#[key]` fields make a composite key, in this order.
    #[key]
    day: String,
    #[key]
    origin: String,
    scheduled: u32,
    departed: u32,
    arrived: u32,
    diverted: u32,
    cancelled: u32,
    departure_delay_total: i64,
    /// None until a flight has departed: 0 would say that one left on time.
    departure_delay_max: Option<i64>,
    arrival_delay_total: i64,
    arrival_delay_max: Option<i64>,
}

/// Where a flight that has not ended belongs.
#[derive(Row)]
struct OpenFlight {
    #[key]
    stream: String,
    day: String,
    origin: String,
}

#[derive(Default, Tables)]
struct DailyDelays {
    daily_delays: Table<DailyDelay>,
    open_flights: Table<OpenFlight>,
}

impl Projection for DailyDelays {
    type Event = Flight<'static>;

    fn apply(&mut self, event: Flight, envelope: &Envelope) -> Result<(), Fault> {
        if let Flight::FlightScheduled { origin, day } = event {
            self.daily_delays.entry((day, origin)).scheduled += 1;
            self.open_flights.put(OpenFlight {
                stream: envelope.stream().into(),
                day: day.into(),
                origin: origin.into(),
            });
            return Ok(());
        }

        let flight = self.open_flights.get(envelope.stream()).ok_or_else(|| {
            // Better to stop than to count a flight nowhere.
            Fault::new(format!("{} is not scheduled, or has ended", envelope.stream()))
                .hint("start the log at the flight's FlightScheduled")
        })?;
        let row = self.daily_delays.entry((&flight.day, &flight.origin));
        match event {
            Flight::FlightDeparted { delay_minutes } => {
                row.departed += 1;
                row.departure_delay_total += delay_minutes;
                row.departure_delay_max = row.departure_delay_max.max(Some(delay_minutes));
                return Ok(());
            }
            Flight::FlightArrived { delay_minutes } => {
                row.arrived += 1;
                row.arrival_delay_total += delay_minutes;
                row.arrival_delay_max = row.arrival_delay_max.max(Some(delay_minutes));
            }
            Flight::FlightDiverted => row.diverted += 1,
            Flight::FlightCancelled => row.cancelled += 1,
            Flight::FlightScheduled { .. } => unreachable!("returned above"),
        }
        // Nothing follows an arrival, a diversion or a cancellation; so the table stays as small as a day's schedule.
        self.open_flights.delete(envelope.stream());
        Ok(())
    }
}

export!(
    DailyDelays,
    name = "daily-delays",
    version = 1,
    description = "Flights and their delays, for each day and origin",
    streams = "flight-"
);

#[cfg(test)]
mod tests {
    use projectionist_sdk::testing::{Recorded, event, given};
    use serde_json::json;

    use super::*;

    fn scheduled(stream: &str, day: &str, origin: &str) -> Recorded {
        event(stream, "FlightScheduled", json!({"day": day, "origin": origin, "carrier": "UA"}))
    }

    #[test]
    fn a_day_adds_up_its_flights() {
        given::<DailyDelays>([
            scheduled("flight-1", "2013-01-01", "EWR"),
            scheduled("flight-2", "2013-01-01", "EWR"),
            scheduled("flight-3", "2013-01-01", "JFK"),
            event("flight-1", "FlightDeparted", json!({"delay_minutes": 10})),
            event("flight-2", "FlightDeparted", json!({"delay_minutes": -4})),
            event("flight-1", "FlightArrived", json!({"delay_minutes": -3})),
            event("flight-2", "FlightDiverted", json!({})),
            event("flight-3", "FlightCancelled", json!({})),
        ])
        .then([
            DailyDelay {
                day: "2013-01-01".into(),
                origin: "EWR".into(),
                scheduled: 2,
                departed: 2,
                arrived: 1,
                diverted: 1,
                cancelled: 0,
                departure_delay_total: 6,
                departure_delay_max: Some(10),
                arrival_delay_total: -3,
                arrival_delay_max: Some(-3),
            },
            DailyDelay {
                day: "2013-01-01".into(),
                origin: "JFK".into(),
                scheduled: 1,
                departed: 0,
                arrived: 0,
                diverted: 0,
                cancelled: 1,
                departure_delay_total: 0,
                departure_delay_max: None,
                arrival_delay_total: 0,
                arrival_delay_max: None,
            },
        ])
        .then_table("open_flights", json!([]));
    }

    #[test]
    fn a_flight_belongs_to_the_day_of_its_schedule_and_stays_open_until_it_ends() {
        given::<DailyDelays>([
            scheduled("flight-1", "2013-01-01", "EWR"),
            scheduled("flight-2", "2013-01-02", "EWR"),
            event("flight-1", "FlightDeparted", json!({"delay_minutes": 900})),
        ])
        .then([
            OpenFlight { stream: "flight-1".into(), day: "2013-01-01".into(), origin: "EWR".into() },
            OpenFlight { stream: "flight-2".into(), day: "2013-01-02".into(), origin: "EWR".into() },
        ]);
    }

    #[test]
    fn a_departure_out_of_nowhere_stops_the_projection() {
        given::<DailyDelays>([
            scheduled("flight-1", "2013-01-01", "EWR"),
            event("flight-9", "FlightDeparted", json!({"delay_minutes": 1})),
        ])
        .then_fault_at(1, "flight-9 is not scheduled");
    }
}
