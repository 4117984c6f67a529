//! A **swap** makes another generation serve; a **rollback** is a swap to an older one.

use super::{Catalogue, GenerationId, GenerationRecord, GenerationState};
use crate::event::{Fault, FaultKind, Result};

/// What a swap did.
#[derive(Debug)]
pub struct Swapped {
    /// The generation that served before.
    pub previous: Option<GenerationId>,
    /// Why the `current` link still leads to the previous generation. The swap holds all the same.
    pub link_fault: Option<Fault>,
}

impl Catalogue {
    /// Makes a ready generation serve: one small transaction, on the disk when this returns, and then the `current` link.
    pub fn swap(&self, name: &str, id: GenerationId) -> Result<Swapped> {
        self.point(name, id, None)
    }

    /// Makes the newest ready generation serve that is older than the serving one; returns from where to where.
    /// An input fault when there is none.
    pub fn rollback(&self, name: &str) -> Result<(GenerationRecord, GenerationRecord)> {
        let record = self.expect_projection(name)?;
        let none = |message: String, hint: &str| Fault::new(FaultKind::Input, message).of(name).hint(hint);
        let Some(from) = self.serving(name)? else {
            return Err(none("nothing serves yet".into(), "drop its plugin into the plugin folder to build it"));
        };
        let older = self
            .generations(name)?
            .into_iter()
            .rfind(|other| other.id < from.id && other.state == GenerationState::Ready);
        let Some(to) = older else {
            return Err(none(
                format!("there is no older generation than {}, which serves", from.id),
                "older ones were not kept (`keep-generations`); drop the older plugin file in to rebuild it",
            ));
        };
        // What lies in the plugin folder must not be taken for new, however far back this goes.
        let rolled_back_from = record.file_hash.as_deref().unwrap_or(&from.identity.plugin_hash);
        self.point(name, to.id, Some(rolled_back_from))?;
        Ok((from, to))
    }

    fn point(&self, name: &str, id: GenerationId, rolled_back_from: Option<&str>) -> Result<Swapped> {
        let record = self.generation(id)?;
        if record.identity.projection != name || record.state != GenerationState::Ready {
            let message = format!("generation {id} is not a ready one of `{name}`");
            return Err(Fault::new(FaultKind::Storage, message).of(name));
        }
        self.sync_plugins()?;
        let previous = self.transaction(|tx| {
            let sql = "SELECT serving FROM projections WHERE name = ?1";
            let previous: Option<GenerationId> = tx.query_row(sql, [name], |row| row.get(0))?;
            tx.execute(
                "UPDATE projections SET serving = ?2, rolled_back_from = ?3 WHERE name = ?1",
                (name, id, rolled_back_from),
            )?;
            tx.execute(
                "UPDATE generations SET replaced = ?2 WHERE id = ?1 AND replaced IS NULL AND id <> ?2",
                (id, previous),
            )?;
            Ok(previous)
        })?;
        let link_fault = self.link(name, Some(id)).err();
        Ok(Swapped { previous, link_fault })
    }
}
