//! `history status`, `history build`, `history drop`, and what imports do for it.

use std::fs;

use serde_json::Value;

use crate::bench::Bench;

/// Just enough for one segment, and ten more.
const EVENTS: u64 = (1 << 14) + 10;

fn with_events(configuration: &str) -> Bench {
    let bench = Bench::new();
    bench.write("projectionist.toml", configuration);
    let line =
        |n: u64| format!("{{\"stream\":\"a-{}\",\"type\":\"Deposited\",\"data\":{{\"amount\":{n}}}}}\n", n % 100);
    bench.write("events.jsonl", (0..EVENTS).map(line).collect::<String>());
    bench
}

fn status(bench: &Bench) -> Value {
    bench.json(&["history", "status", "--json"])
}

#[test]
fn an_import_brings_history_up_and_status_tells() {
    let bench = with_events("");
    assert_eq!(status(&bench)["unsealed"], 0);
    bench.ok(&["import", "events.jsonl"]);
    let status = status(&bench);
    assert_eq!((&status["head"], &status["through"]), (&EVENTS.into(), &(1 << 14).into()));
    assert_eq!((&status["segments"], &status["events"]), (&1.into(), &(1 << 14).into()));
    assert_eq!((&status["enabled"], &status["unsealed"]), (&true.into(), &0.into()));
    assert_eq!((status["damaged"].as_array().unwrap().len(), status["missing"].as_array().unwrap().len()), (0, 0));
    assert!(status["bytes_per_event"].as_f64().unwrap() > 20.0 && status["store_bytes"].as_u64().unwrap() > 100_000);
    let text = bench.ok(&["history", "status"]);
    assert!(text.starts_with("16,384 events sealed, up to 16384 of 16394\n1 segment, "), "{text}");
    assert!(
        text.ends_with("\nnothing to build; not sealed and read from the event store: the newest 10 events\n"),
        "{text}"
    );
}

#[test]
fn it_is_dropped_and_built_and_mended() {
    let bench = with_events("");
    bench.ok(&["import", "events.jsonl"]);
    let bytes = status(&bench)["bytes"].as_u64().unwrap();
    assert_eq!(bench.json(&["history", "drop", "--json"])["bytes"], bytes);
    let text = bench.ok(&["history", "status"]);
    assert!(
        text.ends_with("\n16,384 events to build: `projectionist history build`, or a running host does it\n"),
        "{text}"
    );
    let built = bench.json(&["history", "build", "--json"]);
    assert_eq!(
        (&built["segments"], &built["events"], &built["through"]),
        (&1.into(), &(1 << 14).into(), &(1 << 14).into())
    );
    assert_eq!(status(&bench)["bytes"], bytes);

    let file = bench.path().join("data/history/000000000000-000000016384.segment");
    let mut damaged = fs::read(&file).unwrap();
    damaged[5_000] ^= 1;
    fs::remove_file(&file).unwrap();
    fs::write(&file, damaged).unwrap();
    let told = status(&bench);
    assert_eq!(told["damaged"][0]["file"], "000000000000-000000016384.segment");
    assert_eq!((&told["through"], &told["unsealed"]), (&0.into(), &(1 << 14).into()));
    assert!(bench.ok(&["history", "status"]).contains("\ndamaged: 000000000000-000000016384.segment: "));
    assert_eq!(bench.json(&["history", "build", "--json"])["segments"], 1);
    assert!(status(&bench)["damaged"].as_array().unwrap().is_empty());
    assert!(bench.ok(&["history", "build"]).starts_with("0 events in 0 segments ("));
}

#[test]
fn turned_off_nothing_is_kept_and_elsewhere_it_is_kept_there() {
    let bench = with_events("[history]\nenabled = false\n");
    bench.ok(&["import", "events.jsonl"]);
    assert!(!bench.path().join("data/history").exists());
    assert!(bench.ok(&["history", "status"]).starts_with("turned off in projectionist.toml"));

    bench.write("projectionist.toml", "[history]\nfolder = \"columns\"\n");
    bench.ok(&["history", "build"]);
    assert!(bench.path().join("columns/000000000000-000000016384.segment").exists());
}

#[test]
fn a_folder_that_cannot_be_made_is_a_warning_for_an_import() {
    let bench = with_events("[history]\nfolder = \"file/history\"\n");
    bench.write("file", "");
    let ran = bench.run(&["import", "events.jsonl"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.starts_with("16,394 events added ("), "{ran:?}");
    assert!(ran.err.contains("the events are imported, but history was not built: "), "{ran:?}");
    assert!(ran.err.contains("projections read from the event store, slower"), "{ran:?}");
    let ran = bench.run(&["history", "build"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
}
