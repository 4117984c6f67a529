//! **Flushing**: what goes wrong with the changed rows.

use crate::applying::{fault, spin, trap};
use crate::behaviour::Behaviour;
use crate::columns::{bitmap, blob, column, integers, some_integers, text, texts};
use crate::contract::exports::projectionist::projection::projector::{Changes, Fault, Pending};
use crate::contract::projectionist::projection::columns::{Column, Dictionary, Text, Values};
use crate::contract::projectionist::projection::faults::Cause;

const STEPS: u16 = 0;
const JOURNAL: u16 = 1;
const KINDS: u16 = 2;

/// The rows that wait, and the last behaviour that spoils the next flush.
#[derive(Default)]
pub struct Waiting {
    positions: Vec<i64>,
    whats: Vec<&'static str>,
    calls: Vec<Option<i64>>,
    spoiled: Option<Behaviour>,
}

impl Waiting {
    pub fn push(&mut self, behaviour: Behaviour, position: i64, calls: Option<i64>) {
        self.positions.push(position);
        self.whats.push(behaviour.name());
        self.calls.push(calls);
        self.spoiled = Some(behaviour);
    }

    pub fn pending(&self) -> Pending {
        Pending { rows: self.positions.len() as u64, bytes: self.positions.len() as u64 * 40 }
    }

    /// The changes, spoiled as told.
    pub fn changes(self) -> Result<Vec<Changes>, Fault> {
        if self.positions.is_empty() {
            return Ok(Vec::new());
        }
        let last = self.positions[self.positions.len() - 1];
        Ok(match self.spoiled {
            Some(Behaviour::FlushTrap) => {
                trap();
                Vec::new()
            }
            Some(Behaviour::FlushSpin) => {
                spin();
                Vec::new()
            }
            Some(Behaviour::FlushFault) => return Err(fault(Cause::Projection, "told to fail in the flush")),
            Some(Behaviour::RowFlood) => vec![many(100_000)],
            Some(Behaviour::ByteFlood) => vec![steps(integers([1]), texts(["x".repeat(8 << 20)]), 1)],
            Some(Behaviour::UnknownTable) => vec![Changes { table: 99, ..self.steps() }],
            Some(Behaviour::TableTwice) => vec![self.steps(), self.steps()],
            Some(Behaviour::DeleteInsertOnly) => vec![delete(JOURNAL, last)],
            Some(Behaviour::Delete) => vec![delete(STEPS, last)],
            Some(Behaviour::DuplicateKeys) => vec![steps(integers([last, last]), texts(["a", "b"]), 2)],
            Some(Behaviour::UpsertAndDelete) => {
                let deleted = delete(STEPS, last);
                vec![Changes { deleted: 1, deletes: deleted.deletes, ..self.steps() }]
            }
            Some(Behaviour::EveryKind) => vec![every_kind()],
            Some(behaviour) => match spoiled(behaviour) {
                Some(changes) => vec![changes],
                None => vec![self.steps(), self.journal()],
            },
            None => Vec::new(),
        })
    }

    fn steps(&self) -> Changes {
        let upserts = vec![integers(self.positions.iter().copied()), texts(&self.whats), some_integers(&self.calls)];
        upsert(STEPS, self.positions.len(), upserts)
    }

    fn journal(&self) -> Changes {
        let upserts = vec![integers(self.positions.iter().copied()), texts(&self.whats)];
        upsert(JOURNAL, self.positions.len(), upserts)
    }
}

/// Changes whose columns break a rule of `columns.wit`.
fn spoiled(behaviour: Behaviour) -> Option<Changes> {
    let two = || integers([1, 2]);
    let offsets = |offsets: &[u32]| {
        let spoiled = column(Values::Texts(Text { offsets: offsets.to_vec(), data: "aé".into() }));
        Some(steps(two(), spoiled, 2))
    };
    match behaviour {
        Behaviour::WrongShape => Some(upsert(STEPS, 2, vec![two(), texts(["a", "b"])])),
        Behaviour::WrongKind => Some(steps(column(Values::Reals(vec![1.0, 2.0])), texts(["a", "b"]), 2)),
        Behaviour::WrongLength => Some(steps(integers([1]), texts(["a", "b"]), 2)),
        Behaviour::Dictionary => {
            let dictionary = Dictionary { first: 0, added: text(["a"]), keys: vec![0, 0] };
            Some(steps(two(), column(Values::Symbols(dictionary)), 2))
        }
        Behaviour::MissingValue => Some(steps(two(), Column { validity: Some(vec![0b01]), ..texts(["a", "b"]) }, 2)),
        Behaviour::MissingColumn => Some(steps(two(), column(Values::Nothing), 2)),
        Behaviour::BadValidity => Some(steps(two(), Column { validity: Some(vec![3, 0]), ..texts(["a", "b"]) }, 2)),
        Behaviour::LooseValidity => Some(steps(two(), Column { validity: Some(vec![7]), ..texts(["a", "b"]) }, 2)),
        Behaviour::GuestNulls => Some(steps(two(), Column { nulls: Some(vec![0]), ..texts(["a", "b"]) }, 2)),
        Behaviour::FewOffsets => offsets(&[0, 3]),
        Behaviour::FallingOffsets => offsets(&[0, 3, 1]),
        Behaviour::SplitCharacter => offsets(&[0, 2, 3]),
        Behaviour::ShortOffsets => offsets(&[0, 1, 1]),
        Behaviour::BadUtf8 => {
            // SAFETY: none; a string that is none is the point. It is only handed on.
            let data = unsafe { String::from_utf8_unchecked(vec![0xff, 0xfe]) };
            Some(steps(two(), column(Values::Texts(Text { offsets: vec![0, 1, 2], data })), 2))
        }
        Behaviour::BadBoolean => Some(kinds(2, Values::Booleans(vec![0, 2]))),
        Behaviour::NotANumber => Some(kinds(3, Values::Reals(vec![0.5, f64::NAN]))),
        Behaviour::BadJson => Some(kinds(5, Values::Json(text(["{\"a\": 1}", "{a: 1}"])))),
        _ => None,
    }
}

fn many(rows: i64) -> Changes {
    steps(integers(0..rows), texts((0..rows).map(|_| "x")), rows as usize)
}

fn steps(positions: Column, whats: Column, rows: usize) -> Changes {
    upsert(STEPS, rows, vec![positions, whats, column(Values::Nothing)])
}

/// Two rows of `kinds` with these values in one column and nothing in the others.
fn kinds(place: usize, values: Values) -> Changes {
    let mut upserts = vec![texts(["a", "b"]), integers([1, 2])];
    upserts.extend((2..7).map(|other| column(if other == place { values.clone() } else { Values::Nothing })));
    upsert(KINDS, 2, upserts)
}

fn every_kind() -> Changes {
    let some = |values: Values| Column { validity: Some(bitmap([true, false].into_iter())), ..column(values) };
    let raw = match blob(&[0, 255]) {
        Values::Blobs(mut binary) => {
            binary.offsets.push(2);
            Values::Blobs(binary)
        }
        values => values,
    };
    let upserts = vec![
        texts(["all", "none"]),
        integers([i64::MIN, i64::MAX]),
        some(Values::Booleans(vec![1, 9])),
        some(Values::Reals(vec![f64::INFINITY, f64::NAN])),
        some(Values::Texts(text(["é\0", ""]))),
        some(Values::Json(text(["{\"a\": [1]}", "not JSON"]))),
        some(raw),
    ];
    upsert(KINDS, 2, upserts)
}

fn upsert(table: u16, rows: usize, upserts: Vec<Column>) -> Changes {
    Changes { table, upserted: rows as u32, upserts, deleted: 0, deletes: Vec::new() }
}

fn delete(table: u16, key: i64) -> Changes {
    Changes { table, upserted: 0, upserts: Vec::new(), deleted: 1, deletes: vec![integers([key])] }
}
