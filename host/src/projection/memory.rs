//! How much **memory** a build needs, so that it starts only when there is room.

use std::thread;

use super::batch_size::BatchSize;
use super::thresholds::{BATCHES_AHEAD, THREADS_MAX};
use crate::event::{Manifest, Partitioning};
use crate::plugin::Limits;

/// What the writer of a build takes: flushes that wait, the piece of a run that is sorted, buffers of the runs that are
/// merged, keys of indexes.
const WRITER_BYTES: usize = 64 << 20;

/// What a build takes at the most beside its instances: rows that wait to be written, and events that are read ahead.
fn beside_instances() -> u64 {
    // Batches that wait, the one that is being made and the one that is folded.
    let ahead = (BATCHES_AHEAD + 2) * BatchSize::events(1).bytes_max;
    (WRITER_BYTES + ahead) as u64
}

/// What a build of this projection may take when it has all cores: an instance for each partition. With less, down to
/// what one instance may take, it has fewer.
pub fn build_bytes(manifest: &Manifest, limits: &Limits) -> u64 {
    let instances = match manifest.partitioning {
        Partitioning::Whole => 1,
        Partitioning::ByStream | Partitioning::ByField(_) => {
            thread::available_parallelism().map_or(1, |cores| cores.get().min(THREADS_MAX))
        }
    };
    limits.memory_bytes_max().saturating_mul(instances as u64).saturating_add(beside_instances())
}

/// How many instances fit into so much; at least one, which may have to take more as it grows.
pub(super) fn instances_that_fit(bytes: u64, limits: &Limits) -> usize {
    let fit = bytes.saturating_sub(beside_instances()) / limits.memory_bytes_max().max(1);
    usize::try_from(fit).unwrap_or(THREADS_MAX).clamp(1, THREADS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_instances_as_fit() {
        let limits = Limits { memory_mib_max: 256, ..Limits::default() };
        let bytes = |instances: u64| ((instances * 256) << 20) + beside_instances();
        for instances in [1, 2, 7] {
            assert_eq!(instances_that_fit(bytes(instances), &limits), instances as usize);
        }
        assert_eq!(instances_that_fit(bytes(3) - 1, &limits), 2);
        assert_eq!(instances_that_fit(0, &limits), 1, "it tries");
        assert_eq!(instances_that_fit(u64::MAX, &limits), THREADS_MAX);
    }
}
