//! A **test manifest**: one table, partitioned by stream.

use crate::event::{Manifest, Partitioning, Selection, Subscription, Table};

pub(super) fn manifest_of(table: Table) -> Manifest {
    Manifest {
        name: "rows".into(),
        version: 1,
        description: String::new(),
        subscription: Subscription {
            selection: Selection::Every(Default::default()),
            stream_prefix: None,
            envelope: Default::default(),
            metadata_fields: Vec::new(),
        },
        partitioning: Partitioning::ByStream,
        tables: vec![table],
    }
}
