//! The FAT32 file system of the EFI partition.

use std::fs::File;
use std::io::Cursor;
use std::path::Path;

use hadris_fat::format::{FatFormatOptions, FatTypeSelection, FatVolumeFormatter};
use hadris_fat::time::EpochTimeProvider;
use hadris_fat::{DirectoryEntry, FatDir, FatVolume, FatVolumeReadExt, FatVolumeWriteExt};

use crate::ImageError;
use crate::error::{at, encode};

/// Identifies the file system; a fixed number, so that images are reproducible.
const VOLUME_ID: u32 = 0x1C40_0001;
/// More are on no EFI partition that is of use.
const ENTRIES_MAX: u32 = 10_000;
/// The same of directories in directories.
const DEPTH_MAX: usize = 16;

/// Formats a file of `size` bytes and fills it. Paths use slashes; directories are made.
pub(crate) fn write(path: &Path, size: u64, files: &[(String, Vec<u8>)]) -> Result<(), ImageError> {
    let refuse = || encode("EFI partition");
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(at("create", path))?;
    file.set_len(size).map_err(at("write", path))?;
    let mut options = FatFormatOptions::new(size).fat_type(FatTypeSelection::Fat32);
    options.volume_id = Some(VOLUME_ID);
    drop(FatVolumeFormatter::format(file, options).map_err(refuse())?);
    // Opened anew, because only an opened volume takes its clock from us.
    let file = File::options()
        .read(true)
        .write(true)
        .open(path)
        .map_err(at("open", path))?;
    let volume = FatVolume::builder(file).time_provider(&EpochTimeProvider);
    let volume = volume.open().map_err(refuse())?;
    for (name, content) in files {
        let (directory, base) = name.rsplit_once('/').unwrap_or(("", name.as_str()));
        let mut parent = volume.root_dir();
        for part in directory.split('/').filter(|part| !part.is_empty()) {
            parent = enter(&volume, &parent, part)?;
        }
        let entry = volume.create_file(&parent, base).map_err(refuse())?;
        let mut writer = volume.write_file(&entry).map_err(refuse())?;
        let mut rest = content.as_slice();
        while !rest.is_empty() {
            let written = writer.write(rest).map_err(refuse())?;
            rest = rest.get(written..).unwrap_or_default();
        }
        writer.finish().map_err(refuse())?;
    }
    Ok(())
}

fn enter<'a>(
    volume: &'a FatVolume<File>,
    parent: &FatDir<'a, File>,
    name: &str,
) -> Result<FatDir<'a, File>, ImageError> {
    let refuse = || encode("EFI partition");
    match parent.find(name).map_err(refuse())? {
        Some(_) => parent.open_dir(name).map_err(refuse()),
        None => volume.create_dir(parent, name).map_err(refuse()),
    }
}

/// A file of a file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// With slashes, from the root on.
    pub(crate) path: String,
    pub(crate) content: Vec<u8>,
}

/// All files of a file system.
pub(crate) fn files(content: Cursor<Vec<u8>>) -> Result<Vec<Entry>, String> {
    let refuse = |error: hadris_fat::Error| format!("read an EFI file system: {error}");
    // Entries may share their clusters: what is small here would fill the memory.
    let mut room = content.get_ref().len() as u64;
    let mut entries_left = ENTRIES_MAX;
    let volume = FatVolume::open(content).map_err(refuse)?;
    let mut found = Vec::new();
    let mut directories = vec![(String::new(), volume.root_dir())];
    while let Some((path, directory)) = directories.pop() {
        for entry in directory.entries() {
            let DirectoryEntry::Entry(entry) = entry.map_err(refuse)?;
            entries_left = entries_left
                .checked_sub(1)
                .ok_or("an EFI file system has too many entries")?;
            if matches!(&*entry.name(), "." | "..") {
                continue;
            }
            let path = match path.as_str() {
                "" => entry.name().into_owned(),
                path => format!("{path}/{}", entry.name()),
            };
            if entry.is_directory() {
                // A directory may lie in itself.
                if path.split('/').count() > DEPTH_MAX {
                    return Err("an EFI file system has too many levels".to_owned());
                }
                directories.push((path, directory.open_entry(&entry).map_err(refuse)?));
            } else if entry.is_file() {
                room = room
                    .checked_sub(entry.len())
                    .ok_or("the files of an EFI file system overlap")?;
                let mut reader = volume.read_file(&entry).map_err(refuse)?;
                let content = reader.read_to_vec().map_err(refuse)?;
                found.push(Entry { path, content });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 64 << 20;

    fn sample(path: &Path) -> Vec<(String, Vec<u8>)> {
        let files = vec![
            ("EFI/BOOT/BOOTX64.EFI".to_owned(), vec![1; 100_000]),
            ("loader/loader.conf".to_owned(), b"timeout 0\n".to_vec()),
            (
                "EFI/Linux/ichor-1.2.3-long-name+3.efi".to_owned(),
                vec![2; 5_000_000],
            ),
            ("EFI/Linux/empty.efi".to_owned(), vec![]),
        ];
        write(path, SIZE, &files).unwrap();
        files
    }

    #[test]
    fn files_come_back_with_their_long_names() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("efi.img");
        let files = sample(&path);
        let content = Cursor::new(std::fs::read(&path).unwrap());
        let found = super::files(content).unwrap();
        let found: Vec<_> = found
            .into_iter()
            .map(|file| (file.path, file.content))
            .collect();
        assert_eq!(found.len(), 4);
        for file in &files {
            assert!(found.contains(file), "{}", file.0);
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("efi.img");
        let files = [("a".to_owned(), vec![1; 65 << 20])];
        let error = write(&path, SIZE, &files).unwrap_err().to_string();
        assert!(error.contains("EFI partition"), "{error}");
    }

    #[test]
    fn fsck_agrees() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("efi.img");
        sample(&path);
        // A user's PATH need not have it.
        let path_with_sbin = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap());
        let output = std::process::Command::new("fsck.vfat")
            .env("PATH", path_with_sbin)
            .args(["-n", "-v"])
            .arg(&path)
            .output()
            .expect("the package dosfstools is installed");
        assert!(output.status.success(), "{output:?}");
    }

    /// A file system of 32 KiB with a program of 4 KiB in `EFI/LINUX`.
    const SMALL: &[u8] = include_bytes!("../../tests/fuzz/corpus/fat/fat12");

    #[test]
    fn files_that_share_their_clusters_are_refused() {
        let read = |image: &[u8]| files(Cursor::new(image.to_vec()));
        assert_eq!(read(SMALL).unwrap().len(), 3);
        let name = b"ICHOR   EFI";
        let at = SMALL.windows(name.len()).position(|part| part == name);
        let at = at.unwrap();
        let entry = SMALL[at..at + 32].to_vec();
        let mut many = SMALL.to_vec();
        for (number, letter) in (1..10).zip(b'A'..) {
            let place = at + 32 * number;
            many[place..place + 32].copy_from_slice(&entry);
            many[place] = letter;
        }
        let refused = read(&many).unwrap_err();
        assert!(refused.contains("overlap"), "{refused}");
    }
}
