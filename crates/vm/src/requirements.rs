//! What a cluster needs of this computer: programs, firmware, an image, memory and space.
//!
//! It is looked at before anything is made, so that all that is missing is said at once.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::ClusterSpec;
use crate::firmware::{Firmware, FirmwareError};
use crate::process::{QEMU, QEMU_PACKAGE};

/// Something that a cluster needs and that is not there.
#[derive(Debug, thiserror::Error)]
pub enum Lack {
    /// A program.
    #[error("{program} is not installed: install the package {package}")]
    Program {
        /// Its name.
        program: &'static str,
        /// Where it comes from.
        package: &'static str,
    },
    /// Firmware.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// A file that was named.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The image is something else.
    #[error("{} is {what}", path.display())]
    NoDisk {
        /// The file.
        path: PathBuf,
        /// What it is, and what to do.
        what: &'static str,
    },
    /// Memory.
    #[error(
        "{needed_mib} MiB of memory are needed, and {available_mib} MiB are free: take fewer \
         machines, or give them less"
    )]
    Memory {
        /// What all machines have together.
        needed_mib: u64,
        /// What this computer can give without swapping.
        available_mib: u64,
    },
    /// Space for disks.
    #[error(
        "{needed_mib} MiB are needed in {}, and {available_mib} MiB are free: take fewer machines, \
         or another place",
        directory.display()
    )]
    Space {
        /// Where clusters are kept.
        directory: PathBuf,
        /// The copies of the image, and what machines write at once.
        needed_mib: u64,
        /// What is free.
        available_mib: u64,
    },
}

/// Firmware variables, the console and the first writes of a machine.
const SPACE_BESIDES_MIB: u64 = 64;

/// What this computer lacks for a cluster in a directory.
pub fn lacks(spec: &ClusterSpec, directory: &Path) -> Vec<Lack> {
    let mut lacks = Vec::new();
    if !is_program(QEMU) {
        lacks.push(Lack::Program {
            program: QEMU,
            package: QEMU_PACKAGE,
        });
    }
    let firmware = match spec.node.secure_boot {
        true => Firmware::find_secure(),
        false => Firmware::find(),
    };
    lacks.extend(firmware.err().map(Lack::from));
    let image_mib = match load_image(&spec.image) {
        Ok(mebibytes) => mebibytes,
        Err(lack) => {
            lacks.push(lack);
            0
        }
    };
    for path in spec.node.vars.iter().chain(&spec.node.images) {
        lacks.extend(File::open(path).err().map(|source| Lack::File {
            path: path.clone(),
            source,
        }));
    }
    lacks.extend(lack_of_memory(spec, load_available_mib()));
    lacks.extend(lack_of_space(
        spec,
        image_mib,
        directory,
        load_free_mib(directory),
    ));
    lacks
}

fn lack_of_memory(spec: &ClusterSpec, available_mib: Option<u64>) -> Option<Lack> {
    let needed_mib = u64::from(spec.node.memory_mib).saturating_mul(spec.nodes as u64);
    let available_mib = available_mib.filter(|available| *available < needed_mib)?;
    Some(Lack::Memory {
        needed_mib,
        available_mib,
    })
}

fn lack_of_space(
    spec: &ClusterSpec,
    image_mib: u64,
    directory: &Path,
    available_mib: Option<u64>,
) -> Option<Lack> {
    let of_machine = image_mib + SPACE_BESIDES_MIB;
    let needed_mib = of_machine.saturating_mul(spec.nodes as u64);
    let available_mib = available_mib.filter(|available| *available < needed_mib)?;
    Some(Lack::Space {
        directory: directory.parent().unwrap_or(directory).to_owned(),
        needed_mib,
        available_mib,
    })
}

fn is_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
}

/// How much space a copy of the image takes.
fn load_image(path: &Path) -> Result<u64, Lack> {
    let failed = |source| Lack::File {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if let Some(what) = what_else(&mut file, metadata.is_dir()).map_err(failed)? {
        return Err(Lack::NoDisk {
            path: path.to_owned(),
            what,
        });
    }
    Ok((metadata.blocks() * 512).div_ceil(1 << 20))
}

/// What people have besides disks, by its first bytes.
fn what_else(file: &mut File, is_directory: bool) -> io::Result<Option<&'static str>> {
    const COMPRESSED: &[&[u8]] = &[
        b"\xfd7zXZ\0",
        b"\x1f\x8b",
        b"BZh",
        // Zstandard.
        b"\x28\xb5\x2f\xfd",
    ];
    const COMPRESSED_IS: &str = "compressed: unpack it first";
    const ISO_IS: &str = "an ISO, and machines start from a disk: name a raw or qcow2 image";
    const DIRECTORY_IS: &str = "a directory: name the disk image in it";
    /// The first volume descriptor's identifier (ECMA-119, 8.1).
    const ISO: (u64, &[u8]) = (0x8001, b"CD001");
    /// A GPT makes an ISO a disk, too (UEFI 2.10, 5.3.2).
    const GPT: (u64, &[u8]) = (512, b"EFI PART");
    if is_directory {
        return Ok(Some(DIRECTORY_IS));
    }
    for magic in COMPRESSED {
        if begins(file, 0, magic)? {
            return Ok(Some(COMPRESSED_IS));
        }
    }
    let is_iso = begins(file, ISO.0, ISO.1)? && !begins(file, GPT.0, GPT.1)?;
    Ok(is_iso.then_some(ISO_IS))
}

fn begins(file: &mut File, at: u64, magic: &[u8]) -> io::Result<bool> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at))?;
    file.take(magic.len() as u64).read_to_end(&mut bytes)?;
    Ok(bytes == magic)
}

/// What programs can have without swapping.
///
/// Source: proc_meminfo(5), MemAvailable.
fn load_available_mib() -> Option<u64> {
    parse_available(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse_available(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes >> 10)
}

/// What is free for a directory that may not be there yet.
fn load_free_mib(directory: &Path) -> Option<u64> {
    let existing = directory.ancestors().find(|path| path.exists())?;
    let sizes = rustix::fs::statvfs(existing).ok()?;
    Some(sizes.f_bavail.saturating_mul(sizes.f_frsize) >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeSpec;

    fn spec(image: &Path) -> ClusterSpec {
        ClusterSpec {
            name: "test".to_owned(),
            image: image.to_owned(),
            nodes: 3,
            node: NodeSpec {
                memory_mib: 1024,
                ..NodeSpec::default()
            },
        }
    }

    #[test]
    fn memory_and_space_are_counted_for_all_machines() {
        let spec = spec(Path::new("image"));
        assert!(lack_of_memory(&spec, Some(3072)).is_none());
        assert!(lack_of_memory(&spec, None).is_none());
        let lack = lack_of_memory(&spec, Some(3071)).unwrap().to_string();
        assert!(lack.starts_with("3072 MiB of memory are needed, and 3071 MiB"));
        let directory = Path::new("/base/name");
        assert!(lack_of_space(&spec, 100, directory, Some(492)).is_none());
        let lack = lack_of_space(&spec, 100, directory, Some(491)).unwrap();
        let expected = "492 MiB are needed in /base, and 491 MiB are free";
        assert!(lack.to_string().starts_with(expected), "{lack}");
    }

    #[test]
    fn what_is_no_disk_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image");
        let mut iso = vec![0; 0x9000];
        iso[0x8001..0x8006].copy_from_slice(b"CD001");
        let mut hybrid = iso.clone();
        hybrid[512..520].copy_from_slice(b"EFI PART");
        for (bytes, expected) in [
            (b"\xfd7zXZ\0x".to_vec(), Some("compressed")),
            (b"\x28\xb5\x2f\xfdx".to_vec(), Some("compressed")),
            (iso, Some("an ISO")),
            (hybrid, None),
            (b"QFI\xfb".to_vec(), None),
            (Vec::new(), None),
        ] {
            fs::write(&path, &bytes).unwrap();
            let error = load_image(&path).err().map(|lack| lack.to_string());
            assert_eq!(error.is_some(), expected.is_some(), "{error:?}");
            assert!(
                error
                    .unwrap_or_default()
                    .contains(expected.unwrap_or_default())
            );
        }
        let lack = load_image(directory.path()).unwrap_err().to_string();
        assert!(lack.contains("is a directory"), "{lack}");
    }

    #[test]
    fn all_that_is_missing_is_said_at_once() {
        let mut spec = spec(Path::new("/nonexistent/image"));
        spec.node.vars = Some("/nonexistent/vars".into());
        spec.node.memory_mib = u32::MAX;
        let lacks = lacks(&spec, Path::new("/nonexistent/place"));
        let text: Vec<_> = lacks.iter().map(ToString::to_string).collect();
        let text = text.join("\n");
        for part in ["/nonexistent/image", "/nonexistent/vars", "of memory"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn available_memory_is_read() {
        let text = "MemTotal:       24684084 kB\nMemAvailable:   21264788 kB\n";
        assert_eq!(parse_available(text), Some(20766));
        assert_eq!(parse_available("MemTotal: 1 kB\n"), None);
        assert!(load_available_mib().is_some());
        assert!(load_free_mib(Path::new("/nonexistent/x")).is_some());
    }
}
