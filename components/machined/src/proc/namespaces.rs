//! Processes by what they hold: sockets, and the network namespace that they are in.
//!
//! Source: proc_pid_fd(5), proc_pid_ns(5): links read `socket:[INODE]` and `net:[INODE]`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ichor_api::machine::connect_record::Process;

/// Where named network namespaces are mounted.
pub(crate) const NAMED: &str = "/run/netns";

/// Numbered directories of `/proc`.
fn processes(proc: &Path) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = fs::read_dir(proc) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let numbered = paths.filter_map(|path| {
        let pid = path.file_name()?.to_str()?.parse().ok()?;
        Some((pid, path))
    });
    let mut numbered: Vec<_> = numbered.collect();
    numbered.sort();
    numbered
}

/// Who holds which socket, by its inode: the process with the lowest number.
pub(crate) fn socket_owners(proc: &Path) -> BTreeMap<u64, Process> {
    let mut owners = BTreeMap::new();
    for (pid, directory) in processes(proc) {
        // A process may end at any time, and then has no sockets.
        let Ok(descriptors) = fs::read_dir(directory.join("fd")) else {
            continue;
        };
        let links = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        let mut inodes = links
            .filter_map(|link| inode_of("socket", link.to_str()?))
            .peekable();
        if inodes.peek().is_none() {
            continue;
        }
        let name = fs::read(directory.join("comm")).unwrap_or_default();
        let name = String::from_utf8_lossy(&name).trim_end().to_owned();
        for inode in inodes {
            let process = || Process {
                pid,
                name: name.clone(),
            };
            owners.entry(inode).or_insert_with(process);
        }
    }
    owners
}

/// Each network namespace in which a process runs: its inode, and the directory of its tables.
pub(crate) fn network_namespaces(proc: &Path) -> BTreeMap<u64, PathBuf> {
    let mut found = BTreeMap::new();
    for (_, directory) in processes(proc) {
        if let Some(inode) = namespace_of(&directory) {
            found.entry(inode).or_insert_with(|| directory.join("net"));
        }
    }
    found
}

/// The network namespace of a process, by its directory.
pub(crate) fn namespace_of(directory: &Path) -> Option<u64> {
    let link = fs::read_link(directory.join("ns/net")).ok()?;
    inode_of("net", link.to_str()?)
}

/// Names of network namespaces by their inodes.
pub(crate) fn namespace_names(directory: &Path) -> BTreeMap<u64, String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return BTreeMap::new();
    };
    let named = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let inode = fs::metadata(entry.path()).ok()?.ino();
        Some((inode, entry.file_name().into_string().ok()?))
    });
    named.collect()
}

/// `socket:[123]` holds 123.
pub(crate) fn inode_of(kind: &str, link: &str) -> Option<u64> {
    let number = link.strip_prefix(kind)?.strip_prefix(":[")?;
    number.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn links_name_inodes() {
        assert_eq!(inode_of("socket", "socket:[123]"), Some(123));
        for link in ["", "socket:", "socket:[]", "socket:[1", "pipe:[1]", "/a"] {
            assert_eq!(inode_of("socket", link), None, "{link}");
        }
    }

    #[test]
    fn finds_the_owner_of_an_own_socket() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
        let inode = inode_of("socket", link.to_str().unwrap()).unwrap();
        let owner = &socket_owners(Path::new("/proc"))[&inode];
        assert_eq!(owner.pid, std::process::id());
        assert!(!owner.name.is_empty());
    }

    #[test]
    fn finds_the_namespace_of_this_very_process() {
        let own = namespace_of(Path::new("/proc/self")).unwrap();
        assert!(network_namespaces(Path::new("/proc")).contains_key(&own));
    }
}
