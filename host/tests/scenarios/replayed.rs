//! A **replayed** read model: what became of a scenario's events, and the fault that stopped them, if one did.

use std::path::PathBuf;

use projectionist::event::{Fault, Position};
use projectionist::plugin::{Limits, Plugin};
use projectionist::projector::{BatchSize, Proceed, Projector, ProjectorSpec, identity};
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

/// A finished read model.
pub struct Replayed {
    pub file: PathBuf,
    pub generation: Generation,
    pub fault: Option<Fault>,
    _place: tempfile::TempDir,
}

impl Replayed {
    /// One replay up to `through`, as a rebuild does it.
    pub fn straight(scenario: &Scenario, plugin: &Plugin, through: Position, batch_events: usize) -> Replayed {
        Replayed::in_stretches(scenario, plugin, &[Stretch { through, batch_events, restart: false }])
    }

    /// The first stretch is a rebuild, the others follow it live.
    pub fn in_stretches(scenario: &Scenario, plugin: &Plugin, stretches: &[Stretch]) -> Replayed {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("generation.sqlite");
        let projector = |generation, batch_events| {
            let size = BatchSize::events(batch_events);
            let (plugin, limits, settings) = (plugin.clone(), Limits::default(), "{}".to_owned());
            let spec = ProjectorSpec { plugin, limits, settings, source: &scenario.store, size };
            Projector::new(spec, generation).expect("a projector")
        };
        let identity = identity(plugin, "{}".into());
        let mut built = Some(Generation::create(&file, &identity, plugin.manifest()).expect("a generation"));
        let mut running: Option<Projector> = None;
        let mut fault = None;
        for stretch in stretches {
            let mut current = running.take().unwrap_or_else(|| {
                let generation = built.take().unwrap_or_else(|| Generation::open(&file).expect("the generation again"));
                projector(generation, stretch.batch_events)
            });
            fault = current.advance(stretch.through, &mut |_| Proceed::On).err();
            // Ends the rebuild; does nothing once it is live.
            current.generation().finish().expect("a finished rebuild");
            if fault.is_some() {
                break;
            }
            running = (!stretch.restart).then_some(current);
        }
        drop(running);
        let generation = Generation::open(&file).expect("the finished generation");
        Replayed { file, generation, fault, _place: place }
    }
}
