//! The **native** fold: what one would write by hand in Rust for one read model and nothing else. SQLite rows, serde_json
//! into the fields that count, plain memory, rows into SQLite in key order. With more threads, each folds a part of
//! the log, and the parts are put together.

use std::ops::Range;
use std::path::Path;

use rusqlite::Connection;

use super::contender::Job;
use super::measure::{Measured, Watch};
use super::model::Model;
use super::workload::Workload;

mod transfers;
pub mod columns;
pub mod flights;
pub mod rows;

/// A read model folded by hand.
pub trait Fold: Default + Send {
    /// The event types that count.
    const TYPES: &[&str];
    /// Whether an event needs the earlier ones of its stream; if so, threads share out streams, else ranges.
    const BY_STREAM: bool = false;

    /// Folds an event of `TYPES[kind]`.
    fn apply(&mut self, kind: usize, event: &Event<'_>);

    /// Adds what another thread folded.
    fn merge(&mut self, other: Self);

    /// Writes the rows in key order; `streams` are the names by number.
    fn write(self, streams: &[String], model: &Model);
}

/// An event as it stands in the log.
pub struct Event<'a> {
    pub position: i64,
    /// The number of the stream.
    pub stream: usize,
    /// JSON as recorded.
    pub data: &'a str,
}

pub fn run(job: &Job) -> Measured {
    match job.workload {
        Workload::Ledger => fold::<transfers::Ledger>(job),
        Workload::ByAccount => fold::<transfers::ByAccount>(job),
        Workload::Daily => fold::<transfers::Daily>(job),
        Workload::Sparse => fold::<transfers::Sparse>(job),
        Workload::Document => fold::<transfers::Document>(job),
        Workload::Flights => fold::<flights::Flights>(job),
        Workload::Rows => rows::native(job),
        Workload::Import | Workload::Change | Workload::Latency => unreachable!("not among its contenders"),
    }
}

fn fold<F: Fold>(job: &Job) -> Measured {
    let (store, tables) = (job.project().store, job.workload.tables());
    let watch = Watch::start();
    let head = head(&store).min(job.limit as i64);
    let threads = job.threads as i64;
    let folded = std::thread::scope(|scope| {
        let parts = (0..threads)
            .map(|part| {
                let store = &store;
                scope.spawn(move || match F::BY_STREAM {
                    true => scan::<F>(store, 1..head + 1, Some((part, threads))),
                    false => scan::<F>(store, head * part / threads + 1..head * (part + 1) / threads + 1, None),
                })
            })
            .collect::<Vec<_>>();
        let parts = parts.into_iter().map(|part| part.join().expect("a part of the fold"));
        parts.reduce(|mut all, part| {
            all.merge(part);
            all
        })
    });
    let model = Model::create(&job.folder, tables);
    folded.expect("at least one thread").write(&streams(&store), &model);
    model.finish();
    let mut measured = watch.stop();
    measured.rows_digest = Some(model.digest(tables));
    measured
}

/// Folds the events at `positions`; `share`: only the streams whose number leaves `.0` when divided by `.1`.
fn scan<F: Fold>(store: &Path, positions: Range<i64>, share: Option<(i64, i64)>) -> F {
    let log = Connection::open(store).expect("the store");
    let kinds = kinds(&log, F::TYPES);
    let mut folded = F::default();
    let mut statement = log
        .prepare(
            "SELECT position, stream, type, data FROM events WHERE position >= ? AND position < ? ORDER BY position",
        )
        .expect("a scan");
    let mut rows = statement.query((positions.start, positions.end)).expect("a scan");
    while let Some(row) = rows.next().expect("a row") {
        let Some(Some(kind)) = kinds.get(row.get::<_, u32>(2).expect("a type") as usize) else { continue };
        let stream = row.get::<_, i64>(1).expect("a stream");
        if share.is_some_and(|(part, of)| stream % of != part) {
            continue;
        }
        let position = row.get(0).expect("a position");
        let data = row.get_ref(3).expect("data").as_str().expect("text");
        folded.apply(*kind, &Event { position, stream: stream as usize, data });
    }
    folded
}

/// By the number that the log gave a type: its place in `names`.
pub fn kinds(log: &Connection, names: &[&str]) -> Vec<Option<usize>> {
    let mut statement = log.prepare("SELECT id, name FROM types").expect("the types");
    let mut rows = statement.query([]).expect("the types");
    let mut kinds = Vec::new();
    while let Some(row) = rows.next().expect("a type") {
        let (number, name): (u32, String) = row.try_into().expect("a number and a name");
        let number = number as usize;
        kinds.resize(kinds.len().max(number + 1), None);
        kinds[number] = names.iter().position(|wanted| *wanted == name);
    }
    kinds
}

/// The names of all streams, by number.
pub fn streams(store: &Path) -> Vec<String> {
    let log = Connection::open(store).expect("the store");
    let mut statement = log.prepare("SELECT id, name FROM streams").expect("the streams");
    let mut rows = statement.query([]).expect("the streams");
    let mut names = Vec::new();
    while let Some(row) = rows.next().expect("a stream") {
        let number = row.get::<_, u32>(0).expect("a number") as usize;
        names.resize(names.len().max(number + 1), String::new());
        names[number] = row.get(1).expect("a name");
    }
    names
}

pub fn head(store: &Path) -> i64 {
    let log = Connection::open(store).expect("the store");
    log.query_row("SELECT coalesce(max(position), 0) FROM events", [], |row| row.get(0)).expect("the head")
}

/// The items that `is_there`, with their stream's name, in the order of the names.
fn by_name<T>(items: Vec<T>, streams: &[String], is_there: impl Fn(&T) -> bool) -> Vec<(&str, T)> {
    let named = items.into_iter().enumerate().filter(|(_, item)| is_there(item));
    let mut named = named.map(|(stream, item)| (streams[stream].as_str(), item)).collect::<Vec<_>>();
    named.sort_unstable_by_key(|(name, _)| *name);
    named
}
