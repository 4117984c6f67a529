//! **How much memory** writing may take, by what the machine has.

/// For the pages of the file and for the streams that a writer of many events remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CacheSizes {
    pub page_bytes: usize,
    pub stream_bytes: usize,
}

impl CacheSizes {
    /// For a writer of single events.
    pub const SMALL: CacheSizes = CacheSizes { page_bytes: 64 << 20, stream_bytes: 16 << 20 };

    /// For an import: a sixteenth of the machine's memory for pages and a thirty-second for streams, within bounds. A
    /// million streams with names of 20 bytes take about 60 MiB.
    pub fn for_many_events() -> CacheSizes {
        CacheSizes::of_machine(memory_bytes())
    }

    fn of_machine(memory: Option<usize>) -> CacheSizes {
        let memory = memory.unwrap_or(4 << 30);
        CacheSizes {
            page_bytes: (memory / 16).clamp(64 << 20, 1 << 30),
            stream_bytes: (memory / 32).clamp(16 << 20, 512 << 20),
        }
    }
}

/// What the machine, or the control group that the process runs in, has; none where that cannot be told.
fn memory_bytes() -> Option<usize> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        line.split_ascii_whitespace().nth(1)?.parse::<usize>().ok().map(|kib| kib << 10)
    });
    let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse::<usize>().ok());
    [machine, group].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_follow_the_machine_within_bounds() {
        let of = |memory: usize| CacheSizes::of_machine(Some(memory));
        assert_eq!(of(512 << 20), CacheSizes { page_bytes: 64 << 20, stream_bytes: 16 << 20 });
        assert_eq!(of(8 << 30), CacheSizes { page_bytes: 512 << 20, stream_bytes: 256 << 20 });
        assert_eq!(of(1 << 40), CacheSizes { page_bytes: 1 << 30, stream_bytes: 512 << 20 });
        assert_eq!(CacheSizes::of_machine(None), of(4 << 30));
    }
}
