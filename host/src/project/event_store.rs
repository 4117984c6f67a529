//! The **event store** of a project: opened as its configuration says, and made only where it can be no mistake.

use std::sync::Arc;

use super::Project;
use crate::event::{Blame, Fault, FaultKind, Result};
use crate::event_store::{self, AppendableStore, EventStore, WhenMissing};

impl Project {
    /// The event store, which must be there, for reading.
    pub fn event_store(&self) -> Result<Arc<dyn EventStore>> {
        self.expect_event_store()?;
        event_store::open(&self.store)
    }

    /// The event store for appending. It is made when the project has none and nothing in it is made from events.
    pub fn event_store_for_appending(&self) -> Result<Arc<dyn AppendableStore>> {
        if self.had_events() {
            self.expect_event_store()?;
        }
        event_store::open_for_appending(&self.store, WhenMissing::Create)
    }

    /// Faults when the event store's file is missing. An empty one in its place would be taken for the log.
    pub fn expect_event_store(&self) -> Result<()> {
        if self.store.try_exists().unwrap_or(true) {
            return Ok(());
        }
        let fault = Fault::new(FaultKind::Storage, format!("there is no event store at {}", self.store.display()))
            .blame(Blame::Operator);
        Err(match self.had_events() {
            true => fault.hint(format!(
                "the project had one: put it back from a backup, or name its file as `store` in {}; to begin anew \
                 without those events, remove {} and {} too",
                super::CONFIG_FILE,
                self.data.display(),
                self.history.folder.display(),
            )),
            false => fault.hint("`projectionist import FILE` or `projectionist events append` makes one"),
        })
    }

    /// Whether there is something that is made from events: read models, or the folder of history.
    fn had_events(&self) -> bool {
        self.data.join("catalogue.sqlite").exists() || self.history.folder.exists()
    }
}
