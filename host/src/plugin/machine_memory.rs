//! How much **memory** this machine has for the process: what is built in, or less where a control group allows less.

use std::fs;
use std::path::{Path, PathBuf};

/// The memory of the machine, or of the control group that the process is in, in bytes. None where the system does
/// not tell.
pub(super) fn machine_memory_bytes() -> Option<u64> {
    let built_in = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text))?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&groups).into_iter().filter_map(|file| limit(&fs::read_to_string(file).ok()?));
    Some(limits.fold(built_in, u64::min))
}

/// `MemTotal:       24737380 kB`
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// A number of bytes; `max` and absurdly large numbers are no limit.
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// Where the limits stand of all groups that the process is in, from the innermost outwards: version 2 has one
/// hierarchy, version 1 one for memory.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        let (root, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|one| one == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        // In a container the group's own path may not be there, but its root is mounted at the top.
        for group in Path::new(group.trim_start_matches('/')).ancestors() {
            files.push(Path::new(root).join(group).join(name));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_and_its_groups_are_read() {
        assert_eq!(total("MemFree: 1 kB\nMemTotal:       2048 kB\n"), Some(2 << 20));
        assert_eq!((limit("max\n"), limit("1073741824\n")), (None, Some(1 << 30)));
        let files = limit_files("0::/system.slice/host.service\n");
        assert_eq!(files[0], Path::new("/sys/fs/cgroup/system.slice/host.service/memory.max"));
        assert_eq!(files.last().unwrap(), Path::new("/sys/fs/cgroup/memory.max"));
        let files = limit_files("5:cpu,cpuacct:/a\n4:memory:/a\n");
        assert_eq!(files[0], Path::new("/sys/fs/cgroup/memory/a/memory.limit_in_bytes"));
        assert_eq!(files.len(), 2);
    }
}
