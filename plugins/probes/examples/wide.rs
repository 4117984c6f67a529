//! **Wide**: rows of many columns, of which each event fills some.

use probes::Change;
use projectionist_sdk::prelude::*;

#[derive(Row)]
struct Wide {
    #[key]
    key: String,
    c0: Option<i64>,
    c1: Option<String>,
    c2: Option<bool>,
    c3: Option<f64>,
    c4: Option<Json>,
    c5: Option<i64>,
    c6: Option<String>,
    c7: Option<bool>,
    c8: Option<f64>,
    c9: Option<Json>,
    c10: Option<i64>,
    c11: Option<String>,
    c12: Option<bool>,
    c13: Option<f64>,
    c14: Option<Json>,
    c15: Option<i64>,
    c16: Option<String>,
    c17: Option<bool>,
    c18: Option<f64>,
    c19: Option<Json>,
    c20: Option<i64>,
    c21: Option<String>,
    c22: Option<bool>,
    c23: Option<f64>,
    c24: Option<Json>,
    c25: Option<i64>,
    c26: Option<String>,
    c27: Option<bool>,
    c28: Option<f64>,
    c29: Option<Json>,
    c30: Option<i64>,
    c31: Option<String>,
    c32: Option<bool>,
    c33: Option<f64>,
    c34: Option<Json>,
    c35: Option<i64>,
    c36: Option<String>,
    c37: Option<bool>,
    c38: Option<f64>,
    c39: Option<Json>,
    c40: Option<i64>,
    c41: Option<String>,
    c42: Option<bool>,
    c43: Option<f64>,
    c44: Option<Json>,
    c45: Option<i64>,
    c46: Option<String>,
    c47: Option<bool>,
    c48: Option<f64>,
    c49: Option<Json>,
    c50: Option<i64>,
    c51: Option<String>,
    c52: Option<bool>,
    c53: Option<f64>,
    c54: Option<Json>,
    c55: Option<i64>,
    c56: Option<String>,
    c57: Option<bool>,
    c58: Option<f64>,
    c59: Option<Json>,
    #[index]
    events: u64,
}

#[derive(Default, Tables)]
struct WideRows {
    wide: Table<Wide>,
}

impl Projection for WideRows {
    type Event = Change<'static>;

    fn apply(&mut self, event: Change, _: &Envelope) -> Result<(), Fault> {
        let Change::Set { key, amount, ratio, flag, note, extra, .. } = event else { return Ok(()) };
        let row = self.wide.entry(key);
        row.events += 1;
        match amount & 3 {
            0 => (row.c0, row.c1, row.c2) = (Some(amount), note.map(str::to_owned), flag),
            1 => (row.c13, row.c14, row.c25) = (ratio, extra, Some(amount)),
            2 => (row.c55, row.c56, row.c57) = (Some(amount), note.map(str::to_owned), flag),
            _ => (row.c58, row.c59, row.c0) = (ratio, extra, None),
        }
        Ok(())
    }
}

export!(WideRows, name = "wide", version = 1);
