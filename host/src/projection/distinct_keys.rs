//! About how many **distinct keys** a projection is partitioned by, as far as history tells.

use std::sync::Arc;

use crate::event::{Manifest, Partitioning, Selection};
use crate::history::{Distinct, Segment, distinct_streams, distinct_values};

/// The number of distinct keys; nothing where it is not known. A count that may be much too large tells only that there
/// are not more than `enough`. Damage is found by whoever reads the events, and mended there.
pub(super) fn distinct_keys(segments: &[Arc<Segment>], manifest: &Manifest, enough: u64) -> Option<u64> {
    let types = match &manifest.subscription.selection {
        Selection::Types(types) => types.iter().map(|kind| kind.name.clone()).collect(),
        Selection::Every(_) => Vec::new(),
    };
    match &manifest.partitioning {
        Partitioning::ByStream => distinct_streams(segments).ok(),
        Partitioning::ByField(field) if !types.is_empty() => {
            let Distinct { values, is_upper_bound } = distinct_values(segments, &types, field).ok()?;
            (!is_upper_bound || values <= enough).then_some(values)
        }
        Partitioning::ByField(_) | Partitioning::Whole => None,
    }
}
