//! A **replayed** read model: what became of a scenario's events, and the fault that parked it, if one did.

use std::path::PathBuf;

use projectionist::event::{Fault, Position, Result};
use projectionist::plugin::{Limits, MemoryShare, Plugin};
use projectionist::projection::{BatchSize, Proceed, Projector, ProjectorSpec, Thresholds, identity};
use projectionist::read_model::Generation;

use crate::scenario::Scenario;

/// A stretch of a replay: so far, in batches of so many events.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    pub through: Position,
    pub batch_events: usize,
    /// Whether the host stops after it, and starts again from the file.
    pub restart: bool,
}

/// A finished read model, and the fault that it was parked with.
pub struct Replayed {
    pub file: PathBuf,
    pub generation: Generation,
    pub fault: Option<Fault>,
    _place: tempfile::TempDir,
}

impl Replayed {
    /// Built at one go, as a rebuild does it. A fault is an `Err`: a read model that was not built to its end is
    /// never shown.
    pub fn rebuilt(scenario: &Scenario, plugin: &Plugin, through: Position, batch_events: usize) -> Result<Replayed> {
        Replayed::in_stretches(scenario, plugin, &[Stretch { through, batch_events, restart: false }])
    }

    /// Built while the log was empty; then all events come.
    pub fn live(scenario: &Scenario, plugin: &Plugin, through: Position, batch_events: usize) -> Replayed {
        let stretches = [Position::START, through].map(|through| Stretch { through, batch_events, restart: false });
        Replayed::in_stretches(scenario, plugin, &stretches).expect("an empty log has no faults")
    }

    /// The first stretch is a rebuild, whose fault is an `Err`; the others follow it live.
    pub fn in_stretches(scenario: &Scenario, plugin: &Plugin, stretches: &[Stretch]) -> Result<Replayed> {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("generation.sqlite");
        let projector = |generation, batch_events| {
            let size = BatchSize::events(batch_events);
            let thresholds = Thresholds::default();
            let (plugin, limits, settings) = (plugin.clone(), Limits::default(), "{}".to_owned());
            let memory = MemoryShare::unlimited();
            let source = &scenario.store;
            let spec = ProjectorSpec { plugin, limits, memory, settings, source, history: None, size, thresholds };
            Projector::new(spec, generation).expect("a projector")
        };
        let identity = identity(plugin, "{}".into());
        let generation = Generation::create(&file, &identity, plugin.manifest()).expect("a generation");
        let mut rebuild = projector(generation, stretches[0].batch_events);
        rebuild.advance(stretches[0].through, &mut |_| Proceed::On)?;
        rebuild.generation().finish()?;

        let mut running = (!stretches[0].restart).then_some(rebuild);
        let mut fault = None;
        for stretch in &stretches[1..] {
            let mut current = running.take().unwrap_or_else(|| {
                projector(Generation::open(&file).expect("the generation again"), stretch.batch_events)
            });
            fault = current.advance(stretch.through, &mut |_| Proceed::On).err();
            if fault.is_some() {
                break;
            }
            running = (!stretch.restart).then_some(current);
        }
        drop(running);
        let generation = Generation::open(&file).expect("the finished generation");
        Ok(Replayed { file, generation, fault, _place: place })
    }
}
