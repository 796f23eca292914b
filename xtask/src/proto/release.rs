//! `cargo xtask proto --release`: keeps the contract of a release, for later ones to be compared
//! with.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Breaks that are meant since the last release: lines that begin with `#` say how to write them.
const MEANT: &str = "breaking.txt";

/// Puts the encoded contract of a version in place of that of the release before it. After that
/// there are no breaks.
///
/// # Errors
/// A file that cannot be read, written or removed.
pub(super) fn keep(directory: &Path, version: &str, contract: &[u8]) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|each| each == "binpb") {
            fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        }
    }
    write(&directory.join(format!("v{version}.binpb")), contract)?;
    let meant = directory.join(MEANT);
    let text = fs::read_to_string(&meant).with_context(|| format!("read {}", meant.display()))?;
    let lines = text.split_inclusive('\n');
    let head: String = lines.filter(|line| line.starts_with('#')).collect();
    write(&meant, head.as_bytes())
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_takes_the_place_of_the_one_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("v0.1.0.binpb"), "old").unwrap();
        fs::write(path(MEANT), "# How.\n\nfield a.B.c is gone\n    Why.\n").unwrap();
        keep(directory.path(), "0.2.0", b"new").unwrap();
        assert!(!path("v0.1.0.binpb").exists());
        assert_eq!(fs::read(path("v0.2.0.binpb")).unwrap(), b"new");
        assert_eq!(fs::read_to_string(path(MEANT)).unwrap(), "# How.\n");
    }
}
