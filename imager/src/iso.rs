//! A bootable ISO for UEFI, as a CD and as a USB disk: both find the same EFI file system.
//!
//! ```text
//! 0        MBR, GPT          read when it is a disk
//! 16       volume descriptors, boot catalog, root directory
//! 512      EFI file system   (1 MiB; named by the boot catalog, the GPT and the directory)
//! end      backup GPT
//! ```
//!
//! Source: ECMA-119; El Torito Bootable CD-ROM Format Specification, 1.0; UEFI Specification
//! 2.10, section 13.3.2.

pub(crate) mod boot;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use gptman::GPT;

use crate::ImageError;
use crate::disk;
use crate::error::{at, encode};

const BLOCK: usize = 2048;
const MIB: u64 = 1 << 20;
const CATALOG: u32 = 19;
const PATHS_LITTLE: u32 = 20;
const PATHS_BIG: u32 = 21;
const ROOT: u32 = 22;
const EFI: u32 = 512;
/// Name of the EFI file system in the directory.
const EFI_NAME: &[u8] = b"EFI.IMG;1";
/// No emulation, UEFI. Source: UEFI Specification 2.10, section 13.3.2.1.
const PLATFORM_EFI: u8 = 0xef;
const BOOTABLE: u8 = 0x88;

/// Writes an ISO around a finished EFI file system.
pub(crate) fn write(path: &Path, efi: &Path, version: &str) -> Result<(), ImageError> {
    let mut source = File::open(efi).map_err(at("open", efi))?;
    let efi_bytes = source.metadata().map_err(at("read", efi))?.len();
    let too_large = |_| encode("ISO")("the EFI file system is above 4 GiB");
    let size = MIB + efi_bytes.next_multiple_of(MIB) + MIB;
    let blocks = u32::try_from(size / BLOCK as u64).map_err(|_error| too_large(()))?;
    let efi_size = u32::try_from(efi_bytes).map_err(|_error| too_large(()))?;
    let mut iso = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(at("create", path))?;
    iso.set_len(size).map_err(at("write", path))?;
    let refuse = || encode("partition table");
    let guid = disk::guid("ichor-iso");
    let mut table = GPT::new_from(&mut iso, disk::SECTOR_BYTES, guid).map_err(refuse())?;
    table[1] = disk::partition("EFI", disk::EFI_TYPE, MIB, efi_bytes.next_multiple_of(MIB));
    table.write_into(&mut iso).map_err(refuse())?;
    GPT::write_protective_mbr_into(&mut iso, disk::SECTOR_BYTES).map_err(refuse())?;
    let start = 16 * BLOCK as u64;
    let descriptors = descriptors(version, blocks, efi_size);
    iso.seek(SeekFrom::Start(start))
        .and_then(|_| iso.write_all(&descriptors))
        .and_then(|()| iso.seek(SeekFrom::Start(MIB)))
        .map_err(at("write", path))?;
    disk::copy_sparse(&mut source, &mut iso).map_err(at("write", path))
}

/// The blocks from 16 to the root directory.
fn descriptors(version: &str, blocks: u32, efi_size: u32) -> Vec<u8> {
    let parts = [
        primary(version, blocks),
        boot_record(),
        terminator(),
        catalog(),
        path_table(u32::to_le_bytes, u16::to_le_bytes),
        path_table(u32::to_be_bytes, u16::to_be_bytes),
        root(efi_size),
    ];
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(part);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    }
    bytes
}

/// Primary volume descriptor: ECMA-119, section 8.4.
fn primary(version: &str, blocks: u32) -> Vec<u8> {
    let mut out = b"\x01CD001\x01\0".to_vec();
    let label = format!("ICHOR_{version}").to_uppercase();
    let label = label.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    text(&mut out, "", 32);
    text(&mut out, &label, 32);
    out.extend([0; 8]);
    out.extend(both(blocks));
    out.extend([0; 32]);
    out.extend(both_short(1)); // Volumes.
    out.extend(both_short(1)); // This volume.
    out.extend(both_short(2048));
    out.extend(both(10)); // Bytes of a path table.
    out.extend(PATHS_LITTLE.to_le_bytes());
    out.extend([0; 4]);
    out.extend(PATHS_BIG.to_be_bytes());
    out.extend([0; 4]);
    out.extend(record(&[0], ROOT, 2048, true));
    text(&mut out, &label, 128);
    for _ in ["publisher", "preparer", "application"] {
        text(&mut out, "", 128);
    }
    text(&mut out, "", 3 * 37);
    // Four dates that are not set: sixteen zero digits and a zone.
    for _ in 0..4 {
        out.extend([b'0'; 16]);
        out.push(0);
    }
    out.push(1);
    out
}

/// Boot record: El Torito, figure 7.
fn boot_record() -> Vec<u8> {
    let mut out = b"\0CD001\x01EL TORITO SPECIFICATION".to_vec();
    out.resize(0x47, 0);
    out.extend(CATALOG.to_le_bytes());
    out
}

fn terminator() -> Vec<u8> {
    b"\xffCD001\x01".to_vec()
}

/// Boot catalog: a validation entry, whose words sum to zero, and the initial entry.
fn catalog() -> Vec<u8> {
    let mut out = vec![1, PLATFORM_EFI];
    out.resize(30, 0);
    out.extend([0x55, 0xaa]);
    let sum = out.chunks_exact(2).fold(0_u16, |sum, pair| {
        let bytes = pair.first_chunk().copied().unwrap_or_default();
        sum.wrapping_add(u16::from_le_bytes(bytes))
    });
    let checksum = 0_u16.wrapping_sub(sum).to_le_bytes();
    for (place, byte) in out.iter_mut().skip(28).zip(checksum) {
        *place = byte;
    }
    // A count of sectors has 16 bits, which end at 32 MiB: zero is "up to the end".
    out.extend([BOOTABLE, 0, 0, 0, 0, 0, 0, 0]);
    out.extend(EFI.to_le_bytes());
    out
}

fn path_table(long: fn(u32) -> [u8; 4], short: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mut out = vec![1, 0];
    out.extend(long(ROOT));
    out.extend(short(1));
    out.extend([0, 0]);
    out
}

fn root(efi_size: u32) -> Vec<u8> {
    let mut out = record(&[0], ROOT, 2048, true);
    out.extend(record(&[1], ROOT, 2048, true));
    out.extend(record(EFI_NAME, EFI, efi_size, false));
    out
}

/// Directory record: ECMA-119, section 9.1, with the date 1970-01-01.
fn record(name: &[u8], block: u32, size: u32, directory: bool) -> Vec<u8> {
    let mut out = vec![0, 0];
    out.extend(both(block));
    out.extend(both(size));
    out.extend([70, 1, 1, 0, 0, 0, 0]);
    out.extend([if directory { 2 } else { 0 }, 0, 0]);
    out.extend(both_short(1));
    out.push(name.len() as u8);
    out.extend(name);
    if out.len() % 2 == 1 {
        out.push(0);
    }
    if let Some(length) = out.len().try_into().ok().zip(out.first_mut()) {
        *length.1 = length.0;
    }
    out
}

fn text(out: &mut Vec<u8>, text: &str, width: usize) {
    out.extend(text.bytes().chain(std::iter::repeat(b' ')).take(width));
}

fn both(value: u32) -> Vec<u8> {
    [value.to_le_bytes(), value.to_be_bytes()].concat()
}

fn both_short(value: u16) -> Vec<u8> {
    [value.to_le_bytes(), value.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(bytes: &[u8], at: usize) -> usize {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    }

    fn sample() -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let efi = directory.path().join("efi.img");
        let iso = directory.path().join("x.iso");
        std::fs::write(&efi, [7; 5000]).unwrap();
        write(&iso, &efi, "1.2.3-rc").unwrap();
        std::fs::read(&iso).unwrap()
    }

    #[test]
    fn a_cd_drive_finds_the_efi_file_system() {
        let iso = sample();
        let record = &iso[17 * BLOCK..];
        assert_eq!(&record[..30], b"\0CD001\x01EL TORITO SPECIFICATION");
        let catalog = &iso[word(record, 0x47) * BLOCK..];
        let words = catalog[..32]
            .chunks(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        assert_eq!(words.fold(0, u16::wrapping_add), 0);
        assert_eq!((catalog[1], catalog[32]), (PLATFORM_EFI, BOOTABLE));
        let efi = &iso[word(catalog, 40) * BLOCK..];
        assert_eq!(&efi[..5001], [[7; 5000].as_slice(), &[0]].concat());
    }

    #[test]
    fn a_disk_finds_the_efi_file_system() {
        let mut iso = std::io::Cursor::new(sample());
        let table = GPT::find_from(&mut iso).unwrap();
        let range = table.get_partition_byte_range(1).unwrap();
        assert_eq!(iso.get_ref()[*range.start() as usize], 7);
        assert_eq!(
            table.header.backup_lba,
            iso.get_ref().len() as u64 / 512 - 1
        );
    }

    #[test]
    fn a_file_system_finds_the_directory() {
        let iso = sample();
        let primary = &iso[16 * BLOCK..];
        assert_eq!(&primary[40..57], b"ICHOR_1_2_3_RC   ");
        assert_eq!(word(primary, 80) * BLOCK, iso.len());
        assert_eq!(primary[881], 1, "file structure version");
        let root = &iso[word(primary, 156 + 2) * BLOCK..];
        let file = &root[34 + 34..];
        assert_eq!((file[0], &file[33..42]), (42, EFI_NAME));
        assert_eq!((word(file, 2), word(file, 10)), (512, 5000));
    }
}
