//! Mounts with their sizes.

use futures_util::future::join_all;
use ichor_api::machine::MountStat;

use super::asking::ask;

/// Reads the text of `/proc/mounts` and asks each file system for its size.
pub(crate) async fn list(text: &str) -> Vec<MountStat> {
    join_all(text.lines().filter_map(parse_line).map(with_size)).await
}

/// A file system that does not answer has no size; the others still do.
async fn with_size(mut mount: MountStat) -> MountStat {
    let path = mount.mounted_on.clone();
    let size = ask(&mount.mounted_on, move || rustix::fs::statvfs(path)).await;
    if let Ok(Ok(size)) = size {
        mount.size = size.f_blocks.saturating_mul(size.f_frsize);
        mount.available = size.f_bavail.saturating_mul(size.f_frsize);
    }
    mount
}

pub(crate) fn parse_line(line: &str) -> Option<MountStat> {
    let mut words = line.split(' ');
    Some(MountStat {
        filesystem: words.next()?.to_owned(),
        mounted_on: unescape(words.next()?),
        size: 0,
        available: 0,
    })
}

/// Blanks and backslashes in paths are written as three octal digits. Source: getmntent(3).
fn unescape(path: &str) -> String {
    let mut plain = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = after
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                plain.push(char::from(code));
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                plain.push('\\');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_mounts_with_blanks_in_their_paths() {
        let mount = parse_line("/dev/vda1 /a\\040b\\134c xfs rw 0 0").unwrap();
        assert_eq!(mount.filesystem, "/dev/vda1");
        assert_eq!(mount.mounted_on, "/a b\\c");
    }

    #[tokio::test]
    async fn the_root_has_a_size() {
        let mounts = list("none / tmpfs rw 0 0\nnone /nowhere-at-all tmpfs rw 0 0\n").await;
        assert!(mounts[0].size > 0);
        assert_eq!(mounts[1].size, 0);
    }
}
