//! Importing, into any store that can be appended to.

mod arrays;
mod cloudevents;
mod compressed;
mod lines;
mod rejects;
mod stores;

use std::io::Cursor;

use projectionist::event::Fault;
use projectionist::event_store::AppendableStore;
use projectionist::import::{Input, Options, Report, import};

use crate::{Seen, scan, whole};

fn bring(store: &dyn AppendableStore, text: impl Into<Vec<u8>>, options: Options<'_>) -> Result<Report, Fault> {
    import(store, Input::new("events.jsonl", Cursor::new(text.into())).unwrap(), options)
}

fn seen(store: &dyn AppendableStore) -> Vec<Seen> {
    scan(store, &whole())
}

fn payloads(store: &dyn AppendableStore) -> Vec<String> {
    seen(store).into_iter().map(|event| event.data).collect()
}

fn lines(range: std::ops::Range<u32>) -> String {
    range.map(|n| format!("{{\"stream\":\"s{}\",\"type\":\"A\",\"data\":{n}}}\n", n % 7)).collect()
}
