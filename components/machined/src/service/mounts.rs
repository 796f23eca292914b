//! Mounts with their sizes.

use std::path::PathBuf;

use futures_util::future::join_all;
use ichor_api::machine::MountStat;

use super::asking::ask;
use crate::proc::paths::unescape;

/// Reads `/proc/mounts` and asks each file system for its size.
pub(crate) async fn list(text: &[u8]) -> Vec<MountStat> {
    join_all(parse(text).map(with_size)).await
}

/// A file system that does not answer has no size; the others still do.
async fn with_size((mut mount, path): (MountStat, PathBuf)) -> MountStat {
    let size = ask(&mount.mounted_on, move || rustix::fs::statvfs(path)).await;
    if let Ok(Ok(size)) = size {
        mount.size = size.f_blocks.saturating_mul(size.f_frsize);
        mount.available = size.f_bavail.saturating_mul(size.f_frsize);
    }
    mount
}

/// Each mount, for people, and its path, for the kernel.
pub(crate) fn parse(text: &[u8]) -> impl Iterator<Item = (MountStat, PathBuf)> {
    let lines = text.split(|byte| *byte == b'\n');
    lines.filter_map(|line| {
        let mut words = line.split(|byte| *byte == b' ');
        let filesystem = String::from_utf8_lossy(words.next()?).into_owned();
        let path = unescape(words.next()?);
        let mount = MountStat {
            filesystem,
            mounted_on: path.to_string_lossy().into_owned(),
            size: 0,
            available: 0,
        };
        Some((mount, path))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn reads_mounts_whatever_is_in_their_paths() {
        let text = b"/dev/vda1 /a\\040b\xff xfs rw 0 0\nbroken\nproc /proc proc rw 0 0\n";
        let mounts: Vec<_> = parse(text).collect();
        assert_eq!(mounts[0].0.filesystem, "/dev/vda1");
        assert_eq!(mounts[0].0.mounted_on, "/a b\u{fffd}");
        assert_eq!(mounts[0].1.as_os_str().as_bytes(), b"/a b\xff");
        assert_eq!(mounts[1].0.mounted_on, "/proc");
        assert_eq!(mounts.len(), 2);
    }

    #[tokio::test]
    async fn the_root_has_a_size() {
        let mounts = list(b"none / tmpfs rw 0 0\nnone /nowhere-at-all tmpfs rw 0 0\n").await;
        assert!(mounts[0].size > 0);
        assert_eq!(mounts[1].size, 0);
    }
}
