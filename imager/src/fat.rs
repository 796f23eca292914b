//! The FAT32 file system of the EFI partition.

use std::fs::File;
use std::io::Cursor;
use std::path::Path;

use hadris_fat::format::{FatFormatOptions, FatTypeSelection, FatVolumeFormatter};
use hadris_fat::time::EpochTimeProvider;
use hadris_fat::{DirectoryEntry, FatDir, FatVolume, FatVolumeReadExt, FatVolumeWriteExt};

use crate::ImageError;
use crate::error::{at, encode};
use crate::source::Program;

/// Identifies the file system; a fixed number, so that images are reproducible.
const VOLUME_ID: u32 = 0x1C40_0001;

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

/// The programs of some directories of a file system; a directory that is not there has none.
pub(crate) fn programs(
    content: Cursor<Vec<u8>>,
    directories: &[&str],
) -> Result<Vec<Program>, String> {
    let refuse = |error: hadris_fat::Error| format!("read the EFI partition: {error}");
    let mut room = content.get_ref().len() as u64;
    let volume = FatVolume::open(content).map_err(refuse)?;
    let mut programs = Vec::new();
    for path in directories {
        let Some(directory) = find(&volume, path).map_err(refuse)? else {
            continue;
        };
        for entry in directory.entries() {
            let DirectoryEntry::Entry(entry) = entry.map_err(refuse)?;
            if entry.is_file() {
                // Entries may share their clusters: what is small here would fill the memory.
                room = room
                    .checked_sub(entry.len())
                    .ok_or("the files of the EFI partition overlap")?;
                let mut reader = volume.read_file(&entry).map_err(refuse)?;
                programs.push(Program {
                    path: format!("{path}/{}", entry.name()),
                    content: reader.read_to_vec().map_err(refuse)?,
                });
            }
        }
    }
    Ok(programs)
}

fn find<'a>(
    volume: &'a FatVolume<Cursor<Vec<u8>>>,
    path: &str,
) -> Result<Option<FatDir<'a, Cursor<Vec<u8>>>>, hadris_fat::Error> {
    let mut directory = volume.root_dir();
    for part in path.split('/') {
        match directory.find(part)? {
            Some(entry) => directory = directory.open_entry(&entry)?,
            None => return Ok(None),
        }
    }
    Ok(Some(directory))
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
    fn programs_come_back_with_their_long_names() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("efi.img");
        let files = sample(&path);
        let content = Cursor::new(std::fs::read(&path).unwrap());
        let found = programs(content, &["EFI/BOOT", "EFI/Linux", "EFI/none"]).unwrap();
        let found: Vec<_> = found
            .into_iter()
            .map(|file| (file.path, file.content))
            .collect();
        assert_eq!(found.len(), 3);
        for file in files.iter().filter(|file| file.0.starts_with("EFI")) {
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
        let read = |image: &[u8]| programs(Cursor::new(image.to_vec()), &["EFI/LINUX"]);
        assert_eq!(read(SMALL).unwrap().len(), 1);
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
