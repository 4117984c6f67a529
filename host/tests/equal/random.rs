//! **Random** logs, a fixed number of them in a test, and as many as there is time for in `scripts/fuzz`.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::case::{Case, check_seed};
use crate::probes;
use crate::shrink::shrink;
use crate::support;

/// Logs in the ordinary tests.
const LOGS: u64 = 150;

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
        let next = AtomicU64::new(0);
        let failed = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, |cores| cores.get()) {
                scope.spawn(|| {
                    while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&seed| seed < LOGS) {
                        failed.lock().expect("failures").extend(failure(seed));
                    }
                });
            }
        });
        let failed = failed.into_inner().expect("failures");
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
    fuzz(duration, first);
}

/// Checks seeds from `first` on for so long, on all cores, and tells now and then how many there were.
fn fuzz(duration: Duration, first: u64) {
    probes::all(); // building them takes longer than many logs
    let started = Instant::now();
    let (next, logs, failed) = (AtomicU64::new(first), AtomicU64::new(0), Mutex::new(Vec::new()));
    let is_over = || started.elapsed() >= duration && next.load(Ordering::Relaxed) > first;
    let tell = || {
        let logs = logs.load(Ordering::Relaxed);
        let rate = logs as f64 / started.elapsed().as_secs_f64();
        println!("{logs} logs from seed {first} on, {rate:.1}/s, {} differ", failed.lock().expect("seeds").len());
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |cores| cores.get()) {
            scope.spawn(|| {
                while !is_over() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let failure = failure(seed);
                    logs.fetch_add(1, Ordering::Relaxed);
                    if let Some(failure) = failure {
                        println!("{failure}");
                        failed.lock().expect("seeds").push(seed);
                    }
                }
            });
        }
        let mut told = Instant::now();
        while !is_over() {
            std::thread::sleep(Duration::from_millis(50));
            if told.elapsed() >= Duration::from_secs(10) {
                told = Instant::now();
                tell();
            }
        }
    });
    tell();
    let failed = failed.into_inner().expect("seeds");
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
