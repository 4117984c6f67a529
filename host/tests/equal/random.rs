//! **Random** logs, a fixed number of them in a test, and as many as there is time for in `scripts/fuzz`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::case::{Case, check_seed};
use crate::shrink::shrink;
use crate::support;

/// Logs in the ordinary tests.
const LOGS: u64 = 300;

/// What `scripts/fuzz` asks for.
struct Fuzzing {
    duration: Duration,
    first: u64,
    case: Option<PathBuf>,
}

impl Fuzzing {
    fn asked() -> Option<Fuzzing> {
        let number = |name: &str| {
            let value = std::env::var(name).ok()?;
            Some(value.parse::<u64>().unwrap_or_else(|error| panic!("{name}={value}: {error}")))
        };
        let case = std::env::var_os("PROJECTIONIST_FUZZ_CASE").map(PathBuf::from);
        let duration = number("PROJECTIONIST_FUZZ_SECONDS").map(Duration::from_secs);
        let first = number("PROJECTIONIST_FUZZ_SEED");
        if duration.is_none() && first.is_none() && case.is_none() {
            return None;
        }
        Some(Fuzzing { duration: duration.unwrap_or_default(), first: first.unwrap_or_default(), case })
    }
}

#[test]
fn every_way_comes_to_the_same_rows() {
    let Some(Fuzzing { duration, first, case }) = Fuzzing::asked() else {
        let failed: Vec<_> = (0..LOGS).filter_map(failure).collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
        return;
    };
    if let Some(file) = case {
        let case = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let case: Case = serde_json::from_slice(&case).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        println!("{} events, `{}` with {}: {:#?}", case.events.len(), case.probe, case.settings, case.way);
        if let Err(difference) = case.run() {
            panic!("it differs:\n{difference}");
        }
        return;
    }
    crate::probes::all(); // building them takes longer than many logs
    let (started, mut told) = (Instant::now(), Instant::now());
    let (mut logs, mut failed) = (0, Vec::new());
    loop {
        let seed = first.wrapping_add(logs);
        logs += 1;
        if let Some(failure) = failure(seed) {
            println!("{failure}");
            failed.push(seed);
        }
        let is_over = started.elapsed() >= duration;
        if is_over || told.elapsed() >= Duration::from_secs(10) {
            told = Instant::now();
            let rate = logs as f64 / started.elapsed().as_secs_f64();
            println!("{logs} logs from seed {first} on, {rate:.1}/s, {} differ", failed.len());
        }
        if is_over {
            break;
        }
    }
    assert!(failed.is_empty(), "these seeds differ: {failed:?}");
}

/// Checks one seed; where it differs, how, and the file with the smallest case that does.
fn failure(seed: u64) -> Option<String> {
    let (case, difference) = *check_seed(seed).err()?;
    let (case, difference) = shrink(case, difference);
    let folder = support::workspace().join("target").join("equal");
    std::fs::create_dir_all(&folder).expect("a folder for cases");
    let file = folder.join(format!("{seed}.json"));
    std::fs::write(&file, serde_json::to_string_pretty(&case).expect("a case is JSON")).expect("a file");
    Some(format!(
        "seed {seed} differs: `{}` with {} over {} events\n{difference}  again: scripts/fuzz --case {}\n",
        case.probe,
        case.settings,
        case.events.len(),
        file.display()
    ))
}
