//! **Publishing**: how the host and its projections stand, for others to read.

use crate::event::Fault;

use super::host::Host;
use super::projection_entry::ProjectionEntry;
use super::snapshot::{FileState, HostSnapshot, MemoryUse, Published};
use super::status::file_name;

impl Host {
    /// Tells other processes how the projection stands, when that has changed.
    pub(super) fn publish(&mut self, name: &str) {
        let Some(entry) = self.projections.get_mut(name) else { return };
        entry.published.waiting = entry.waiting();
        let written = serde_json::to_string(&entry.published)
            .map_err(|error| Fault::storage("writing a state", error))
            .and_then(|text| match text == entry.published_text {
                true => Ok(()),
                false => self.catalogue.publish_state(name, &text).map(|()| entry.published_text = text),
            });
        if let Err(fault) = written {
            self.unpublished.insert(name.to_owned());
            self.write_later(fault);
        }
    }

    /// Makes the snapshot that others read, here and in other processes.
    pub(super) fn publish_snapshot(&mut self) {
        let projections = self.projections.iter().map(|(name, entry)| {
            let waiting = entry.waiting();
            (name.clone(), Published { waiting, ..entry.published.clone() })
        });
        let snapshot = HostSnapshot {
            memory: MemoryUse {
                bytes_max: self.memory.bytes_max(),
                bytes: self.memory.bytes_taken(),
                bytes_peak: self.memory.bytes_peak(),
            },
            files: self.file_states(),
            builds: self.projections.values().filter(|entry| entry.is_building()).count(),
            queued: self.build_queue.iter().cloned().collect(),
            projections: projections.collect(),
        };
        if let Err(fault) = self.status_file.write(&snapshot) {
            self.write_later(fault);
        }
        self.snapshot.set(snapshot);
    }

    /// The plugin files that are no projection.
    pub(super) fn file_states(&self) -> Vec<FileState> {
        let is_nobodys =
            |fault: &Fault| fault.projection.as_ref().is_none_or(|name| !self.projections.contains_key(name));
        let refused =
            self.refused.iter().filter(|(file, fault)| !self.names_by_file.contains_key(*file) && is_nobodys(fault));
        let refused = refused.map(|(file, fault)| FileState {
            file: file_name(file),
            refused: Some(fault.message.clone()),
            waiting: None,
            hint: fault.hint.clone(),
        });
        let waiting = self.waiting_files.iter().filter(|(file, _)| !self.names_by_file.contains_key(*file));
        let waiting = waiting.map(|(file, fault)| FileState {
            file: file_name(file),
            refused: None,
            waiting: Some(fault.message.clone()),
            hint: fault.hint.clone(),
        });
        refused.chain(waiting).collect()
    }
}

/// Keeps what a host before this one published of a projection, as far as it still holds.
pub(super) fn take_over(entry: &mut ProjectionEntry, text: Option<&str>) {
    entry.published = super::status::published(text);
    entry.published.building = None;
    entry.published.refused = None;
    entry.published.waiting = None;
}
