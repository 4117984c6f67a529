//! A **computed** read model: what became of a log, in one way, as far as it can be compared.

use projectionist::event::{Fault, FaultKind, Position, Result};
use projectionist::plugin::{MemoryShare, Plugin};
use projectionist::projection::{Proceed, Projector, ProjectorSpec, identity};
use projectionist::read_model::{Generation, Writer};

use crate::probes::Probe;
use crate::stored::{Stored, seal};
use crate::way::{CodeWay, Stretch, Way, part};

/// All that two ways must agree on.
#[derive(Clone, Debug, PartialEq)]
pub struct Computed {
    /// The rows of each table as JSON, in key order; none when a build failed, which is never shown.
    pub tables: Option<Vec<(String, Vec<String>)>>,
    pub checkpoint: Position,
    pub fault: Option<Told>,
    /// What the fault was found by: a build, or an event that came live.
    pub is_built: bool,
}

/// A fault as it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub kind: FaultKind,
    pub position: Option<Position>,
    pub message: String,
}

impl Computed {
    /// Computes `probe` with `settings` over a log.
    pub fn new(stored: &Stored, probe: &Probe, settings: &str, way: &Way, name: &str) -> Computed {
        Computed::through(stored, probe, settings, way, name, stored.head)
    }

    /// The same of the log up to a position.
    pub fn through(
        stored: &Stored,
        probe: &Probe,
        settings: &str,
        way: &Way,
        name: &str,
        through: Position,
    ) -> Computed {
        let running = Running { stored, settings, way, plugin: plugin(probe, way.code), name, through };
        running.compute().unwrap_or_else(|fault| panic!("the harness cannot go on: {fault:?}"))
    }
}

fn plugin(probe: &Probe, code: CodeWay) -> Plugin {
    match code {
        CodeWay::Optimised => probe.optimised.clone(),
        CodeWay::Quick => probe.quick(),
        CodeWay::StartsOver(_) | CodeWay::OptimisedLater => probe.quick_of_its_own(),
    }
}

struct Running<'a> {
    stored: &'a Stored,
    settings: &'a str,
    way: &'a Way,
    plugin: Plugin,
    name: &'a str,
    through: Position,
}

impl Running<'_> {
    fn compute(&self) -> Result<Computed> {
        let head = self.through;
        let file = self.stored.file(self.name);
        let history = self
            .way
            .history
            .as_ref()
            .map(|way| self.stored.history(&format!("history-{}", self.name), way.sizes(), part(head, way.sealed)));
        let projector = |generation, stretch: &Stretch| {
            let spec = ProjectorSpec {
                plugin: self.plugin.clone(),
                limits: self.way.limits(),
                memory: MemoryShare::unlimited(),
                settings: self.settings.to_owned(),
                source: &self.stored.store,
                history: history.as_ref(),
                size: self.way.batches(stretch),
                thresholds: self.way.thresholds(head),
            };
            Projector::new(spec, generation)
        };
        let identity = identity(&self.plugin, self.settings.to_owned());
        let manifest = self.plugin.manifest();
        let generation = Generation::create_with(&file, &identity, manifest, self.way.build())?;
        let first = &self.way.stretches[0];
        let mut building = projector(generation, first)?;
        if let Err(fault) = self.build(&mut building, part(head, first.through)) {
            return Ok(Computed {
                tables: None,
                checkpoint: Position::START,
                fault: Some(told(fault)),
                is_built: true,
            });
        }
        if let Err(fault) = building.finish(&mut |_| Proceed::On) {
            return Ok(Computed {
                tables: None,
                checkpoint: Position::START,
                fault: Some(told(fault)),
                is_built: true,
            });
        }
        let mut running = Some(building).filter(|_| !first.restart);
        let mut fault = None;
        if self.way.code == CodeWay::OptimisedLater {
            self.plugin.optimise();
        }
        for stretch in &self.way.stretches[1..] {
            let through = part(head, stretch.through);
            if let (Some(history), Some(true)) = (&history, self.way.history.as_ref().map(|way| way.grows)) {
                seal(history, &self.stored.store, through);
            }
            let mut current = match running.take() {
                Some(running) => running,
                None => projector(Generation::open(&file)?, stretch)?,
            };
            fault = current.advance(through, &mut |_| Proceed::On).err();
            if fault.is_some() {
                break;
            }
            running = Some(current).filter(|_| !stretch.restart);
        }
        drop(running);
        read(Generation::open(&file)?, fault.map(told))
    }

    /// Builds up to `through`; a build that is stopped on the way is told to go on.
    fn build(&self, building: &mut Projector, through: Position) -> Result<()> {
        let mut left = self.way.stop_after;
        loop {
            let mut is_stopped = false;
            building.advance(through, &mut |_| {
                left = left.and_then(|left| match left.checked_sub(1) {
                    Some(left) => Some(left),
                    None => {
                        is_stopped = true;
                        None
                    }
                });
                if is_stopped { Proceed::Stop } else { Proceed::On }
            })?;
            if building.checkpoint() >= through || !is_stopped {
                return Ok(());
            }
        }
    }
}

fn told(fault: Fault) -> Told {
    Told { kind: fault.kind, position: fault.position, message: fault.message.clone() }
}

/// Everything that a finished file holds; the file itself must be sound.
fn read(generation: Generation, fault: Option<Told>) -> Result<Computed> {
    let (checkpoint, path) = (generation.checkpoint(), generation.path().to_owned());
    let tables = generation.manifest().tables.iter();
    let tables: Result<Vec<_>> =
        tables.map(|table| Ok((table.name.clone(), generation.rows_as_json(&table.name)?))).collect();
    let (tables, counts) = (tables?, generation.row_counts()?);
    drop(generation);
    for ((table, rows), (_, count)) in tables.iter().zip(&counts) {
        assert_eq!(rows.len() as u64, *count, "rows of `{table}`");
    }
    crate::sound::check(&path);
    Ok(Computed { tables: Some(tables), checkpoint, fault, is_built: false })
}
