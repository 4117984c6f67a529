//! **Build options**: how the rows of a generation are written while it is built.

/// How a generation is built; the rows do not depend on it.
#[derive(Clone, Copy, Debug)]
pub struct BuildOptions {
    /// About how many bytes of rows wait in memory; more go to temporary files beside the generation.
    pub memory_bytes_max: usize,
    /// Whether rows are written as pages by this program, or inserted by SQL, which takes longer.
    pub writes_pages: bool,
}

impl Default for BuildOptions {
    /// 32 MiB, and pages. Sorting, merging and the indexes take about as much again.
    fn default() -> BuildOptions {
        BuildOptions { memory_bytes_max: 32 << 20, writes_pages: true }
    }
}
