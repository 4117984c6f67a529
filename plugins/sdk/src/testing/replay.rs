//! **Replays** of the same events, cut differently, that must agree.

use std::collections::BTreeMap;
use std::fmt;

use super::Recorded;
use super::difference;
use super::shred::{Placed, Shape, Shredder};
use super::store::{self, Rows, Store};
use crate::Exported;
use crate::bindings::manifests::Manifest;
use crate::bindings::{Start, faults};
use crate::runtime::{self, Runtime};

/// What became of the events.
#[derive(Clone)]
pub(crate) enum Outcome {
    Rows(BTreeMap<String, Rows>),
    Fault(Stopped),
}

/// A fault, and the given event that it is at.
#[derive(Clone, PartialEq)]
pub(crate) struct Stopped {
    pub(crate) event: Option<usize>,
    field: Option<String>,
    message: String,
    hint: Option<String>,
}

impl Stopped {
    fn new(fault: faults::Fault, events: &[Placed<'_>]) -> Stopped {
        let event = fault.event.and_then(|index| events.get(index as usize)).map(|placed| placed.position as usize - 1);
        Stopped { event, field: fault.field, message: fault.message, hint: fault.hint }
    }

    fn host(message: String) -> Stopped {
        Stopped { event: None, field: None, message, hint: None }
    }

    pub(crate) fn text(&self) -> String {
        let field = self.field.as_ref().map_or(String::new(), |field| format!("field `{field}`: "));
        let hint = self.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
        format!("{field}{}{hint}", self.message)
    }

    pub(crate) fn place(&self) -> String {
        self.event.map_or("no event".into(), |event| format!("event {event}"))
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {})", self.text(), self.place())
    }
}

/// One way to replay.
#[derive(Clone, Copy)]
struct Cut {
    batch: usize,
    flush: bool,
    cache_bytes: u64,
    reopen: bool,
    shape: Shape,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.batch {
            usize::MAX => f.write_str("all events in one batch")?,
            batch => write!(f, "batches of {batch}")?,
        }
        f.write_str(if self.flush { ", flushed after each" } else { ", flushed at the end" })?;
        f.write_str(if self.reopen { ", a new instance for each" } else { "" })?;
        f.write_str(match self.cache_bytes {
            0 => ", no unchanged rows kept",
            CACHE_FEW => ", few unchanged rows kept",
            _ => ", all rows kept",
        })?;
        write!(f, ", columns as {:?}", self.shape)
    }
}

/// Memory for unchanged rows, in bytes, that some rows fit into and most tests' rows do not.
const CACHE_FEW: u64 = 1_000;
const BATCHES: [usize; 5] = [usize::MAX, 1, 2, 3, 7];
const SHAPES: [Shape; 4] = [Shape::Symbols, Shape::NewSymbols, Shape::Texts, Shape::Json];

fn cuts() -> impl Iterator<Item = Cut> {
    BATCHES.into_iter().flat_map(|batch| {
        SHAPES.into_iter().flat_map(move |shape| {
            let ways = [
                (false, u64::MAX, false),
                (false, 0, false),
                (false, CACHE_FEW, false),
                (true, u64::MAX, false),
                (true, 0, false),
                (true, CACHE_FEW, false),
                (true, 0, true),
            ];
            ways.map(|(flush, cache_bytes, reopen)| Cut { batch, flush, cache_bytes, reopen, shape })
        })
    })
}

/// Replays in every way; the error shows the first two that disagree.
pub(crate) fn replay_all<P: Exported>(events: &[Recorded], settings: &str) -> Result<Outcome, String> {
    let manifest = runtime::manifest::<P>();
    let placed = place(&manifest, events);
    let mut first: Option<(Cut, Outcome)> = None;
    for cut in cuts() {
        let outcome = replay::<P>(&manifest, &placed, settings, cut);
        match &first {
            None => first = Some((cut, outcome)),
            Some((other, known)) => {
                if let Some(difference) = disagreement(&manifest, known, &outcome) {
                    return Err(format!(
                        "what the projection computes depends on where batches and flushes fall\n  one way: {other}\n  \
                         another: {cut}\n{difference}"
                    ));
                }
            }
        }
    }
    first.map(|(_, outcome)| outcome).ok_or_else(|| "nothing was replayed".into())
}

fn disagreement(manifest: &Manifest, one: &Outcome, another: &Outcome) -> Option<String> {
    match (one, another) {
        (Outcome::Fault(one), Outcome::Fault(another)) if one == another => None,
        (Outcome::Rows(one), Outcome::Rows(another)) => manifest
            .tables
            .iter()
            .find_map(|table| difference::between(table, one.get(&table.name)?, another.get(&table.name)?)),
        (one, another) => {
            let show = |outcome: &Outcome| match outcome {
                Outcome::Rows(_) => "no fault".into(),
                Outcome::Fault(fault) => fault.to_string(),
            };
            Some(format!("  one way: {}\n  another: {}", show(one), show(another)))
        }
    }
}

/// The events that the projection takes, with their places.
fn place<'a>(manifest: &Manifest, events: &'a [Recorded]) -> Vec<Placed<'a>> {
    let mut versions = BTreeMap::<&str, u64>::new();
    let mut placed = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let version = versions.entry(&event.stream).or_default();
        *version += 1;
        if Shredder::kind(&manifest.subscription, event).is_some() {
            placed.push(Placed { position: index as u64 + 1, stream_version: *version, event });
        }
    }
    placed
}

fn replay<P: Exported>(manifest: &Manifest, events: &[Placed<'_>], settings: &str, cut: Cut) -> Outcome {
    store::with(|store| *store = Store::new(manifest.tables.clone()));
    match replay_into_store::<P>(manifest, events, settings, cut) {
        Ok(()) => Outcome::Rows(store::with(std::mem::take).into_tables()),
        Err(stopped) => Outcome::Fault(stopped),
    }
}

fn replay_into_store<P: Exported>(
    manifest: &Manifest,
    events: &[Placed<'_>],
    settings: &str,
    cut: Cut,
) -> Result<(), Stopped> {
    let mut after = 0;
    let open = |after| {
        let empty = store::with(|store| store.is_empty());
        // Rows must not depend on it.
        let seed = after ^ cut.cache_bytes;
        let start = Start {
            checkpoint: after,
            empty,
            settings: settings.into(),
            cache_bytes: cut.cache_bytes,
            memory_bytes: u64::MAX,
            seed,
        };
        let runtime = Runtime::<P>::open(start).map_err(|fault| Stopped::new(fault, &[]))?;
        Ok((runtime, Shredder::new(&manifest.subscription, cut.shape)))
    };
    let flush = |runtime: &mut Runtime<P>| {
        let changes = runtime.flush().map_err(|fault| Stopped::new(fault, &[]))?;
        store::with(|store| store.commit(&changes)).map_err(Stopped::host)
    };
    let (mut runtime, mut shredder) = open(after)?;
    for events in events.chunks(cut.batch) {
        let through = events.last().map_or(after, |placed| placed.position);
        let batch = shredder.batch(after, through, events);
        runtime.apply(batch).map_err(|fault| Stopped::new(fault, events))?;
        after = through;
        if cut.flush {
            flush(&mut runtime)?;
        }
        if cut.reopen {
            (runtime, shredder) = open(after)?;
        }
    }
    flush(&mut runtime)
}
