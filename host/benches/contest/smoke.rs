//! The **smoke** test: every workload with a tiny log, and the contenders that need nothing but Rust. `cargo test` runs it,
//! so that the benchmark cannot rot.

use std::path::Path;
use std::process::ExitCode;

use super::contender::Contender;
use super::run::Run;
use super::workload::Workload;
use super::{bars, plot, report};

const EVENTS: u64 = 3_000;
/// The month of flights in `sample-events`.
const FLIGHTS: u64 = 80_491;

pub fn run() -> ExitCode {
    // A filter of `cargo test NAME` that names something else.
    let filters = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect::<Vec<_>>();
    if std::env::args().any(|argument| argument == "--list")
        || !filters.is_empty() && !filters.iter().any(|filter| "contest::smoke".contains(filter.as_str()))
    {
        return ExitCode::SUCCESS;
    }
    let contenders: &[Contender] = clap::ValueEnum::value_variants();
    let workloads: &[Workload] = clap::ValueEnum::value_variants();
    let mut run = Run::new(workloads.to_vec(), None);
    run.contenders = contenders.iter().copied().filter(|one| !one.is_foreign()).collect();
    run.sizes = vec![EVENTS];
    (run.runs, run.changes, run.appends, run.crowds) = (1, 2, 3, vec![1, 2]);
    let flights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-events/flights/events.jsonl.gz");
    run.flights = Some((flights, FLIGHTS));
    let results = run.measure();

    assert_eq!(results.differences(), Vec::<String>::new());
    for workload in workloads {
        let found = results.0.iter().filter(|result| result.workload == *workload).collect::<Vec<_>>();
        assert!(!found.is_empty(), "{workload:?} was not measured");
        assert!(found.iter().all(|result| result.seconds() > 0.0 && result.rss_mib() > 1.0), "{found:?}");
        let compared = found.iter().flat_map(|result| &result.runs).filter(|run| run.rows_digest.is_some()).count();
        assert!(compared > 0 || workload.tables().is_empty(), "{workload:?}");
    }
    let csv = results.csv();
    assert!(csv.starts_with("workload,contender,events,threads,seconds,events_per_s,rss_mib\nledger,served,3000,1,"));
    assert_eq!(csv.lines().count(), 1 + results.0.len());
    assert!(bars::table(&results).contains("append to visible row"));
    assert!(plot::svg(&results).contains("rusqlite"));
    let out = tempfile::tempdir().expect("a folder");
    report::save(out.path(), &results, &report::write(&results, &run));
    assert_eq!(std::fs::read_to_string(out.path().join("results.csv")).expect("the results"), csv);
    println!(
        "contest: {} results of {} workloads, the same rows from every contender",
        results.0.len(),
        workloads.len()
    );
    ExitCode::SUCCESS
}
