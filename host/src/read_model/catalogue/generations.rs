//! The life of a **generation** in the catalogue: begun, ready, discarded.

use std::collections::HashSet;

use super::records::{GENERATION, generation};
use super::{BuildStatistics, Catalogue, GenerationId, GenerationRecord, GenerationState};
use crate::event::{Fault, FaultKind, Manifest, Result, Timestamp};
use crate::read_model::Identity;
use crate::read_model::storage::sync_folder;

impl Catalogue {
    /// Begins a generation: gives it a number and keeps its plugin's bytes. The projection is made when it is new.
    /// Its file, [`Catalogue::generation_path`], is not there yet.
    ///
    /// A power cut may take this back, as long as no swap or rollback came after it; then nothing of it is left.
    pub fn begin(&self, identity: &Identity, manifest: &Manifest, plugin: &[u8]) -> Result<GenerationRecord> {
        if blake3::hash(plugin).to_hex().as_str() != identity.plugin_hash {
            return Err(Fault::new(FaultKind::Storage, "the plugin's bytes do not have the hash given".to_owned())
                .of(&identity.projection));
        }
        let manifest =
            serde_json::to_string(manifest).map_err(|error| Fault::storage("cannot write the manifest down", error))?;
        let mut kept = Ok(());
        let begun = self.passing_transaction(|tx| {
            tx.execute("INSERT INTO projections (name) VALUES (?1) ON CONFLICT DO NOTHING", [&identity.projection])?;
            tx.execute(
                "INSERT INTO generations (projection, plugin_version, plugin_hash, settings, contract, created_at, manifest)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (
                    &identity.projection,
                    identity.plugin_version,
                    &identity.plugin_hash,
                    &identity.settings,
                    &identity.contract,
                    identity.created_at.0,
                    &manifest,
                ),
            )?;
            let id = tx.last_insert_rowid();
            // Within the transaction, so that nobody removes the bytes as unneeded in between.
            kept = self.keep_plugin(&identity.plugin_hash, plugin);
            tx.query_row(&format!("{GENERATION} WHERE id = ?1"), [id], generation)
        })?;
        if let Err(fault) = kept {
            self.discard(begun.id)?;
            return Err(fault.of(&identity.projection));
        }
        // Only a lost catalogue can have left a file with this number.
        self.remove_generation(&identity.projection, begun.id)?;
        Ok(begun)
    }

    /// Notes that a generation's file is finished. Durable with the next swap: a generation that never served is no loss.
    pub fn ready(&self, id: GenerationId, statistics: &BuildStatistics, now: Timestamp) -> Result<()> {
        let changed = self.passing_transaction(|tx| {
            tx.execute(
                "UPDATE generations SET state = 'ready', ready_at = ?2, checkpoint = ?3, events = ?4, rows = ?5,
                        replay_ms = ?6 WHERE id = ?1",
                (
                    id,
                    now.0,
                    statistics.checkpoint.0.cast_signed(),
                    statistics.events.cast_signed(),
                    statistics.rows.cast_signed(),
                    statistics.replay_ms,
                ),
            )
        })?;
        match changed {
            1 => Ok(()),
            _ => Err(Fault::new(FaultKind::Storage, format!("there is no generation {id}"))),
        }
    }

    /// Forgets a generation and removes its file. The one that serves is refused; one that is not there is no fault.
    pub fn discard(&self, id: GenerationId) -> Result<()> {
        // First forgotten, then removed: a crash in between leaves a stray file, which `repair` finds.
        let projection: Option<String> = self.transaction(|tx| {
            let sql = "DELETE FROM generations WHERE id = ?1
                       AND NOT EXISTS (SELECT 1 FROM projections WHERE serving = ?1) RETURNING projection";
            tx.prepare_cached(sql)?.query_map([id], |row| row.get(0))?.next().transpose()
        })?;
        if let Some(projection) = projection {
            return self.remove_generation(&projection, id);
        }
        match self.generation(id) {
            Ok(serving) => Err(Fault::new(FaultKind::Storage, format!("generation {id} serves and stays"))
                .of(&serving.identity.projection)),
            Err(_) => Ok(()),
        }
    }

    /// Discards all ready generations of a projection but the serving one and the newest `keep` others, and plugins
    /// that nobody needs any more. Returns what it discarded.
    pub fn prune(&self, name: &str, keep: usize) -> Result<Vec<GenerationId>> {
        let serving = self.serving(name)?.map(|serving| serving.id);
        let mut others = self.generations(name)?;
        others.retain(|other| Some(other.id) != serving && other.state == GenerationState::Ready);
        let surplus = others.len().saturating_sub(keep);
        let discarded: Vec<_> = others[..surplus].iter().map(|other| other.id).collect();
        if !discarded.is_empty() {
            // The `current` link leads to what serves, also after a power cut, before anything is removed.
            sync_folder(&self.folder(name))?;
            discarded.iter().try_for_each(|&id| self.discard(id))?;
            self.prune_plugins()?;
        }
        Ok(discarded)
    }

    /// Removes kept plugins that no generation needs.
    pub(super) fn prune_plugins(&self) -> Result<usize> {
        let mut removed = Ok(0);
        // A write transaction, so that no generation can begin in between.
        self.transaction(|tx| {
            let hashes: HashSet<String> = tx
                .prepare_cached("SELECT DISTINCT plugin_hash FROM generations")?
                .query_map((), |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            removed = self.remove_plugins_except(&hashes);
            Ok(())
        })?;
        removed
    }
}
