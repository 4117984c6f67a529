//! **Values** of generated events: JSON text, written in many ways.

use std::fmt::Write;

use crate::rng::Rng;

/// What the values of one log are like.
pub struct Values {
    rng: Rng,
    /// How many distinct keys there are.
    keys: u64,
    /// With what the keys begin.
    prefix: String,
    amounts: u64,
    /// What kind the values of `group` are of, from time to time another.
    groups: u64,
    /// How often a value is huge, in a thousand.
    huge: u64,
    /// How ids look.
    ids: u64,
    /// Whether times go backwards.
    is_disordered: bool,
    number: u64,
    is_late: bool,
}

impl Values {
    pub fn new(mut rng: Rng) -> Values {
        let prefix = *rng.pick(&[0, 0, 0, 3, 15, 16, 17, 40, 255, 4_095, 4_096, 4_100]);
        Values {
            keys: *rng.pick(&[1, 2, 5, 30, 10_000]),
            prefix: "p".repeat(prefix),
            amounts: *rng.pick(&[1, 3, 50, u64::MAX]),
            groups: rng.below(8),
            huge: *rng.pick(&[0, 0, 0, 5, 20]),
            ids: rng.below(5),
            is_disordered: rng.chance(30),
            number: 0,
            is_late: false,
            rng,
        }
    }

    /// Turns to the next event.
    pub fn at(&mut self, number: u64, is_late: bool) {
        (self.number, self.is_late) = (number, is_late);
        if self.rng.chance(2) {
            self.groups = self.rng.below(8);
        }
    }

    /// An object with these fields, in any order, and perhaps some of the optional ones and some that nobody reads.
    pub fn change(&mut self, required: &[&str], optional: &[&str]) -> String {
        let mut members: Vec<String> = required.iter().map(|name| (*name).to_owned()).collect();
        let is_there = |rng: &mut Rng, late: bool| if late { rng.chance(70) } else { rng.chance(25) };
        let late = self.is_late;
        members.extend(optional.iter().filter(|_| is_there(&mut self.rng, late)).map(|name| (*name).to_owned()));
        if self.rng.chance(40) && !members.iter().any(|name| name == "extra") {
            members.push("extra".to_owned());
        }
        // One of two names of the same field, never both.
        if members.iter().any(|name| name == "note") {
            members.retain(|name| name != "remark");
        }
        for _ in 0..*self.rng.pick(&[0, 0, 0, 1, 4]) {
            let name = format!("unread_{}", self.rng.below(if late { 400 } else { 5 }));
            if !members.contains(&name) {
                members.push(name);
            }
        }
        // Events without the field that a projection is partitioned by.
        if self.rng.chance(4) {
            members.retain(|name| name != "group");
        }
        if !members.is_empty() && self.rng.chance(50) {
            let at = self.rng.below(members.len() as u64) as usize;
            members.rotate_left(at);
        }
        let space = *self.rng.pick(&["", "", "", " ", "\t"]);
        let mut json = format!("{{{space}");
        for (place, name) in members.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            // A key may be written with escapes.
            let key = match self.rng.chance(2) {
                true => format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]),
                false => name.clone(),
            };
            let value = self.field(name);
            write!(json, "{comma}{space}\"{key}\":{space}{value}").expect("a string");
        }
        json.push_str(space);
        json.push('}');
        json
    }

    fn field(&mut self, name: &str) -> String {
        // What may be missing may be null; fields that must be there may not.
        if !matches!(name, "key" | "to" | "amount" | "group" | "count") && self.rng.chance(10) {
            return "null".to_owned();
        }
        match name {
            "key" | "to" => self.key(),
            "amount" => self.amount(),
            "count" => self.rng.below(1 + u64::from(u32::MAX) / 3).to_string(),
            "ratio" => self.real(),
            "flag" => self.rng.chance(50).to_string(),
            "remark" | "note" => self.text(),
            "raw" => quoted(*self.rng.pick(&["", "AA==", "AAEC", "/+8=", "cHJvamVjdGlvbg=="])),
            "uid" => quoted(&format!("00000000-0000-4000-8000-{:012x}", self.rng.below(6))),
            "at" => quoted(&self.instant()),
            "tags" => match self.rng.below(3) {
                0 => "[]".to_owned(),
                _ => format!("[{}, {}]", self.text(), self.key()),
            },
            "group" => self.group(),
            _ => self.anything(2),
        }
    }

    fn key(&mut self) -> String {
        let number = self.rng.below(self.keys);
        // Some differ in their last byte alone, some in length alone.
        quoted(&match number % 3 {
            0 => format!("{}{number}", self.prefix),
            1 => format!("{}é{}", self.prefix, "x".repeat((number % 40) as usize)),
            _ => format!("{}{}", &self.prefix[..self.prefix.len() / 2], number),
        })
    }

    fn amount(&mut self) -> String {
        if self.amounts == u64::MAX {
            return match self.rng.below(6) {
                0 => i64::MAX.to_string(),
                1 => i64::MIN.to_string(),
                2 => (1i64 << 53).to_string(),
                3 => ((1i64 << 53) + 1).to_string(),
                _ => self.rng.next().cast_signed().to_string(),
            };
        }
        let number = self.rng.below(self.amounts).cast_signed() - 1;
        // The same number in several spellings.
        match self.rng.below(60) {
            0 => format!("{number}.0"),
            1 => format!("{number}e0"),
            _ => number.to_string(),
        }
    }

    fn real(&mut self) -> String {
        match self.rng.below(8) {
            0 => "0".to_owned(),
            1 => "-0.0".to_owned(),
            2 => "1e300".to_owned(),
            3 => "0.1".to_owned(),
            4 => "5".to_owned(),
            5 => "2.50".to_owned(),
            _ => format!("{}.{}", self.rng.below(100), self.rng.below(1_000)),
        }
    }

    fn group(&mut self) -> String {
        match self.groups {
            0 => "null".to_owned(),
            1 => self.rng.below(4).to_string(),
            2 => format!("{}.5", self.rng.below(3)),
            3 => self.rng.chance(50).to_string(),
            4 => format!("[{}]", self.rng.below(2)),
            _ => self.key(),
        }
    }

    fn text(&mut self) -> String {
        if self.rng.below(1_000) < self.huge {
            let bytes = *self.rng.pick(&[300, 4_097, 70_000]);
            return quoted(&"huge ".repeat(bytes / 5));
        }
        match self.rng.below(7) {
            0 => quoted(""),
            1 => r#""a\"b\\c\/d""#.to_owned(),
            2 => r#""\u00e9\ud83d\ude00\n""#.to_owned(),
            3 => quoted("naïve 😀"),
            4 => quoted(&format!("{:x}", self.rng.next())),
            _ => quoted(&format!("note {}", self.rng.below(5))),
        }
    }

    /// Any JSON, nested at most so deep.
    pub fn anything(&mut self, depth: u64) -> String {
        match self.rng.below(if depth == 0 { 7 } else { 11 }) {
            0 => "null".to_owned(),
            1 => self.rng.chance(50).to_string(),
            2 => self.rng.below(10).to_string(),
            3 => self.real(),
            4 => "123456789012345678901234567890".to_owned(),
            5 => "1E+2".to_owned(),
            6 => self.text(),
            7 => "{}".to_owned(),
            8 => format!("[{}, {}]", self.anything(depth - 1), self.anything(depth - 1)),
            _ => {
                let names = if self.is_late { 30 } else { 4 };
                let first = self.rng.below(names);
                let values: Vec<_> = (0..1 + self.rng.below(3))
                    .map(|place| format!("\"f{}\":{}", first + place, self.anything(depth - 1)))
                    .collect();
                format!("{{{}}}", values.join(","))
            }
        }
    }

    pub fn metadata(&mut self) -> String {
        match self.rng.below(6) {
            0 => "{}".to_owned(),
            1 => r#"{"user":null}"#.to_owned(),
            2 => format!(r#"{{"trace":{},"more":{}}}"#, self.text(), self.anything(1)),
            3 if self.is_late => format!(r#"{{"user":{}}}"#, self.anything(1)),
            _ => format!(r#"{{"user":"u{}","trace":"t{}"}}"#, self.rng.below(3), self.number),
        }
    }

    /// The name of a type that no probe knows by name.
    pub fn type_name(&mut self, types: u64) -> String {
        let number = self.rng.below(types);
        match number % 6 {
            0 => format!("Type {number} ü"),
            1 => format!("t{}", "y".repeat((number * 17) as usize)),
            _ => format!("Type{number}"),
        }
    }

    /// Ids are distinct, in one of several shapes.
    pub fn id(&mut self, number: u64) -> String {
        let shape = if self.ids == 4 { number % 4 } else { self.ids };
        match shape {
            0 => format!("00000000-0000-7000-8000-{number:012x}"),
            1 => format!("event {number}"),
            2 => format!("00000000-0000-7000-8000-{number:012X}"),
            _ => format!("{}{number}", "i".repeat(200)),
        }
    }

    pub fn time(&mut self, number: u64) -> String {
        let seconds = if self.is_disordered { self.rng.below(86_400) } else { number * 60 % 86_400 };
        let [hour, minute, second] = [seconds / 3600, seconds / 60 % 60, seconds % 60];
        format!("2024-03-01T{hour:02}:{minute:02}:{second:02}.{:06}Z", self.rng.below(3))
    }

    fn instant(&mut self) -> String {
        format!("19{}-0{}-0{}T00:00:0{}Z", self.rng.between(10, 99), self.rng.between(1, 9), self.rng.between(1, 9), 7)
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
