//! **Opening** the event store that the configuration names: the one place that chooses an adapter.

use std::path::Path;
use std::sync::Arc;

use super::append::AppendableStore;
use super::read::EventStore;
use super::sqlite::SqliteStore;
use crate::event::Result;

/// What to do when there is no store yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenMissing {
    /// Make an empty one.
    Create,
    /// Say so.
    Refuse,
}

/// Opens the store at `location` for reading. Never makes one, and never writes to it.
pub fn open(location: &Path) -> Result<Arc<dyn EventStore>> {
    Ok(Arc::new(SqliteStore::open(location)?))
}

/// Opens the store at `location` for reading and appending.
pub fn open_for_appending(location: &Path, when_missing: WhenMissing) -> Result<Arc<dyn AppendableStore>> {
    Ok(Arc::new(match when_missing {
        WhenMissing::Create => SqliteStore::create(location)?,
        WhenMissing::Refuse => SqliteStore::open(location)?,
    }))
}
