#!/usr/bin/env python3
"""Computes what the projections of this scenario should hold, from the events alone and without Projectionist.

usage: expect.py EVENTS(.jsonl or .jsonl.gz) OUT-FOLDER      (for the month: expect.py events.jsonl.gz expected)

It knows nothing of batches, checkpoints or Wasm: it gathers the events of each flight in a dictionary and counts.
What it writes is described in ../README.md.
"""
import gzip, hashlib, json, os, sys
from collections import Counter

source, out = sys.argv[1:]
lines = gzip.open(source, "rt", encoding="utf-8") if source.endswith(".gz") else open(source, encoding="utf-8")
compact = lambda row: json.dumps(row, ensure_ascii=False, separators=(",", ":"))

flights = {}  # stream -> event type -> (position, payload)
for position, line in enumerate(lines, 1):
    event = json.loads(line)
    events = flights.setdefault(event["stream"], {})
    assert event["type"] not in events, f"{event['stream']} has {event['type']} twice"
    events[event["type"]] = (position, event["data"])


def write(path, rows):
    with open(os.path.join(out, path), "w", encoding="utf-8") as file:
        file.writelines(compact(row) + "\n" for row in rows)


def digest(path, rows):
    text = "".join(compact(row) + "\n" for row in rows)
    with open(os.path.join(out, path), "w", encoding="utf-8") as file:
        json.dump({"rows": len(rows), "sha256": hashlib.sha256(text.encode()).hexdigest()}, file)
        file.write("\n")


# flight-states: one row a flight.
states, late, days = [], [], {}
for stream, events in flights.items():
    data = lambda kind, field: events[kind][1][field] if kind in events else None
    state = next(
        name
        for kind, name in [("FlightArrived", "arrived"), ("FlightDiverted", "diverted"), ("FlightCancelled", "cancelled"),
                           ("FlightDeparted", "departed"), ("FlightScheduled", "scheduled")]
        if kind in events
    )
    schedule = {field: data("FlightScheduled", field) for field in ("carrier", "flight", "origin", "dest", "day", "departure")}
    states.append({
        "stream": stream,
        "state": state,
        **schedule,
        "tailnum": data("FlightDeparted", "tailnum"),
        "departure_delay_minutes": data("FlightDeparted", "delay_minutes"),
        "arrival_delay_minutes": data("FlightArrived", "delay_minutes"),
        "air_time_minutes": data("FlightArrived", "air_time_minutes"),
    })
    if state == "arrived" and data("FlightArrived", "delay_minutes") >= 60:
        late.append({
            "position": events["FlightArrived"][0],
            **{field: schedule[field] for field in ("carrier", "origin", "dest", "day")},
            "delay_minutes": data("FlightArrived", "delay_minutes"),
        })
    days.setdefault((schedule["day"], schedule["origin"]), []).append(states[-1])
states.sort(key=lambda row: row["stream"].encode())
late.sort(key=lambda row: row["position"])

# daily-delays: one row a day and origin.
delays = []
for (day, origin), rows in sorted(days.items()):
    departed = [row["departure_delay_minutes"] for row in rows if row["departure_delay_minutes"] is not None]
    arrived = [row["arrival_delay_minutes"] for row in rows if row["arrival_delay_minutes"] is not None]
    count = Counter(row["state"] for row in rows)
    delays.append({
        "day": day, "origin": origin, "scheduled": len(rows), "departed": len(departed), "arrived": len(arrived),
        "diverted": count["diverted"], "cancelled": count["cancelled"],
        "departure_delay_total": sum(departed), "departure_delay_max": max(departed, default=None),
        "arrival_delay_total": sum(arrived), "arrival_delay_max": max(arrived, default=None),
    })

for name in ("flight-states", "daily-delays", "late-arrivals"):
    os.makedirs(os.path.join(out, name), exist_ok=True)
digest("flight-states/flights.digest.json", states)
by_state = Counter(row["state"] for row in states)
write("flight-states/by_state.jsonl", [{"state": state, "flights": by_state[state]} for state in sorted(by_state)])
write("flight-states/sample.jsonl", [row for row in states if row["carrier"] == "HA" and row["day"].endswith("-09")
                                     or row["stream"].startswith("flight-9E34") and row["state"] in ("cancelled", "diverted")])
write("daily-delays/daily_delays.jsonl", delays)
write("daily-delays/open_flights.jsonl", [])
digest("late-arrivals/late_arrivals.digest.json", late)
write("late-arrivals/open_flights.jsonl", [])
write("late-arrivals/worst.jsonl", sorted(late, key=lambda row: (-row["delay_minutes"], row["position"]))[:20])
by_carrier = Counter(row["carrier"] for row in late)
write("late-arrivals/by_carrier.jsonl", [{"carrier": carrier, "late": by_carrier[carrier]} for carrier in sorted(by_carrier)])

print(f"{sum(len(events) for events in flights.values()):,} events, {len(states):,} flights of"
      f" {len({row['carrier'] for row in states})} carriers, {dict(sorted(by_state.items()))},"
      f" {dict(sorted(Counter(row['origin'] for row in states).items()))}, {len(late):,} an hour late")
