//! A **case**: a log, a probe with its settings, and a way to compute it that must come to the rows of the plain one.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use crate::computed::Computed;
use crate::log::{self, Event};
use crate::plain;
use crate::probes::{self, Probe};
use crate::rng::Rng;
use crate::stored::Stored;
use crate::way::Way;

/// What is computed, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Case {
    pub seed: u64,
    pub probe: String,
    pub settings: String,
    pub way: Way,
    pub events: Vec<Event>,
}

/// Probes of one log, and ways for each of them.
const PROBES_OF_A_LOG: u64 = 3;
const WAYS_OF_A_PROBE: u64 = 3;

/// Checks the log of a seed; the first case that differs, and how. How many read models were compared.
pub fn check_seed(seed: u64) -> Result<u64, Box<(Case, String)>> {
    let mut rng = Rng::new(seed);
    let events = log::generate(&mut rng.fork());
    let stored = Stored::new(&events);
    let mut compared = 0;
    for probe in 0..PROBES_OF_A_LOG {
        let tested = rng.pick(probes::all());
        let settings = *rng.pick(tested.settings);
        let ways: Vec<Way> = (0..WAYS_OF_A_PROBE).map(|_| Way::random(&mut rng)).collect();
        let case = |way: &Way| Case {
            seed,
            probe: tested.name.to_owned(),
            settings: settings.to_owned(),
            way: way.clone(),
            events: events.clone(),
        };
        let reference = attempt(|| reference(&stored, tested, settings, &events, &format!("plain-{probe}")))
            .map_err(|difference| Box::new((case(&Way::plain()), difference)))?;
        for (number, way) in ways.iter().enumerate() {
            let name = format!("way-{probe}-{number}");
            attempt(|| differs(&reference, &stored, tested, settings, way, &name))
                .map_err(|difference| Box::new((case(way), difference)))?;
            compared += 1;
        }
    }
    Ok(compared)
}

impl Case {
    /// How the rows differ, if they do.
    pub fn run(&self) -> Result<(), String> {
        let (stored, probe) = (Stored::new(&self.events), Probe::named(&self.probe));
        let reference = attempt(|| reference(&stored, probe, &self.settings, &self.events, "plain"))?;
        attempt(|| differs(&reference, &stored, probe, &self.settings, &self.way, "way"))
    }
}

/// A panic of the code under test is a difference too.
fn attempt<T>(check: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("it panicked: {}", text.unwrap_or_default()))
    })
}

/// What the plain way comes to, compared with plain code where there is some.
fn reference(stored: &Stored, probe: &Probe, settings: &str, log: &[Event], name: &str) -> Result<Computed, String> {
    let computed = Computed::new(stored, probe, settings, &Way::plain(), name);
    for (table, rows) in computed.tables.iter().flatten() {
        let folded = &log[..computed.checkpoint.0 as usize];
        let Some(expected) = plain::rows(probe.name, table, folded) else { continue };
        let found: Vec<_> = rows.iter().map(|row| plain::value(row)).collect();
        if let Some(place) = (0..expected.len().max(found.len())).find(|&row| expected.get(row) != found.get(row)) {
            return Err(format!(
                "the plain way differs from plain code in `{table}`, row {place}:\n  plain code: {:?}\n  plain way:  {:?}",
                expected.get(place),
                found.get(place)
            ));
        }
    }
    Ok(computed)
}

fn differs(
    reference: &Computed,
    stored: &Stored,
    probe: &Probe,
    settings: &str,
    way: &Way,
    name: &str,
) -> Result<(), String> {
    let found = Computed::new(stored, probe, settings, way, name);
    let mut differences = String::new();
    match (&reference.fault, &found.fault) {
        (None, None) => {}
        (Some(expected), Some(found_fault)) => {
            // Rows that cannot be written show when they are written. A build has no way back, so it cannot always tell
            // which event that was.
            let is_untold = found.is_built && found_fault.position.is_none();
            if expected.kind != found_fault.kind || (!is_untold && expected != found_fault) {
                _ = writeln!(differences, "  fault: {expected:?}\n  found: {found_fault:?}");
            }
        }
        (expected, found) => _ = writeln!(differences, "  fault: {expected:?}\n  found: {found:?}"),
    }
    if let (Some(expected), Some(tables)) = (&reference.tables, &found.tables) {
        if reference.checkpoint != found.checkpoint {
            _ = writeln!(differences, "  checkpoint: {}, found: {}", reference.checkpoint, found.checkpoint);
        }
        for ((table, expected), (_, rows)) in expected.iter().zip(tables) {
            let Some(place) = (0..expected.len().max(rows.len())).find(|&row| expected.get(row) != rows.get(row))
            else {
                continue;
            };
            _ = writeln!(
                differences,
                "  `{table}` has {} rows, found {}; row {place}:\n    expected: {}\n    found:    {}",
                expected.len(),
                rows.len(),
                shown(expected.get(place)),
                shown(rows.get(place)),
            );
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(differences) }
}

fn shown(row: Option<&String>) -> String {
    match row {
        None => "nothing".to_owned(),
        Some(row) if row.len() > 600 => {
            let end = (0..=600).rev().find(|&at| row.is_char_boundary(at)).unwrap_or(0);
            format!("{}... ({} bytes)", &row[..end], row.len())
        }
        Some(row) => row.clone(),
    }
}
