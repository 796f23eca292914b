//! Disks of machines: sparse files.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Why a disk could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The image cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The image.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk cannot be written.
    #[error("write {}", path.display())]
    Write {
        /// The disk.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// How QEMU reads a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Raw,
    Qcow2,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

const BLOCK: usize = 64 * 1024;
static ZEROES: [u8; BLOCK] = [0; BLOCK];

/// The first bytes of a qcow2 file (QEMU's docs/interop/qcow2.txt).
const QCOW2_MAGIC: &[u8] = b"QFI\xfb";

/// Finds out how a disk is stored. It is never guessed by QEMU: a guest could write the first bytes
/// of another format onto a raw disk and so read files of the host.
pub(crate) fn load_format(path: &Path) -> Result<Format, DiskError> {
    let read = |source| DiskError::Read {
        path: path.to_owned(),
        source,
    };
    let mut magic = Vec::new();
    File::open(path)
        .map_err(read)?
        .take(4)
        .read_to_end(&mut magic)
        .map_err(read)?;
    Ok(match magic == QCOW2_MAGIC {
        true => Format::Qcow2,
        false => Format::Raw,
    })
}

/// Copies an image, leaves out what is zero, and makes a raw one at least `bytes_min` large.
pub(crate) fn copy(image: &Path, disk: &Path, bytes_min: u64) -> Result<(), DiskError> {
    let read = |source| DiskError::Read {
        path: image.to_owned(),
        source,
    };
    let write = |source| DiskError::Write {
        path: disk.to_owned(),
        source,
    };
    let format = load_format(image)?;
    let mut from = File::open(image).map_err(read)?;
    let mut to = File::create_new(disk).map_err(write)?;
    let mut block = vec![0; BLOCK];
    let mut bytes = 0;
    loop {
        let count = from.read(&mut block).map_err(read)?;
        let Some(data) = block.get(..count).filter(|data| !data.is_empty()) else {
            break;
        };
        if ZEROES.get(..count) != Some(data) {
            to.seek(SeekFrom::Start(bytes)).map_err(write)?;
            to.write_all(data).map_err(write)?;
        }
        bytes += count as u64;
    }
    let length = match format {
        Format::Raw => bytes.max(bytes_min),
        // The size of the disk stands in its header.
        Format::Qcow2 => bytes,
    };
    to.set_len(length).map_err(write)
}

/// Makes an empty raw disk.
pub(crate) fn create(disk: &Path, bytes: u64) -> Result<(), DiskError> {
    File::create_new(disk)
        .and_then(|file| file.set_len(bytes))
        .map_err(|source| DiskError::Write {
            path: disk.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn copy_is_equal_sparse_and_as_large_as_asked() {
        let directory = tempfile::tempdir().unwrap();
        let (image, disk) = (
            directory.path().join("image"),
            directory.path().join("disk"),
        );
        let mut content = vec![0; 4 * 1024 * 1024 + 17];
        content[3_000_000] = 7;
        *content.last_mut().unwrap() = 9;
        std::fs::write(&image, &content).unwrap();
        copy(&image, &disk, 8 * 1024 * 1024).unwrap();
        let copied = std::fs::read(&disk).unwrap();
        assert_eq!(copied[..content.len()], content);
        assert_eq!(copied.len(), 8 * 1024 * 1024);
        assert!(copied[content.len()..].iter().all(|byte| *byte == 0));
        assert!(std::fs::metadata(&disk).unwrap().blocks() * 512 < 1024 * 1024);
    }

    #[test]
    fn an_existing_disk_is_kept() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(
            create(file.path(), 1),
            Err(DiskError::Write { .. })
        ));
    }

    #[test]
    fn format_is_told_by_the_first_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(load_format(file.path()).unwrap(), Format::Raw);
        std::fs::write(file.path(), b"QFI\xfb\0\0\0\x03").unwrap();
        assert_eq!(load_format(file.path()).unwrap(), Format::Qcow2);
    }
}
