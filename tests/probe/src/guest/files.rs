//! Listing a tree of files.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::protocol::{Entry, Kind};

/// Everything below a directory, itself included, that lies on its file system.
pub(super) fn list(root: &Path) -> io::Result<BTreeMap<PathBuf, Entry>> {
    let device = fs::symlink_metadata(root)?.dev();
    let mut entries = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.dev() == device => metadata,
            Ok(_) => continue,
            // Something else is at work here.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if metadata.is_dir() {
            for entry in fs::read_dir(&path)? {
                waiting.push(entry?.path());
            }
        }
        let entry = Entry {
            kind: kind(&path, &metadata)?,
            mode: metadata.mode() & 0o7777,
            uid: metadata.uid(),
            gid: metadata.gid(),
        };
        entries.insert(path, entry);
    }
    Ok(entries)
}

fn kind(path: &Path, metadata: &Metadata) -> io::Result<Kind> {
    let kind = metadata.file_type();
    Ok(if kind.is_dir() {
        Kind::Directory
    } else if kind.is_file() {
        let hash = Sha256::digest(fs::read(path)?);
        let sha256 = hash.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            write!(text, "{byte:02x}").unwrap_or_default();
            text
        });
        Kind::File { sha256 }
    } else if kind.is_symlink() {
        let target = fs::read_link(path)?;
        Kind::Link { target }
    } else if kind.is_socket() {
        Kind::Socket
    } else {
        Kind::Other
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn tells_kinds_and_contents() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir(root.join("a")).unwrap();
        fs::write(root.join("a/file"), "abc").unwrap();
        symlink("a/file", root.join("link")).unwrap();
        let tree = list(root).unwrap();
        let kinds: Vec<_> = tree.values().map(|entry| entry.kind.clone()).collect();
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let expected = [
            Kind::Directory,
            Kind::Directory,
            Kind::File {
                sha256: sha256.into(),
            },
            Kind::Link {
                target: "a/file".into(),
            },
        ];
        assert_eq!(kinds, expected);
    }
}
