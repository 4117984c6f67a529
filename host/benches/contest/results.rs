//! The **results** of a benchmark: every contender's runs, as a table, as files, and compared with each other.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::contender::Contender;
use super::measure::{Measured, percentile};
use super::workload::Workload;

/// All runs of one contender at one question.
#[derive(Clone, Debug)]
pub struct Result {
    /// The workload; with what varies in it, as in `latency-10`.
    pub name: String,
    pub workload: Workload,
    pub contender: Contender,
    pub events: u64,
    pub threads: usize,
    pub runs: Vec<Measured>,
}

impl Result {
    /// The median; of all measurements where a run makes many.
    pub fn seconds(&self) -> f64 {
        percentile(&self.samples(), 0.5)
    }

    pub fn min(&self) -> f64 {
        self.samples().into_iter().fold(f64::INFINITY, f64::min)
    }

    pub fn max(&self) -> f64 {
        self.samples().into_iter().fold(0.0, f64::max)
    }

    pub fn p99(&self) -> f64 {
        percentile(&self.samples(), 0.99)
    }

    pub fn samples(&self) -> Vec<f64> {
        let samples = |run: &Measured| match run.samples.is_empty() {
            true => vec![run.seconds],
            false => run.samples.clone(),
        };
        self.runs.iter().flat_map(samples).collect()
    }

    /// Events, rows of appends and so on, a second.
    pub fn events_per_s(&self) -> f64 {
        let events = if self.workload == Workload::Latency { 1.0 } else { self.events as f64 };
        events / self.seconds()
    }

    pub fn rss_mib(&self) -> f64 {
        self.runs.iter().map(|run| run.rss_mib).fold(0.0, f64::max)
    }

    /// Resident memory that is no mapped file.
    pub fn own_mib(&self) -> Option<f64> {
        self.runs.iter().filter_map(|run| run.own_mib).reduce(f64::max)
    }
}

#[derive(Default)]
pub struct Results(pub Vec<Result>);

impl Results {
    pub fn find(&self, name: &str, contender: Contender, events: u64, threads: usize) -> Option<&Result> {
        self.0.iter().find(|result| {
            result.name == name && result.contender == contender && result.events == events && result.threads == threads
        })
    }

    /// The sizes of log that were measured, smallest first.
    pub fn sizes(&self, name: &str) -> Vec<u64> {
        let mut sizes =
            self.0.iter().filter(|result| result.name == name).map(|result| result.events).collect::<Vec<_>>();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// Says who came to other rows than the first contender of the same question.
    pub fn differences(&self) -> Vec<String> {
        let mut first: BTreeMap<(Workload, u64), (&str, Contender)> = BTreeMap::new();
        let mut differences = Vec::new();
        for result in &self.0 {
            for digest in result.runs.iter().filter_map(|run| run.rows_digest.as_deref()) {
                let key = (result.workload, result.events);
                let (expected, whose) = *first.entry(key).or_insert((digest, result.contender));
                if digest != expected {
                    differences.push(format!(
                        "{}, {} events: the rows of {} ({digest:.12}) are not those of {} ({expected:.12})",
                        result.name,
                        result.events,
                        result.contender.name(),
                        whose.name()
                    ));
                }
            }
        }
        differences
    }

    /// `results.csv`: medians, seconds and events a second, the highest resident memory.
    pub fn csv(&self) -> String {
        let mut csv = "workload,contender,events,threads,seconds,events_per_s,rss_mib\n".to_owned();
        for result in &self.0 {
            let Result { name, contender, events, threads, .. } = result;
            let (contender, seconds) = (contender.name(), result.seconds());
            let (rate, rss) = (result.events_per_s(), result.rss_mib());
            writeln!(csv, "{name},{contender},{events},{threads},{seconds:.6},{rate:.0},{rss:.0}").expect("text");
        }
        csv
    }

    /// `spread.csv`: how far the measurements lie apart, and the memory without mapped files.
    pub fn spread_csv(&self) -> String {
        let mut csv =
            "workload,contender,events,threads,measurements,min_s,p50_s,p99_s,max_s,own_mib,rows_sha256\n".to_owned();
        for result in &self.0 {
            let Result { name, contender, events, threads, .. } = result;
            let (contender, count) = (contender.name(), result.samples().len());
            let (min, p50, p99, max) = (result.min(), result.seconds(), result.p99(), result.max());
            let own = result.own_mib().map(|mib| format!("{mib:.0}")).unwrap_or_default();
            let digest = result.runs[0].rows_digest.as_deref().unwrap_or_default();
            writeln!(
                csv,
                "{name},{contender},{events},{threads},{count},{min:.6},{p50:.6},{p99:.6},{max:.6},{own},{digest}"
            )
            .expect("text");
        }
        csv
    }

    /// `stages.csv`: what the host says of each swap, medians.
    pub fn stages_csv(&self) -> String {
        let mut csv = "workload,contender,events,threads,projection,load_ms,replay_ms,finish_ms,served_ms\n".to_owned();
        for result in &self.0 {
            for (projection, [load, replay, finish, served]) in stages(result) {
                let Result { name, contender, events, threads, .. } = result;
                let contender = contender.name();
                writeln!(
                    csv,
                    "{name},{contender},{events},{threads},{projection},{load:.1},{replay:.1},{finish:.1},{served:.1}"
                )
                .expect("text");
            }
        }
        csv
    }

    /// A table of everything, in Markdown.
    pub fn table(&self) -> String {
        let mut table = "| workload | contender | events | cores | seconds | min to max | events/s | memory | own |\n\
                         | --- | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |\n"
            .to_owned();
        for result in &self.0 {
            let Result { name, contender, events, threads, .. } = result;
            writeln!(
                table,
                "| `{name}` | `{}` | {} | {threads} | {} | {} to {} | {} | {:.0} MiB | {} |",
                contender.name(),
                grouped(*events),
                seconds(result.seconds()),
                seconds(result.min()),
                seconds(result.max()),
                grouped(result.events_per_s() as u64),
                result.rss_mib(),
                result.own_mib().map(|mib| format!("{mib:.0} MiB")).unwrap_or_default()
            )
            .expect("text");
        }
        table
    }
}

/// Of each projection, the medians of load, replay, finish and served, in milliseconds.
pub fn stages(result: &Result) -> BTreeMap<String, [f64; 4]> {
    let mut all: BTreeMap<String, [Vec<f64>; 4]> = BTreeMap::new();
    for stage in result.runs.iter().flat_map(|run| &run.stages) {
        let of = all.entry(stage.projection.clone()).or_default();
        let times = [stage.load_ms, stage.replay_ms, stage.finish_ms, stage.served_ms];
        of.iter_mut().zip(times).for_each(|(all, time)| all.push(time));
    }
    all.into_iter().map(|(projection, times)| (projection, times.map(|times| percentile(&times, 0.5)))).collect()
}

/// Three digits that count, in whichever of seconds and milliseconds reads better.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.01 => format!("{:.2} ms", s * 1_000.0),
        s if s < 1.0 => format!("{:.0} ms", s * 1_000.0),
        s if s < 100.0 => format!("{s:.2} s"),
        s => format!("{s:.0} s"),
    }
}

/// `1,002,073`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
