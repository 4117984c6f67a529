//! **Question:** how fast is a read model rebuilt from all of history, how soon does it show an appended event, and how
//! far is that from other ways to do the same?
//!
//! Seeded events are imported, and each workload is put to each contender, every time in a process of its own, all in
//! one run on one machine. The resulting rows are compared. `scripts/bench --help` says how to run it.

mod workload;
mod contender;
mod transfers;
mod measure;
mod model;
mod ours;
mod latency;
mod native;
mod plugins;
mod tools;
mod peers;
mod run;
mod results;
mod bars;
mod plot;
mod report;
mod smoke;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use contender::{Contender, Job};
use run::Run;
use workload::Workload;

/// Measures rebuilds, latency and imports against other ways to do the same
#[derive(Parser)]
#[command(
    name = "scripts/bench",
    after_help = "Examples:\n  scripts/bench                                    everything, 1,000,000 events\n  \
    scripts/bench ledger --events 1000000,10000000   two sizes of one workload\n  \
    scripts/bench ledger rows --contenders served,native,rusqlite --runs 11\n  \
    scripts/bench change latency --out docs/benchmarks/2026-11-24\n\n\
    What contenders need is installed below target/bench at pinned versions: Python packages from PyPI, Node packages \
    from npm. PostgreSQL (for `eventsourcing` and `emmett`) must be there: apt-get install postgresql."
)]
struct Arguments {
    /// What to measure; everything unless told
    workloads: Vec<Workload>,
    /// How many events the log has; several sizes, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "1000000")]
    events: Vec<u64>,
    /// Only these, separated by commas; without it all that know the workload
    #[arg(long, value_delimiter = ',', hide_possible_values = false)]
    contenders: Vec<Contender>,
    /// How often each contender runs; the median counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// How many changes `change` makes
    #[arg(long, default_value_t = 21)]
    changes: usize,
    /// How many events `latency` appends, at each number of projections
    #[arg(long, default_value_t = 1000)]
    appends: usize,
    /// Where to write results.csv, spread.csv, stages.csv, plot.svg and report.md
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where prepared logs are kept, and taken again by a later run; otherwise they are thrown away
    #[arg(long)]
    data: Option<PathBuf>,
    /// One run of one contender, in this process (for the benchmark itself)
    #[arg(long, hide = true)]
    once: Option<String>,
    /// Serves a project until killed (for the benchmark itself)
    #[arg(long, hide = true)]
    host: Option<PathBuf>,
    /// Cargo hands this to benchmarks
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    // `cargo test` hands on whatever its tests are told; `cargo bench` and this program itself say what they want.
    let is_test = !std::env::args().any(|argument| ["--bench", "--once", "--host", "--help"].contains(&&*argument));
    if is_test {
        return smoke::run();
    }
    let arguments = Arguments::parse();
    if let Some(job) = &arguments.once {
        let job: Job = serde_json::from_str(job).expect("a job");
        println!("{}", job.run().to_json());
        return ExitCode::SUCCESS;
    }
    if let Some(folder) = &arguments.host {
        latency::host(folder);
    }
    let mut run = Run::new(
        match arguments.workloads.is_empty() {
            true => clap::ValueEnum::value_variants().to_vec(),
            false => arguments.workloads,
        },
        arguments.data.map(from_the_top),
    );
    run.sizes = arguments.events;
    run.contenders = arguments.contenders;
    run.runs = arguments.runs;
    run.changes = arguments.changes;
    run.appends = arguments.appends;
    println!("{}", report::machine());
    let results = run.measure();
    let report = report::write(&results, &run);
    println!("\n{report}");
    if let Some(out) = arguments.out.map(from_the_top) {
        report::save(&out, &results, &report);
        println!("written to {}", out.display());
    }
    let differences = results.differences();
    differences.iter().for_each(|difference| eprintln!("error: {difference}"));
    if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Cargo runs benchmarks in the package's folder; people are at the top of the repository.
fn from_the_top(path: PathBuf) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
