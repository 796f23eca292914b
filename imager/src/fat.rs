//! The FAT32 file system of the EFI partition.

use std::fs::File;
use std::path::Path;

use hadris_fat::format::{FatFormatOptions, FatTypeSelection, FatVolumeFormatter};
use hadris_fat::time::EpochTimeProvider;
use hadris_fat::{FatDir, FatVolume, FatVolumeWriteExt};

use crate::ImageError;
use crate::error::{at, encode};

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
