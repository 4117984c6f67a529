//! The project's **event store**: opened where it must be there, made only where there never was one.

use std::fs;

use super::Project;
use crate::event::{Blame, Fault, FaultKind, Result};
use crate::event_store::sqlite::SqliteStore;

impl Project {
    /// The event store, which must be there. A missing one is never made up for by an empty one: what is appended
    /// then would stand beside the log that read models and history were made of.
    pub fn event_store(&self) -> Result<SqliteStore> {
        self.expect_event_store()?;
        SqliteStore::open_existing(&self.store)
    }

    /// The event store, made when this project has never had one.
    pub fn event_store_to_append(&self) -> Result<SqliteStore> {
        if self.has_had_events() {
            self.expect_event_store()?;
        }
        SqliteStore::open(&self.store)
    }

    /// A fault when the event store is missing.
    pub fn expect_event_store(&self) -> Result<()> {
        let looking = |error| Fault::storage(format!("looking for {}", self.store.display()), error);
        if self.store.try_exists().map_err(looking)? {
            return Ok(());
        }
        let fault = Fault::new(FaultKind::Storage, format!("there is no event store at {}", self.store.display()))
            .blame(Blame::Operator);
        Err(match self.has_had_events() {
            true => fault.hint(
                "this project had one: put the file back, with its `-wal` if there is one, or correct `store` in \
                 projectionist.toml; nothing was made or changed",
            ),
            false => fault.hint("`projectionist import` or `projectionist events append` makes it"),
        })
    }

    /// Whether something was ever made of events here: read models, or history.
    fn has_had_events(&self) -> bool {
        let has_files = |folder| fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some());
        self.data.join("catalogue.sqlite").exists() || has_files(&self.history.folder)
    }
}
