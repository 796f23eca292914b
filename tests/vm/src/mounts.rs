//! What is mounted where, as the kernel tells.

use std::collections::BTreeSet;

/// A line of mountinfo.
///
/// Source: proc_pid_mountinfo(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountPoint {
    /// Where it is mounted.
    pub target: String,
    /// What of the file system is mounted.
    pub root: String,
    /// The type of the file system.
    pub fstype: String,
    /// What it is made from.
    pub source: String,
    /// Restrictions of the mount, and options of the file system.
    pub options: BTreeSet<String>,
}

impl MountPoint {
    /// Whether these options, separated by commas, are all there.
    pub fn has(&self, options: &str) -> bool {
        options
            .split(',')
            .all(|option| self.options.contains(option))
    }
}

/// Reads `/proc/PID/mountinfo`, in the order of mounting.
pub fn parse_mounts(text: &str) -> Vec<MountPoint> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<MountPoint> {
    let (left, right) = line.split_once(" - ")?;
    let (left, right): (Vec<_>, Vec<_>) = (left.split(' ').collect(), right.split(' ').collect());
    let options = left.get(5)?.split(',').chain(right.get(2)?.split(','));
    Some(MountPoint {
        root: (*left.get(3)?).to_owned(),
        target: (*left.get(4)?).to_owned(),
        fstype: (*right.first()?).to_owned(),
        source: (*right.get(1)?).to_owned(),
        options: options.map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_of_a_line_are_read() {
        let text = "24 22 0:21 /etc/hosts /etc/hosts ro,nosuid shared:9 master:1 - tmpfs tmpfs rw,mode=755\nx\n";
        let mounts = parse_mounts(text);
        assert_eq!(mounts.len(), 1);
        assert_eq!(mounts[0].root, "/etc/hosts");
        assert_eq!(mounts[0].fstype, "tmpfs");
        assert!(mounts[0].has("ro,mode=755"));
        assert!(!mounts[0].has("ro,nodev"));
    }
}
