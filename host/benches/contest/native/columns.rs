//! The native fold **over the same columns**: the history's segments, mapped, type by type, into an array. It needs no log
//! order and knows that sums can be put together in any, so it is the limit of what a replay could reach.

use std::collections::HashMap;
use std::sync::Arc;

use projectionist::event::{Position, Range, Values};
use projectionist::event_store::Source;
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::history::{Found, History, SealedColumn, Segment};

use crate::contender::Job;
use crate::measure::{Measured, Watch};
use crate::model::Model;

type Balances = HashMap<String, (i64, i64), foldhash::fast::RandomState>;

pub fn ledger(job: &Job) -> Measured {
    let (project, tables) = (job.project(), job.workload.tables());
    crate::ours::seal(&project);
    let watch = Watch::start();
    let store = SqliteStore::open(&project.store).expect("the store");
    let history = History::open(&project.history.folder, &store).expect("the history");
    let mut segments = history.segments().expect("the segments");
    let head = store.reader().and_then(|mut reader| reader.head()).expect("the head");
    let sealed = segments.last().map_or(Position::START, |last| last.range().through);
    if sealed < head {
        segments.push(history.tail(Range { after: sealed, through: head }).expect("the tail"));
    }
    let mut balances = Balances::default();
    std::thread::scope(|scope| {
        let share = |part: usize| segments.iter().skip(part).step_by(job.threads).cloned().collect::<Vec<_>>();
        let parts = (0..job.threads).map(|part| {
            let share = share(part);
            scope.spawn(move || share.iter().map(fold).collect::<Vec<_>>())
        });
        for part in parts.collect::<Vec<_>>() {
            for (name, (balance, entries)) in part.join().expect("a part").into_iter().flatten() {
                let row = balances.entry(name).or_default();
                *row = (row.0 + balance, row.1 + entries);
            }
        }
    });
    let mut rows = balances.into_iter().filter(|(_, (_, entries))| *entries > 0).collect::<Vec<_>>();
    rows.sort_unstable();
    let model = Model::create(&job.folder, tables);
    let mut insert = model.insert(&tables[0]);
    for (name, (balance, entries)) in rows {
        insert.execute((name, balance, entries)).expect("a row");
    }
    drop(insert);
    model.finish();
    let mut measured = watch.stop();
    measured.rows_digest = Some(model.digest(tables));
    measured
}

/// Name, balance and entries of each stream of a segment.
fn fold(segment: &Arc<Segment>) -> Vec<(String, (i64, i64))> {
    let mut names = None;
    let mut balances: Vec<(i64, i64)> = Vec::new();
    for block in segment.blocks() {
        let names = names.get_or_insert_with(|| segment.dictionary(block.stream_words()).expect("the names").values);
        balances.resize(names.len(), (0, 0));
        for (kind, sign) in [("Deposited", 1), ("Withdrawn", -1)] {
            let Some(kind) = block.type_number(kind) else { continue };
            let streams = block.streams(kind).expect("streams");
            let Ok(Found::Column(SealedColumn::Plain(column))) = block.field(kind, "amount") else { panic!("amounts") };
            let Values::Integers(amounts) = &column.values else { panic!("amounts are integers") };
            let (streams, amounts): (&[u32], &[i64]) = (&streams, amounts);
            for (&stream, amount) in streams.iter().zip(amounts) {
                let balance = &mut balances[stream as usize];
                *balance = (balance.0 + sign * amount, balance.1 + 1);
            }
        }
    }
    let names = names.unwrap_or_default();
    names.iter().map(str::to_owned).zip(balances).collect()
}
