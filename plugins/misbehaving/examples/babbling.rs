//! **Babbling**: answers that follow from the numbers in its events and from nothing else, most of them nonsense.
//!
//! It takes events of type `Said` with a field `seed`. Each flush is made by a generator that began with the last seed:
//! changes that are well formed, with some of their parts replaced by others.

#![cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "only WebAssembly exports it"))]

use std::cell::Cell;

#[allow(missing_docs, unused_imports, reason = "generated from `wit/0.1.0`, which documents each item")]
mod contract {
    include!("../../sdk/src/bindings/generated.rs");
}

use contract::exports::projectionist::projection::projector::{
    Batch, Changes, Description, Fault, Guest, Pending, Start,
};
use contract::projectionist::projection::columns::{Binary, Column, Dictionary, Text, Values};
use contract::projectionist::projection::manifests::{
    EnvelopeParts, EventType, Index, Kind, Partitioning, Selection, Subscription, Table, TableColumn,
};
use contract::projectionist::projection::tables;

struct Babbling;

thread_local! {
    static SEED: Cell<u64> = const { Cell::new(0) };
    static WAITING: Cell<u64> = const { Cell::new(0) };
}

const KINDS: [(&str, Kind); 6] = [
    ("flag", Kind::Boolean),
    ("number", Kind::Integer),
    ("ratio", Kind::Real),
    ("name", Kind::Text),
    ("extra", Kind::Json),
    ("raw", Kind::Blob),
];

fn table(name: &str, key: Vec<u16>, nullable: bool, insert_only: bool) -> Table {
    let column = |(number, (name, kind)): (usize, &(&str, Kind))| TableColumn {
        name: (*name).into(),
        kind: *kind,
        nullable: nullable && !key.contains(&(number as u16)),
    };
    Table {
        name: name.into(),
        columns: KINDS.iter().enumerate().map(column).collect(),
        indexes: vec![Index { columns: vec![2, 3], unique: false }],
        key,
        insert_only,
    }
}

impl Guest for Babbling {
    fn manifest() -> Description {
        Description {
            name: "babbling".into(),
            version: 1,
            description: String::new(),
            subscription: Subscription {
                selection: Selection::Types(vec![EventType {
                    name: "Said".into(),
                    fields: vec!["seed".into()],
                    document: false,
                }]),
                stream_prefix: None,
                envelope: EnvelopeParts::empty(),
                metadata_fields: Vec::new(),
            },
            partitioning: Partitioning::Whole,
            tables: vec![
                table("numbered", vec![1], true, false),
                table("named", vec![3, 5], true, false),
                table("whole", vec![0, 1, 3], false, false),
                table("inserted", vec![1], true, true),
            ],
        }
    }

    fn open(_: Start) -> Result<(), Fault> {
        Ok(())
    }

    fn apply(batch: Batch) -> Result<Pending, Fault> {
        if let Values::Integers(seeds) = &batch.groups[0].fields[0].values {
            SEED.set(seeds.last().map_or(0, |seed| seed.cast_unsigned()));
        }
        let mut rng = Rng(SEED.get() ^ 0xABCD);
        if rng.chance(10) {
            let table = rng.below(5) as u16;
            let (length, keys) = (rng.below(4) as usize, rng.below(4) as usize);
            let keys: Vec<_> = (0..keys).map(|key| rng.column(KINDS[(key * 2 + 1) % 6].1, length, false)).collect();
            let found = tables::lookup(table, length as u32, &keys);
            WAITING.set(found.columns.len() as u64);
        }
        WAITING.set(1 + rng.below(3));
        let rows = if rng.chance(3) { u64::MAX } else { WAITING.get() };
        Ok(Pending { rows, bytes: rng.below(100) })
    }

    fn flush() -> Result<Vec<Changes>, Fault> {
        let mut rng = Rng(SEED.get());
        Ok((0..rng.below(4)).map(|_| rng.changes()).collect())
    }
}

#[cfg(target_family = "wasm")] // the names of the contract's functions are no symbols elsewhere
contract::export_component!(Babbling with_types_in contract);

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn chance(&mut self, per_cent: u64) -> bool {
        self.below(100) < per_cent
    }

    /// Now and then another number than the right one.
    fn number(&mut self, right: usize) -> usize {
        match self.below(60) {
            0 => right + 1,
            1 => right.saturating_sub(1),
            2 => 0,
            3 => u32::MAX as usize,
            _ => right,
        }
    }

    fn changes(&mut self) -> Changes {
        let table = self.below(4) as usize;
        let (upserted, deleted) = (self.below(5) as usize, self.below(3) as usize);
        let key: &[usize] = [&[1][..], &[3, 5], &[0, 1, 3], &[1]][table];
        let deleted = if table == 3 && !self.chance(5) { 0 } else { deleted };
        let nullable = table != 2;
        let mut upserts: Vec<_> = (0..KINDS.len())
            .map(|column| self.column(KINDS[column].1, upserted, nullable && !key.contains(&column)))
            .collect();
        let mut deletes: Vec<_> = key.iter().map(|&column| self.column(KINDS[column].1, deleted, false)).collect();
        for columns in [&mut upserts, &mut deletes] {
            match self.below(80) {
                0 => drop(columns.pop()),
                1 => columns.reverse(),
                2 => columns.extend(columns.first().cloned()),
                _ => {}
            }
        }
        Changes {
            table: self.number(table) as u16,
            upserted: self.number(upserted) as u32,
            upserts: if upserted == 0 && self.chance(80) { Vec::new() } else { upserts },
            deleted: self.number(deleted) as u32,
            deletes: if deleted == 0 && self.chance(80) { Vec::new() } else { deletes },
        }
    }

    fn column(&mut self, kind: Kind, rows: usize, nullable: bool) -> Column {
        let kind = if self.chance(2) { KINDS[self.below(6) as usize].1 } else { kind };
        let rows = if self.chance(98) { rows } else { self.below(6) as usize };
        let values = match kind {
            _ if self.chance(1) => Values::Nothing,
            _ if self.chance(1) => {
                Values::Symbols(Dictionary { first: self.next() as u32, added: self.text(2), keys: vec![7; rows] })
            }
            Kind::Boolean => Values::Booleans((0..rows).map(|_| self.below(50) as u8 / 24).collect()),
            Kind::Integer => Values::Integers((0..rows).map(|_| self.integer()).collect()),
            Kind::Real => Values::Reals((0..rows).map(|_| self.real()).collect()),
            Kind::Text => Values::Texts(self.text(rows)),
            Kind::Json => Values::Json(self.json(rows)),
            Kind::Blob => {
                let text = self.text(rows);
                Values::Blobs(Binary { offsets: text.offsets, data: text.data.into_bytes() })
            }
        };
        let bits = |rng: &mut Rng| {
            let bytes = rng.number(rows.div_ceil(8)).min(1_000);
            let unused = (bytes * 8).saturating_sub(rows) as u32;
            let mut bits: Vec<u8> = (0..bytes).map(|_| rng.next() as u8).collect();
            let is_clean = rng.chance(97);
            if let Some(last) = bits.last_mut().filter(|_| is_clean) {
                *last &= 0xFFu8.checked_shr(unused).unwrap_or(0);
            }
            bits
        };
        let has_gaps = (nullable || self.chance(2)) && self.chance(60);
        let validity = has_gaps.then(|| bits(self));
        let has_nulls = self.chance(1);
        let nulls = has_nulls.then(|| bits(self));
        Column { validity, nulls, values }
    }

    fn integer(&mut self) -> i64 {
        match self.below(10) {
            0 => i64::MIN,
            1 => i64::MAX,
            _ => self.below(12).cast_signed(),
        }
    }

    fn real(&mut self) -> f64 {
        match self.below(30) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => -0.0,
            _ => self.below(100) as f64 / 7.0,
        }
    }

    fn text(&mut self, rows: usize) -> Text {
        let strings: Vec<&str> = (0..rows)
            .map(|_| ["", "a", "b\0c", "ü😀", "long enough to have no room"][self.below(5) as usize])
            .collect();
        self.joined(&strings)
    }

    fn json(&mut self, rows: usize) -> Text {
        let strings: Vec<&str> =
            (0..rows).map(|_| ["1", "null", "{\"a\":[1]}", "\"x\"", "[]", "1e3"][self.below(6) as usize]).collect();
        match self.chance(2) {
            true => self.text(rows),
            false => self.joined(&strings),
        }
    }

    fn joined(&mut self, strings: &[&str]) -> Text {
        let mut text = Text { offsets: vec![0], data: String::new() };
        for string in strings {
            text.data.push_str(string);
            text.offsets.push(text.data.len() as u32);
        }
        let at = self.below(text.offsets.len() as u64) as usize;
        match self.below(60) {
            0 => text.offsets[at] = self.next() as u32,
            1 => drop(text.offsets.pop()),
            2 => text.offsets[at] = text.offsets[at].wrapping_sub(1),
            3 => text.data.push('x'),
            _ => {}
        }
        text
    }
}
