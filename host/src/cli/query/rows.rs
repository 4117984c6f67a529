//! How **rows** are printed: JSON Lines, CSV, or a table for people.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::ControlFlow;

use crate::cli::table;
use crate::event::{Fault, Result};
use crate::read_model::query::{Sink, Value};

/// A failure to print ends the query; `end` then gives it back as it is, so that a closed pipe is known as one.
type Broken = Option<io::Error>;

fn go_on(broken: &Broken) -> Result<ControlFlow<()>> {
    Ok(if broken.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
}

/// One object a row. A column whose name was there already is numbered: `n`, `n_2`.
pub(super) struct JsonLines<W> {
    out: W,
    /// The names as JSON, each with what stands before it.
    keys: Vec<String>,
    broken: Broken,
}

impl<W: Write> JsonLines<W> {
    pub fn new(out: W) -> Self {
        JsonLines { out, keys: Vec::new(), broken: None }
    }

    pub fn end(mut self) -> io::Result<()> {
        self.broken.map_or_else(|| self.out.flush(), Err)
    }

    fn write(&mut self, values: &[Value]) -> io::Result<()> {
        for (key, value) in self.keys.iter().zip(values) {
            self.out.write_all(key.as_bytes())?;
            match value {
                Value::Null => self.out.write_all(b"null")?,
                Value::Integer(value) => write!(self.out, "{value}")?,
                // JSON has no infinities; readers round this to one, as SQLite's own JSON does.
                Value::Real(value) if value.is_infinite() => {
                    self.out.write_all(if *value > 0.0 { b"9e999" } else { b"-9e999" })?;
                }
                Value::Real(value) => serde_json::to_writer(&mut self.out, value)?,
                Value::Text(value) => serde_json::to_writer(&mut self.out, value)?,
                Value::Blob(value) => write!(self.out, "\"{}\"", hex(value))?,
            }
        }
        self.out.write_all(b"}\n")
    }
}

impl<W: Write> Sink for JsonLines<W> {
    fn columns(&mut self, names: &[String]) -> Result<()> {
        let mut taken: Vec<String> = Vec::new();
        for name in names {
            let mut key = name.clone();
            let mut number = 1;
            while taken.contains(&key) {
                number += 1;
                key = format!("{name}_{number}");
            }
            let quoted = serde_json::to_string(&key).map_err(|error| Fault::storage("writing JSON", error))?;
            self.keys.push(format!("{}{quoted}:", if taken.is_empty() { '{' } else { ',' }));
            taken.push(key);
        }
        Ok(())
    }

    fn row(&mut self, values: &[Value]) -> Result<ControlFlow<()>> {
        self.broken = self.write(values).err();
        go_on(&self.broken)
    }
}

/// A heading, then a line a row.
pub(super) struct Csv<W: Write> {
    out: csv::Writer<W>,
    broken: Broken,
}

impl<W: Write> Csv<W> {
    pub fn new(out: W) -> Self {
        Csv { out: csv::Writer::from_writer(out), broken: None }
    }

    pub fn end(mut self) -> io::Result<()> {
        self.broken.map_or_else(|| self.out.flush(), Err)
    }

    fn write<'a>(&mut self, fields: impl Iterator<Item = std::borrow::Cow<'a, str>>) {
        for field in fields {
            if let Err(error) = self.out.write_field(field.as_bytes()) {
                self.broken = Some(error.into());
                return;
            }
        }
        self.broken = self.out.write_record(None::<&[u8]>).err().map(Into::into);
    }
}

impl<W: Write> Sink for Csv<W> {
    fn columns(&mut self, names: &[String]) -> Result<()> {
        self.write(names.iter().map(|name| name.into()));
        Ok(())
    }

    fn row(&mut self, values: &[Value]) -> Result<ControlFlow<()>> {
        if self.broken.is_none() {
            self.write(values.iter().map(|value| match value {
                Value::Null => "".into(),
                Value::Text(text) => text.into(),
                other => plain(other).into(),
            }));
        }
        go_on(&self.broken)
    }
}

/// A table, numbers to the right.
#[derive(Default)]
pub(super) struct People {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Which columns have held nothing but numbers.
    numbers: Vec<bool>,
}

impl People {
    pub fn end(self, mut out: impl Write) -> io::Result<()> {
        let right: Vec<usize> = (0..self.names.len()).filter(|&column| self.numbers[column]).collect();
        let mut table = table::with_headings(&self.names, &right);
        table.add_rows(self.rows);
        table::write(&table, &mut out)?;
        out.flush()
    }
}

impl Sink for People {
    fn columns(&mut self, names: &[String]) -> Result<()> {
        self.names = names.to_vec();
        self.numbers = vec![true; names.len()];
        Ok(())
    }

    fn row(&mut self, values: &[Value]) -> Result<ControlFlow<()>> {
        for (value, numbers) in values.iter().zip(&mut self.numbers) {
            *numbers &= matches!(value, Value::Null | Value::Integer(_) | Value::Real(_));
        }
        self.rows.push(values.iter().map(for_people).collect());
        Ok(ControlFlow::Continue(()))
    }
}

/// On one line, and without what a terminal would obey.
fn for_people(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Text(text) => {
            text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
        }
        other => plain(other),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => format!("{value:?}"),
        Value::Text(value) => value.clone(),
        Value::Blob(value) => hex(value),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(sink: &mut dyn Sink) {
        sink.columns(&["n".into(), "n".into(), "t".into()]).unwrap();
        let rows = [
            [Value::Integer(i64::MIN), Value::Real(1.0), Value::Text("a,\"b\"\n\u{1b}[1m".into())],
            [Value::Null, Value::Real(f64::INFINITY), Value::Blob(vec![0, 255])],
        ];
        for row in &rows {
            assert!(sink.row(row).unwrap().is_continue());
        }
    }

    #[test]
    fn json_lines_keep_every_value() {
        let mut out = Vec::new();
        let mut sink = JsonLines::new(&mut out);
        feed(&mut sink);
        sink.end().unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"n\":-9223372036854775808,\"n_2\":1.0,\"t\":\"a,\\\"b\\\"\\n\\u001b[1m\"}\n\
             {\"n\":null,\"n_2\":9e999,\"t\":\"00ff\"}\n"
        );
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let mut out = Vec::new();
        let mut sink = Csv::new(&mut out);
        feed(&mut sink);
        sink.end().unwrap();
        let expected = "n,n,t\n-9223372036854775808,1.0,\"a,\"\"b\"\"\n\u{1b}[1m\"\n,inf,00ff\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn people_see_no_control_characters() {
        let mut out = Vec::new();
        let mut sink = People::default();
        feed(&mut sink);
        sink.end(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("a,\"b\"\\n\\u{1b}[1m"), "{text}");
        assert!(text.contains("NULL"), "{text}");
        assert_eq!(text.lines().count(), 3);
    }

    #[test]
    fn a_closed_pipe_ends_the_query() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut sink = JsonLines::new(Closed);
        sink.columns(&["n".into()]).unwrap();
        assert!(sink.row(&[Value::Null]).unwrap().is_break());
        assert_eq!(sink.end().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
