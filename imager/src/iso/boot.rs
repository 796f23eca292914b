//! What firmware starts from a CD.
//!
//! Source: El Torito Bootable CD-ROM Format Specification, 1.0, section 2.

use std::io::{self, Read, Seek, SeekFrom};

use super::{BLOCK, BOOTABLE};

/// The first volume descriptor, and more than any CD has.
const DESCRIPTORS: std::ops::Range<u64> = 16..80;
const BOOT_RECORD: &[u8] = b"\0CD001\x01EL TORITO SPECIFICATION";
const STANDARD: &[u8] = b"CD001";
const TERMINATOR: u8 = 0xff;
/// The block of the catalog, in the boot record.
const CATALOG_AT: usize = 0x47;
const ENTRY_BYTES: usize = 32;

/// Where the images are that a boot catalog names, in bytes from the start; none when it is no CD.
///
/// Each entry that may be started counts, whatever the headers say of it: firmware differs in how
/// well it reads them.
///
/// # Errors
/// When a block cannot be read.
pub(crate) fn starts(disk: &mut (impl Read + Seek)) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for number in DESCRIPTORS {
        let Some(descriptor) = block(disk, number)? else {
            break;
        };
        if descriptor.get(1..6) != Some(STANDARD) || descriptor.first() == Some(&TERMINATOR) {
            break;
        }
        if !descriptor.starts_with(BOOT_RECORD) {
            continue;
        }
        let Some(catalog) = block(disk, number_at(&descriptor, CATALOG_AT).into())? else {
            continue;
        };
        let entries = catalog.chunks_exact(ENTRY_BYTES).skip(1);
        let bootable = entries.filter(|entry| entry.first() == Some(&BOOTABLE));
        found.extend(bootable.map(|entry| u64::from(number_at(entry, 8)) * BLOCK as u64));
    }
    Ok(found)
}

/// None when the disk ends before.
fn block(disk: &mut (impl Read + Seek), number: u64) -> io::Result<Option<Vec<u8>>> {
    let mut block = Vec::new();
    disk.seek(SeekFrom::Start(number * BLOCK as u64))?;
    disk.take(BLOCK as u64).read_to_end(&mut block)?;
    Ok((block.len() == BLOCK).then_some(block))
}

fn number_at(bytes: &[u8], at: usize) -> u32 {
    let number = bytes.get(at..).and_then(|rest| rest.first_chunk());
    number.map_or(0, |number| u32::from_le_bytes(*number))
}
