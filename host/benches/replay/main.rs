//! **Question:** how fast is a read model rebuilt from all of history, and how far is that from native code?
//!
//! A seeded ledger (10,000 accounts, two event types, payloads of about 80 bytes) is generated, imported, and folded
//! into balances by each contender, every time in a process of its own, all in one run on one machine. The resulting
//! rows are compared. `scripts/bench --help` says how to run it.

mod contender;
mod ledger;
mod measure;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use contender::Contender;
use measure::{Measured, median};

#[derive(Parser)]
#[command(name = "scripts/bench", about = "Measures imports and rebuilds against a native fold over the same rows")]
struct Arguments {
    /// How many events the ledger has
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// How often each contender runs; the median counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only these, separated by commas
    #[arg(long, value_delimiter = ',')]
    contenders: Vec<Contender>,
    /// The compiled plugin of `plugins/ledger`
    #[arg(long)]
    plugin: PathBuf,
    /// Where to write results.csv
    #[arg(long)]
    out: Option<PathBuf>,
    /// Runs one contender once, in this process (for the benchmark itself)
    #[arg(long, hide = true)]
    once: Option<Contender>,
    /// The prepared folder (for the benchmark itself)
    #[arg(long, hide = true)]
    folder: Option<PathBuf>,
    /// Cargo hands this to benchmarks
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let (Some(contender), Some(folder)) = (arguments.once, &arguments.folder) {
        println!("{}", contender.run(folder, &arguments.plugin).to_json());
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    run(&arguments, folder.path())
}

fn run(arguments: &Arguments, folder: &Path) -> ExitCode {
    println!("machine: {}", measure::machine());
    println!("ledger: {} events, seed {}, {} accounts", arguments.events, ledger::SEED, ledger::ACCOUNTS);
    let mut results = vec![("import", 1, vec![ledger::prepare(folder, arguments.events)])];
    for contender in
        Contender::all().filter(|one| arguments.contenders.is_empty() || arguments.contenders.contains(one))
    {
        for threads in [1, 2] {
            let runs = (0..arguments.runs)
                .map(|_| measure::child(contender, threads, folder, &arguments.plugin))
                .collect::<Vec<_>>();
            results.push((contender.name(), threads, runs));
        }
    }
    let csv = results
        .iter()
        .map(|(name, threads, runs)| Measured::csv(name, *threads, arguments.events, runs))
        .collect::<Vec<_>>();
    println!(
        "\n{:<22} {:>7} {:>9} {:>17} {:>12} {:>8}",
        "contender", "threads", "seconds", "(min to max)", "events/s", "rss MiB"
    );
    for (name, threads, runs) in &results {
        println!("{}", Measured::line(name, *threads, arguments.events, runs));
    }
    if let Some(out) = &arguments.out {
        // Cargo runs benchmarks in the package's folder; people are at the top of the repository.
        let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(out);
        std::fs::create_dir_all(&out).expect("the results' folder");
        let text = format!("workload,contender,events,threads,seconds,events_per_s,rss_mib\n{}\n", csv.join("\n"));
        std::fs::write(out.join("results.csv"), text).expect("results.csv");
    }
    report(&results)
}

/// Ratios within this run, and whether every contender came to the same rows.
fn report(results: &[(&str, usize, Vec<Measured>)]) -> ExitCode {
    let seconds = |name: &str, threads: usize| {
        results.iter().find(|(n, t, _)| *n == name && *t == threads).map(|(_, _, runs)| median(runs))
    };
    println!();
    for (name, threads, _) in results {
        if let (Some(ours), Some(native)) = (seconds(name, *threads), seconds("native", *threads))
            && *name != "native"
        {
            println!("{name}, {threads} threads: {:.2} times the native fold's time", ours / native);
        }
    }
    let mut rows = results.iter().flat_map(|(_, _, runs)| runs).filter_map(|run| run.rows_digest.as_deref());
    let first = rows.next();
    if rows.all(|digest| Some(digest) == first) {
        println!("rows: equal for every contender");
        return ExitCode::SUCCESS;
    }
    eprintln!("error: the contenders came to different rows");
    ExitCode::FAILURE
}
