//! A **batch size** says where batches are cut.

/// Where a batch is cut. What a projection computes does not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSize {
    /// The most events in a batch.
    pub events_max: usize,
    /// A batch is cut once its columns hold this many bytes.
    pub bytes_max: usize,
}

impl BatchSize {
    /// Batches of at most this many events, and of about 16 MiB.
    pub fn events(events_max: usize) -> BatchSize {
        BatchSize { events_max, bytes_max: 16 << 20 }
    }
}
