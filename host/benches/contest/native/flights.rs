//! The flights by hand: the three read models of `plugins/{flight-states,daily-delays,late-arrivals}` in one pass.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

use super::{Event, Fold, by_name};
use crate::model::Model;
use crate::workload::Table;

const LATE_MINUTES_MIN: i64 = 60;
const STATES: [&str; 5] = ["scheduled", "departed", "arrived", "diverted", "cancelled"];

pub const TABLES: [Table; 3] = [
    Table {
        projection: "flight-states",
        name: "flights",
        create: r#"CREATE TABLE "flights" ("stream" TEXT NOT NULL, "state" TEXT NOT NULL, "carrier" TEXT NOT NULL,
            "flight" INTEGER NOT NULL, "origin" TEXT NOT NULL, "dest" TEXT NOT NULL, "day" TEXT NOT NULL,
            "departure" TEXT NOT NULL, "tailnum" TEXT, "departure_delay_minutes" INTEGER,
            "arrival_delay_minutes" INTEGER, "air_time_minutes" INTEGER, PRIMARY KEY ("stream")) STRICT, WITHOUT ROWID"#,
        key: "stream",
    },
    Table {
        projection: "daily-delays",
        name: "daily_delays",
        create: r#"CREATE TABLE "daily_delays" ("day" TEXT NOT NULL, "origin" TEXT NOT NULL,
            "scheduled" INTEGER NOT NULL, "departed" INTEGER NOT NULL, "arrived" INTEGER NOT NULL,
            "diverted" INTEGER NOT NULL, "cancelled" INTEGER NOT NULL, "departure_delay_total" INTEGER NOT NULL,
            "departure_delay_max" INTEGER, "arrival_delay_total" INTEGER NOT NULL, "arrival_delay_max" INTEGER,
            PRIMARY KEY ("day", "origin")) STRICT, WITHOUT ROWID"#,
        key: "day, origin",
    },
    Table {
        projection: "late-arrivals",
        name: "late_arrivals",
        create: r#"CREATE TABLE "late_arrivals" ("position" INTEGER PRIMARY KEY NOT NULL, "carrier" TEXT NOT NULL,
            "origin" TEXT NOT NULL, "dest" TEXT NOT NULL, "day" TEXT NOT NULL, "delay_minutes" INTEGER NOT NULL)
            STRICT"#,
        key: "position",
    },
];

const INDEXES: &str = "
    CREATE INDEX flights_by_day_origin ON flights (day, origin);
    CREATE INDEX late_arrivals_by_day_origin ON late_arrivals (day, origin);
    CREATE INDEX late_arrivals_by_carrier ON late_arrivals (carrier);
    CREATE INDEX late_arrivals_by_dest ON late_arrivals (dest)";

#[derive(Default)]
pub struct Flights {
    /// By stream.
    flights: Vec<Option<Flight>>,
    /// By day and origin.
    days: HashMap<(String, String), Day, foldhash::fast::RandomState>,
    /// Position, stream and delay.
    late: Vec<(i64, usize, i64)>,
}

struct Flight {
    state: usize,
    carrier: String,
    flight: u32,
    origin: String,
    dest: String,
    day: String,
    departure: String,
    tailnum: Option<String>,
    departure_delay: Option<i64>,
    arrival_delay: Option<i64>,
    air_time: Option<u32>,
}

/// Counts by state, and delays in minutes.
#[derive(Default)]
struct Day {
    counts: [i64; 5],
    departure_total: i64,
    departure_max: Option<i64>,
    arrival_total: i64,
    arrival_max: Option<i64>,
}

#[derive(Deserialize)]
struct Scheduled<'a> {
    carrier: Cow<'a, str>,
    flight: u32,
    origin: Cow<'a, str>,
    dest: Cow<'a, str>,
    day: Cow<'a, str>,
    departure: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Departed<'a> {
    tailnum: Option<Cow<'a, str>>,
    delay_minutes: i64,
}

#[derive(Deserialize)]
struct Arrived {
    delay_minutes: i64,
    air_time_minutes: u32,
}

fn parse<'a, T: Deserialize<'a>>(event: &Event<'a>) -> T {
    serde_json::from_str(event.data).expect("a flight's event")
}

impl Fold for Flights {
    const TYPES: &[&str] = &["FlightScheduled", "FlightDeparted", "FlightArrived", "FlightDiverted", "FlightCancelled"];
    const BY_STREAM: bool = true;

    fn apply(&mut self, kind: usize, event: &Event<'_>) {
        if self.flights.len() <= event.stream {
            self.flights.resize_with(event.stream + 1, || None);
        }
        let slot = &mut self.flights[event.stream];
        if kind == 0 {
            let scheduled: Scheduled = parse(event);
            let (day, origin) = (scheduled.day.into_owned(), scheduled.origin.into_owned());
            self.days.entry((day.clone(), origin.clone())).or_default().counts[0] += 1;
            *slot = Some(Flight {
                state: 0,
                carrier: scheduled.carrier.into_owned(),
                flight: scheduled.flight,
                origin,
                dest: scheduled.dest.into_owned(),
                day,
                departure: scheduled.departure.into_owned(),
                tailnum: None,
                departure_delay: None,
                arrival_delay: None,
                air_time: None,
            });
            return;
        }
        let flight = slot.as_mut().expect("a flight is scheduled first");
        flight.state = kind;
        // The key is put together by moving, since a map of pairs cannot be asked with borrowed halves.
        let key = (std::mem::take(&mut flight.day), std::mem::take(&mut flight.origin));
        let day = self.days.get_mut(&key).expect("counted when it was scheduled");
        (flight.day, flight.origin) = key;
        day.counts[kind] += 1;
        match kind {
            1 => {
                let departed: Departed = parse(event);
                flight.tailnum = departed.tailnum.map(Cow::into_owned);
                flight.departure_delay = Some(departed.delay_minutes);
                day.departure_total += departed.delay_minutes;
                day.departure_max = day.departure_max.max(flight.departure_delay);
            }
            2 => {
                let arrived: Arrived = parse(event);
                flight.arrival_delay = Some(arrived.delay_minutes);
                flight.air_time = Some(arrived.air_time_minutes);
                day.arrival_total += arrived.delay_minutes;
                day.arrival_max = day.arrival_max.max(flight.arrival_delay);
                if arrived.delay_minutes >= LATE_MINUTES_MIN {
                    self.late.push((event.position, event.stream, arrived.delay_minutes));
                }
            }
            _ => {}
        }
    }

    fn merge(&mut self, other: Self) {
        if self.flights.len() < other.flights.len() {
            self.flights.resize_with(other.flights.len(), || None);
        }
        for (mine, other) in self.flights.iter_mut().zip(other.flights) {
            *mine = mine.take().or(other);
        }
        for (key, other) in other.days {
            let day = self.days.entry(key).or_default();
            (0..5).for_each(|state| day.counts[state] += other.counts[state]);
            day.departure_total += other.departure_total;
            day.departure_max = day.departure_max.max(other.departure_max);
            day.arrival_total += other.arrival_total;
            day.arrival_max = day.arrival_max.max(other.arrival_max);
        }
        self.late.extend(other.late);
    }

    fn write(mut self, streams: &[String], model: &Model) {
        self.late.sort_unstable();
        let mut insert = model.insert(&TABLES[2]);
        for (position, stream, delay) in self.late {
            let flight = self.flights[stream].as_ref().expect("it has arrived");
            let Flight { carrier, origin, dest, day, .. } = flight;
            insert.execute((position, carrier, origin, dest, day, delay)).expect("a row");
        }
        let mut insert = model.insert(&TABLES[1]);
        let mut days = self.days.into_iter().collect::<Vec<_>>();
        days.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for ((date, origin), day) in days {
            let [scheduled, departed, arrived, diverted, cancelled] = day.counts;
            let delays = (day.departure_total, day.departure_max, day.arrival_total, day.arrival_max);
            let row = (date, origin, scheduled, departed, arrived, diverted, cancelled);
            insert
                .execute((row.0, row.1, row.2, row.3, row.4, row.5, row.6, delays.0, delays.1, delays.2, delays.3))
                .expect("a row");
        }
        let mut insert = model.insert(&TABLES[0]);
        for (stream, flight) in by_name(self.flights, streams, Option::is_some) {
            let flight = flight.expect("filtered");
            insert
                .execute((
                    stream,
                    STATES[flight.state],
                    flight.carrier,
                    flight.flight,
                    flight.origin,
                    flight.dest,
                    flight.day,
                    flight.departure,
                    flight.tailnum,
                    flight.departure_delay,
                    flight.arrival_delay,
                    flight.air_time,
                ))
                .expect("a row");
        }
        model.execute(INDEXES);
    }
}
