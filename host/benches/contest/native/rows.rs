//! The journal by hand: one inserted row an event, so the writing counts.

use std::sync::mpsc::sync_channel;

use rusqlite::{Connection, Statement};
use serde::Deserialize;

use super::{head, kinds, streams};
use crate::contender::Job;
use crate::measure::{Measured, Watch};
use crate::model::Model;

/// Rows handed from the thread that reads to the one that writes at once.
const HANDED_ROWS: usize = 4096;

struct Row {
    position: i64,
    stream: usize,
    amount: i64,
    reference: String,
}

/// Reads, parses and inserts; with two threads, one inserts.
pub fn native(job: &Job) -> Measured {
    let (store, tables) = (job.project().store, job.workload.tables());
    let watch = Watch::start();
    let streams = streams(&store);
    let model = Model::create(&job.folder, tables);
    let mut insert = model.insert(&tables[0]);
    if job.threads == 1 {
        read(job, |row| put(&mut insert, &streams, &row));
    } else {
        std::thread::scope(|scope| {
            let (sender, rows) = sync_channel::<Vec<Row>>(4);
            scope.spawn(move || {
                let mut handed = Vec::with_capacity(HANDED_ROWS);
                read(job, |row| {
                    handed.push(row);
                    if handed.len() == HANDED_ROWS {
                        let full = std::mem::replace(&mut handed, Vec::with_capacity(HANDED_ROWS));
                        sender.send(full).expect("the writer waits");
                    }
                });
                sender.send(handed).expect("the writer waits");
            });
            rows.iter().flatten().for_each(|row| put(&mut insert, &streams, &row));
        });
    }
    drop(insert);
    model.finish();
    let mut measured = watch.stop();
    measured.rows_digest = Some(model.digest(tables));
    measured
}

/// Inserts rows that lie in memory already, in one transaction: what SQLite itself needs.
pub fn rusqlite(job: &Job) -> Measured {
    let tables = job.workload.tables();
    let streams = streams(&job.project().store);
    let mut rows = Vec::new();
    read(job, |row| rows.push(row));
    let watch = Watch::start();
    let model = Model::create(&job.folder, tables);
    let mut insert = model.insert(&tables[0]);
    rows.iter().for_each(|row| put(&mut insert, &streams, row));
    drop(insert);
    model.finish();
    let mut measured = watch.stop();
    measured.rows_digest = Some(model.digest(tables));
    measured
}

fn put(insert: &mut Statement<'_>, streams: &[String], row: &Row) {
    insert.execute((row.position, &streams[row.stream], row.amount, &row.reference)).expect("a row");
}

fn read(job: &Job, mut tell: impl FnMut(Row)) {
    #[derive(Deserialize)]
    struct Fields<'a> {
        amount: i64,
        reference: &'a str,
    }
    let store = job.project().store;
    let head = head(&store).min(job.limit as i64);
    let log = Connection::open(&store).expect("the store");
    let kinds = kinds(&log, &["Deposited", "Withdrawn"]);
    let mut statement = log
        .prepare("SELECT position, stream, type, data FROM events WHERE position <= ? ORDER BY position")
        .expect("a scan");
    let mut found = statement.query([head]).expect("a scan");
    while let Some(row) = found.next().expect("a row") {
        let Some(Some(kind)) = kinds.get(row.get::<_, u32>(2).expect("a type") as usize) else { continue };
        let data = row.get_ref(3).expect("data").as_str().expect("text");
        let fields: Fields = serde_json::from_str(data).expect("JSON as it was generated");
        tell(Row {
            position: row.get(0).expect("a position"),
            stream: row.get::<_, u32>(1).expect("a stream") as usize,
            amount: if *kind == 0 { fields.amount } else { -fields.amount },
            reference: fields.reference.to_owned(),
        });
    }
}
