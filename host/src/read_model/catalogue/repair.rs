//! **Repair**: after a crash, files and links are made to agree with what the catalogue says.

use std::collections::{BTreeSet, HashSet};

use super::{Catalogue, GenerationId, GenerationState};
use crate::event::Result;

/// What a repair found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Generations whose build was cut off: discarded.
    pub unfinished: Vec<(String, GenerationId)>,
    /// Generations whose file is gone: forgotten. When one of them served, nothing serves now.
    pub lost: Vec<(String, GenerationId)>,
    /// `current` links that were put right.
    pub links: usize,
    /// Files removed that belong to no generation.
    pub strays: usize,
}

impl Repairs {
    /// Whether everything was in order.
    pub fn is_empty(&self) -> bool {
        *self == Repairs::default()
    }
}

impl Catalogue {
    /// Clears up after a crash; harmless at any other time. Only the host may do it, before it begins anything.
    pub fn repair(&self) -> Result<Repairs> {
        let mut repairs = Repairs::default();
        let mut names: BTreeSet<_> = self.folders()?.into_iter().collect();
        for projection in self.projections()? {
            self.repair_generations(&projection.name, &mut repairs)?;
            names.insert(projection.name);
        }
        for name in &names {
            let serving = self.serving(name)?.map(|serving| serving.id);
            repairs.links += usize::from(self.link(name, serving)?);
            let known: HashSet<_> = self.generations(name)?.into_iter().map(|known| known.id).collect();
            repairs.strays += self.remove_strays(name, &known)?;
        }
        repairs.strays += self.prune_plugins()?;
        self.forget_requests()?;
        Ok(repairs)
    }

    fn repair_generations(&self, name: &str, repairs: &mut Repairs) -> Result<()> {
        for generation in self.generations(name)? {
            if generation.state == GenerationState::Building {
                self.discard(generation.id)?;
                repairs.unfinished.push((name.to_owned(), generation.id));
            } else if !self.generation_path(name, generation.id).is_file() {
                self.transaction(|tx| {
                    tx.execute("UPDATE projections SET serving = NULL WHERE serving = ?1", [generation.id])
                })?;
                self.discard(generation.id)?;
                repairs.lost.push((name.to_owned(), generation.id));
            }
        }
        Ok(())
    }
}
