//! The "newc" cpio format of the initramfs.
//!
//! Source: Documentation/driver-api/early-userspace/buffer-format.rst.

use std::fs;
use std::io::{self, Write};

use crate::tree::{Content, Node, Tree};

/// Writes a tree as an archive, with a trailer.
pub(crate) fn write(tree: &Tree, output: &mut impl Write) -> io::Result<()> {
    let mut inode = 0;
    for (path, node) in tree.iter() {
        inode += 1;
        let (mode, content, device) = match node {
            Node::Directory { mode } => (0o040_000 | u32::from(*mode), Vec::new(), (0, 0)),
            Node::Link { target } => (0o120_777, target.clone().into_bytes(), (0, 0)),
            Node::CharacterDevice { mode, major, minor } => {
                (0o020_000 | u32::from(*mode), Vec::new(), (*major, *minor))
            }
            Node::File { mode, content } => {
                let bytes = match content {
                    Content::Bytes(bytes) => bytes.clone(),
                    Content::Path(path) => fs::read(path)?,
                };
                (0o100_000 | u32::from(*mode), bytes, (0, 0))
            }
        };
        entry(output, path, inode, mode, device, &content)?;
    }
    entry(output, "TRAILER!!!", 0, 0, (0, 0), &[])
}

fn entry(
    output: &mut impl Write,
    path: &str,
    inode: u32,
    mode: u32,
    device: (u32, u32),
    content: &[u8],
) -> io::Result<()> {
    let too_large = |_| io::Error::other(format!("{path} is too large for an initramfs"));
    let size = u32::try_from(content.len()).map_err(too_large)?;
    let name_bytes = u32::try_from(path.len() + 1).map_err(too_large)?;
    let (major, minor) = device;
    // Inode, mode, uid, gid, links, mtime, size, device and special device, name size, check.
    let fields = [
        inode, mode, 0, 0, 1, 0, size, 0, 0, major, minor, name_bytes, 0,
    ];
    let mut header = String::from("070701");
    for field in fields {
        header.push_str(&format!("{field:08X}"));
    }
    output.write_all(header.as_bytes())?;
    output.write_all(path.as_bytes())?;
    output.write_all(&[0])?;
    pad(output, header.len() + path.len() + 1)?;
    output.write_all(content)?;
    pad(output, content.len())
}

fn pad(output: &mut impl Write, length: usize) -> io::Result<()> {
    let missing = length.next_multiple_of(4) - length;
    output.write_all([0; 4].get(..missing).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_aligned_to_four_bytes() {
        let mut tree = Tree::default();
        tree.text("a/file", "hello");
        tree.link("link", "a/file");
        let mut archive = Vec::new();
        write(&tree, &mut archive).unwrap();
        assert_eq!(archive.len() % 4, 0);
        let starts: Vec<_> = archive
            .windows(6)
            .enumerate()
            .filter(|(_, window)| *window == b"070701")
            .map(|(start, _)| start)
            .collect();
        assert_eq!(starts.len(), 4, "directory, file, link, trailer");
        assert!(starts.iter().all(|start| start % 4 == 0));
    }
}
