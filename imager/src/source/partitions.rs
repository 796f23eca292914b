//! The partitions of a disk that firmware may start something from.

use std::io::{Read, Seek, SeekFrom};

use gptman::GPT;

use crate::disk::{EFI_TYPE, SECTOR_BYTES};

/// The largest partition that is read into memory. In a qcow2 file it may take no room at all.
const BYTES_MAX: u64 = 1 << 30;
/// What a partition table of the old kind says of a disk that has a GPT.
///
/// Source: UEFI Specification 2.10, section 5.2.3, OSType of the protective MBR.
const PROTECTIVE: u8 = 0xee;

/// A partition with a file system that firmware can read.
pub(super) struct Partition {
    pub(super) number: u32,
    /// Where it is on the disk, in bytes.
    pub(super) start: u64,
    pub(super) content: Vec<u8>,
}

/// All of them: firmware looks for a boot loader in whatever it can read, not only in what is
/// called an EFI partition.
pub(super) fn load(disk: &mut (impl Read + Seek)) -> Result<Vec<Partition>, String> {
    let table = GPT::find_from(disk).map_err(|error| format!("no partition table: {error}"))?;
    check_first_sector(&sector(disk, 0)?)?;
    let mut found = Vec::new();
    let mut bytes = 0_u64;
    for (number, entry) in table.iter().filter(|(_, entry)| entry.is_used()) {
        let range = table
            .get_partition_byte_range(number)
            .map_err(|error| error.to_string())?;
        let (start, end) = (*range.start(), *range.end());
        let is_efi = entry.partition_type_guid == EFI_TYPE.to_bytes_le();
        if !is_efi && !is_fat(&sector(disk, start)?) {
            continue;
        }
        let size = end.saturating_sub(start).saturating_add(1);
        bytes = bytes.saturating_add(size);
        if bytes > BYTES_MAX {
            return Err(format!("its EFI partitions have {bytes} bytes"));
        }
        let mut content = Vec::new();
        disk.seek(SeekFrom::Start(start))
            .and_then(|_| disk.take(size).read_to_end(&mut content))
            .map_err(|error| format!("read partition {number}: {error}"))?;
        found.push(Partition {
            number,
            start,
            content,
        });
    }
    if found.is_empty() {
        return Err("it has no EFI partition".to_owned());
    }
    Ok(found)
}

type Sector = [u8; SECTOR_BYTES as usize];

fn sector(disk: &mut (impl Read + Seek), start: u64) -> Result<Sector, String> {
    let mut sector = [0; SECTOR_BYTES as usize];
    disk.seek(SeekFrom::Start(start))
        .and_then(|_| disk.read_exact(&mut sector))
        .map_err(|error| format!("read the sector at byte {start}: {error}"))?;
    Ok(sector)
}

/// Firmware must find no other partitions than those of the GPT, and no file system beside them.
fn check_first_sector(sector: &Sector) -> Result<(), String> {
    if is_fat(sector) {
        return Err("it has a file system beside its partitions".to_owned());
    }
    let (_, table) = sector.split_at(446);
    let mut kinds = table.chunks_exact(16).filter_map(|entry| entry.get(4));
    match kinds.all(|kind| matches!(*kind, 0 | PROTECTIVE)) {
        true => Ok(()),
        false => Err("it has partitions beside those of its GPT".to_owned()),
    }
}

/// Source: Microsoft FAT specification, BPB_BytsPerSec, BPB_SecPerClus and BPB_NumFATs.
fn is_fat(sector: &Sector) -> bool {
    let [.., 0x55, 0xaa] = sector else {
        return false;
    };
    let (head, _) = sector.split_at(17);
    let [.., low, high, per_cluster, _, _, tables] = head else {
        return false;
    };
    let bytes = u16::from_le_bytes([*low, *high]);
    matches!(bytes, 512 | 1024 | 2048 | 4096) && per_cluster.is_power_of_two() && *tables != 0
}
