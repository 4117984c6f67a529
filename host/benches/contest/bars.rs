//! The **bars**: what the project promises itself, each beside what this run measured.

use super::contender::Contender::{self, *};
use super::results::{Result, Results, grouped, seconds};

/// The sizes that bars are about.
const SMALL: u64 = 1_000_000;
const LARGE: u64 = 10_000_000;
const MIB_MAX: f64 = 512.0;

pub struct Bar {
    pub measure: String,
    pub bar: String,
    pub measured: String,
    pub is_met: bool,
}

/// Those that this run says something about.
pub fn bars(results: &Results) -> Vec<Bar> {
    let mut bars = Vec::new();
    let ledger = largest(results, "ledger");
    if let Some(served) = results.find("ledger", Served, LARGE, 2) {
        let what = format!("`ledger`, {} events, file written to served", grouped(LARGE));
        bars.push(at_most(what, 0.3, served.seconds()));
    }
    if let Some((served, native)) = pair(results, "ledger", ledger, Native, 2) {
        bars.push(at_least(
            format!("against native, 2 cores, {}", size(served)),
            8.0,
            native.seconds() / served.seconds(),
        ));
    }
    for workload in ["ledger", "by-account"] {
        for threads in [1, 2] {
            let events = largest(results, workload);
            if let Some((served, duck)) = pair(results, workload, events, DuckdbParquet, threads) {
                let what = format!("`{workload}` against DuckDB over Parquet, {threads} cores, {}", size(served));
                bars.push(share_at_most(what, 1.0, served.seconds() / duck.seconds()));
            }
        }
    }
    for threads in [1, 2] {
        let columns = results.find("ledger", NativeColumns, ledger, threads);
        if let (Some(replay), Some(columns)) = (results.find("ledger", Replay, ledger, threads), columns) {
            let what = format!("`ledger` (compiled before) against a native fold over the columns, {threads} cores");
            bars.push(at_least(what, 0.6, columns.seconds() / replay.seconds()));
        }
    }
    if let (Some(served), Some(raw)) =
        (results.find("rows", Served, SMALL, 2), results.find("rows", Rusqlite, SMALL, 1))
    {
        let what = format!("`rows`, {} rows, against raw rusqlite", grouped(SMALL));
        bars.push(at_least(what, 0.7, raw.seconds() / served.seconds()));
    }
    for threads in [1, 2] {
        if let Some((served, native)) = pair(results, "document", largest(results, "document"), Native, threads) {
            let what = format!("`document` against native serde_json, {threads} cores, {}", size(served));
            bars.push(at_least(what, 0.6, native.seconds() / served.seconds()));
        }
    }
    if let Some(served) =
        results.0.iter().find(|one| one.name == "flights" && one.contender == Served && one.threads == 2)
    {
        bars.push(at_most(format!("`flights`, {}", size(served)), 1.0, served.seconds()));
    }
    let sparse = largest(results, "sparse");
    if let (Some(sparse), Some(ledger)) =
        (results.find("sparse", Replay, sparse, 2), results.find("ledger", Replay, sparse, 2))
    {
        let what = format!("`sparse` against `ledger`, both compiled before, {}", size(sparse));
        bars.push(share_at_most(what, 1.0 / 20.0, sparse.seconds() / ledger.seconds()));
    }
    bars.extend(growth(results));
    if let Some(change) = results.find("change", Served, SMALL, 2) {
        bars.push(at_most(format!("changed plugin, {} events, p50", grouped(SMALL)), 0.15, change.seconds()));
    }
    for contender in [Library, Process] {
        if let Some(one) = results.0.iter().find(|one| one.name == "latency-1" && one.contender == contender) {
            let what = |share| format!("append to visible row, by {}, {share}", contender.name());
            bars.push(at_most(what("p50"), 0.0007, one.seconds()));
            bars.push(at_most(what("p99"), 0.003, one.p99()));
        }
    }
    bars
}

/// From each size of the ledger to the next, and the memory of the largest.
fn growth(results: &Results) -> Vec<Bar> {
    let served = results.sizes("ledger").into_iter().filter_map(|events| results.find("ledger", Served, events, 2));
    let served = served.collect::<Vec<_>>();
    let mut bars = Vec::new();
    for pair in served.windows(2) {
        let events = pair[1].events as f64 / pair[0].events as f64;
        let what = format!("`ledger` from {} to {}: time against events", size(pair[0]), size(pair[1]));
        bars.push(share_at_most(what, 1.0, pair[1].seconds() / pair[0].seconds() / events));
    }
    if let Some((served, mib)) = served.last().and_then(|served| Some((served, served.own_mib()?))) {
        bars.push(Bar {
            measure: format!("resident memory without mapped files, `ledger`, {}", size(served)),
            bar: format!("under {MIB_MAX} MiB"),
            measured: format!("{mib:.0} MiB"),
            is_met: mib < MIB_MAX,
        });
    }
    bars
}

/// The bars as a Markdown table; nothing when this run says nothing about any.
pub fn table(results: &Results) -> String {
    let rows = bars(results).into_iter().map(|Bar { measure, bar, measured, is_met }| {
        format!("| {measure} | {bar} | {measured} | {} |\n", if is_met { "met" } else { "**not met**" })
    });
    let rows = rows.collect::<String>();
    if rows.is_empty() {
        return String::new();
    }
    format!("| measure | bar | measured | |\n| --- | --- | --- | --- |\n{rows}")
}

fn largest(results: &Results, workload: &str) -> u64 {
    let served = results.0.iter().filter(|one| one.name == workload && one.contender == Served);
    served.map(|one| one.events).max().unwrap_or(0)
}

/// Ours and another's, on as many cores.
fn pair<'a>(
    results: &'a Results,
    workload: &str,
    events: u64,
    other: Contender,
    threads: usize,
) -> Option<(&'a Result, &'a Result)> {
    Some((results.find(workload, Served, events, threads)?, results.find(workload, other, events, threads)?))
}

fn size(result: &Result) -> String {
    format!("{} events", grouped(result.events))
}

fn at_most(measure: String, bar: f64, measured: f64) -> Bar {
    let bar_text = format!("at most {}", seconds(bar));
    Bar { measure, bar: bar_text, measured: seconds(measured), is_met: measured <= bar }
}

fn at_least(measure: String, bar: f64, ratio: f64) -> Bar {
    Bar {
        measure,
        bar: format!("at least {bar} times its rate"),
        measured: format!("{ratio:.2}"),
        is_met: ratio >= bar,
    }
}

fn share_at_most(measure: String, bar: f64, ratio: f64) -> Bar {
    Bar { measure, bar: format!("at most {bar} times its time"), measured: format!("{ratio:.3}"), is_met: ratio <= bar }
}
