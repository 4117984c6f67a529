//! A **run** measures workloads: prepares each log once, then lets the contenders take turns, so that what else the
//! machine does meets all of them alike.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::contender::{Contender, Job};
use super::measure::Measured;
use super::peers::{Peers, measured, pinned};
use super::plugins;
use super::results::{Result, Results, grouped, seconds};
use super::tools::done;
use super::workload::Workload;

/// The events of `scripts/flights-year`.
const FLIGHTS_YEAR: u64 = 1_002_073;

pub struct Run {
    pub workloads: Vec<Workload>,
    /// Events in the transfers' log, one or more sizes.
    pub sizes: Vec<u64>,
    /// Only these; all when empty.
    pub contenders: Vec<Contender>,
    pub runs: usize,
    pub changes: usize,
    pub appends: usize,
    /// How many projections live beside each other, for `latency`.
    pub crowds: Vec<usize>,
    /// A file of flights and how many there are; the whole year unless told.
    pub flights: Option<(PathBuf, u64)>,
    pub peers: Peers,
    data: PathBuf,
    _thrown_away: Option<TempDir>,
}

impl Run {
    /// Logs are kept in `data`; without it, in a folder that goes with the run.
    pub fn new(workloads: Vec<Workload>, data: Option<PathBuf>) -> Run {
        let cache = plugins::target().join("bench");
        fs::create_dir_all(&cache).expect("the cache");
        let thrown_away = data.is_none().then(|| tempfile::tempdir_in(&cache).expect("a folder"));
        let data = data.unwrap_or_else(|| thrown_away.as_ref().expect("one of them").path().to_owned());
        Run {
            workloads,
            sizes: vec![1_000_000],
            contenders: Vec::new(),
            runs: 5,
            changes: 21,
            appends: 1000,
            crowds: vec![1, 10, 50],
            flights: None,
            peers: Peers::new(&cache),
            data,
            _thrown_away: thrown_away,
        }
    }

    pub fn measure(&mut self) -> Results {
        plugins::build(&self.workloads);
        let mut results = Results::default();
        for size in self.sizes.clone() {
            for workload in self.workloads.clone() {
                if !matches!(workload, Workload::Flights | Workload::Latency) {
                    self.put(workload, size, &mut results);
                }
            }
        }
        for workload in [Workload::Flights, Workload::Latency] {
            if self.workloads.contains(&workload) {
                self.put(workload, 0, &mut results);
            }
        }
        results
    }

    /// Puts a workload to its contenders.
    fn put(&mut self, workload: Workload, size: u64, results: &mut Results) {
        let contenders = workload.contenders().iter().copied();
        let contenders = contenders.filter(|one| self.contenders.is_empty() || self.contenders.contains(one));
        let contenders = contenders.collect::<Vec<_>>();
        if contenders.is_empty() {
            return;
        }
        let (folder, events, imported) = self.prepare(workload, size);
        let mut all = Vec::new();
        for contender in contenders {
            for &threads in contender.threads(workload) {
                let job = Job {
                    workload,
                    contender,
                    threads,
                    folder: folder.clone(),
                    plugins: workload.plugins().iter().map(plugins::file).collect(),
                    events,
                    limit: events.min(contender.events_max()),
                    samples: self.changes,
                    projections: 1,
                };
                if workload == Workload::Latency {
                    for &projections in &self.crowds {
                        let (samples, name) = (self.appends, format!("latency-{projections}"));
                        let job =
                            Job { projections, samples, events: samples as u64, limit: samples as u64, ..job.clone() };
                        all.push((name, job, Vec::new()));
                    }
                } else {
                    all.push((workload.name(), job, Vec::new()));
                }
            }
        }
        for run in 0..self.runs {
            for (name, job, runs) in &mut all {
                if run >= job.contender.runs_max(workload) {
                    continue;
                }
                let measured = match job.contender {
                    Contender::Import => imported.clone().expect("the log was imported"),
                    contender if contender.is_foreign() => self.peers.run(job),
                    _ => once(job),
                };
                let (contender, cores) = (job.contender.name(), job.threads);
                let (limit, took) = (grouped(job.limit), seconds(measured.seconds));
                eprintln!("{name} {contender} {limit} events, {cores} cores, run {}: {took}", run + 1);
                runs.push(measured);
            }
        }
        for (name, job, runs) in all {
            let Job { workload, contender, threads, limit, .. } = job;
            self.check_limited(&job, &runs);
            results.0.push(Result { name, workload, contender, events: limit, threads, runs });
        }
    }

    /// A contender that got only the first events is compared with the native fold of as many.
    fn check_limited(&self, job: &Job, runs: &[Measured]) {
        if job.limit == job.events {
            return;
        }
        let expected = once(&Job { contender: Contender::Native, threads: 2, ..job.clone() }).rows_digest;
        for run in runs {
            assert_eq!(run.rows_digest, expected, "{:?} comes to other rows", job.contender);
        }
    }

    /// The project that holds a workload's log, how many events it has, and what importing them took.
    fn prepare(&self, workload: Workload, size: u64) -> (PathBuf, u64, Option<Measured>) {
        let (folder, events, input) = match workload {
            Workload::Latency => return (self.data.join("latency"), 0, None),
            Workload::Flights => {
                let (file, events) = self.flights.clone().unwrap_or_else(|| (flights_year(), FLIGHTS_YEAR));
                (self.data.join(format!("flights-{events}")), events, Some(file))
            }
            _ => (self.data.join(format!("transfers-{size}")), size, None),
        };
        let marker = folder.join("imported.json");
        if let Ok(imported) = fs::read_to_string(&marker) {
            return (folder, events, Some(serde_json::from_str(&imported).expect("a measurement")));
        }
        let _ = fs::remove_dir_all(&folder);
        let job = Job {
            workload,
            contender: Contender::Import,
            threads: 2,
            folder: folder.clone(),
            plugins: input.into_iter().collect(),
            events,
            limit: events,
            samples: 1,
            projections: 1,
        };
        let imported = once(&job);
        eprintln!("{}: {} events imported in {}", folder.display(), grouped(events), seconds(imported.seconds));
        fs::write(marker, imported.to_json()).expect("a marker");
        (folder, events, Some(imported))
    }
}

/// Runs a job in a process of its own; with one thread, on one core.
fn once(job: &Job) -> Measured {
    let this = std::env::current_exe().expect("this program");
    let told = serde_json::to_string(job).expect("plain values");
    measured(pinned(&this, job.threads).args(["--once", &told]))
}

/// The file of `scripts/flights-year`, made when it is not there.
fn flights_year() -> PathBuf {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = plugins::target().join("flights-2013.jsonl.gz");
    if !file.exists() {
        done(Command::new(top.join("scripts/flights-year")).arg(&file));
    }
    file
}
