//! The disk image: a partition table, the EFI partition, and an empty META partition.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use gptman::{GPT, GPTPartitionEntry};
use uuid::Uuid;

use crate::ImageError;
use crate::error::{at, encode};

pub(crate) const SECTOR_BYTES: u64 = 512;
const MIB: u64 = 1 << 20;
/// Room at both ends for the tables, and alignment.
const MARGIN_BYTES: u64 = MIB;
/// Size of the META partition.
const META_BYTES: u64 = MIB;

/// EFI system partition. Source: UEFI Specification 2.10, section 5.3.3.
pub(crate) const EFI_TYPE: Uuid = Uuid::from_u128(0xC12A_7328_F81F_11D2_BA4B_00A0_C93E_C93B);
/// Linux file system data. Source: Discoverable Partitions Specification.
const LINUX_TYPE: Uuid = Uuid::from_u128(0x0FC6_3DAF_8483_4772_8E79_3D69_D847_7DE4);
/// Names of disks and partitions are derived from their labels, so that images are reproducible.
const NAMESPACE: Uuid = Uuid::from_u128(0x6D5A_8C1E_3C0B_4E5F_9D6A_1C40_9B2F_7E11);

/// Writes a disk of `EFI` and `META` around a finished EFI file system.
pub(crate) fn write(path: &Path, efi: &Path) -> Result<(), ImageError> {
    let refuse = || encode("partition table");
    let mut source = File::open(efi).map_err(at("open", efi))?;
    let efi_bytes = source.metadata().map_err(at("read", efi))?.len();
    let efi_bytes = efi_bytes.next_multiple_of(MIB);
    let mut disk = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(at("create", path))?;
    let size = MARGIN_BYTES + efi_bytes + META_BYTES + MARGIN_BYTES;
    disk.set_len(size).map_err(at("write", path))?;
    let mut table = GPT::new_from(&mut disk, SECTOR_BYTES, guid("ichor-disk")).map_err(refuse())?;
    table.align = MIB / SECTOR_BYTES;
    table[1] = partition("EFI", EFI_TYPE, MARGIN_BYTES, efi_bytes);
    table[2] = partition("META", LINUX_TYPE, MARGIN_BYTES + efi_bytes, META_BYTES);
    table.write_into(&mut disk).map_err(refuse())?;
    GPT::write_protective_mbr_into(&mut disk, SECTOR_BYTES).map_err(refuse())?;
    disk.seek(SeekFrom::Start(MARGIN_BYTES))
        .map_err(at("write", path))?;
    copy_sparse(&mut source, &mut disk).map_err(at("write", path))
}

pub(crate) fn partition(label: &str, kind: Uuid, start: u64, size: u64) -> GPTPartitionEntry {
    GPTPartitionEntry {
        partition_type_guid: kind.to_bytes_le(),
        unique_partition_guid: guid(label),
        starting_lba: start / SECTOR_BYTES,
        ending_lba: (start + size) / SECTOR_BYTES - 1,
        attribute_bits: 0,
        partition_name: label.into(),
    }
}

pub(crate) fn guid(label: &str) -> [u8; 16] {
    Uuid::new_v5(&NAMESPACE, label.as_bytes()).to_bytes_le()
}

/// Copies to the present position, leaving holes where there are zeroes.
pub(crate) fn copy_sparse(source: &mut File, target: &mut File) -> std::io::Result<()> {
    use std::io::{Read, Write};
    let mut block = vec![0; 1 << 16];
    loop {
        let read = source.read(&mut block)?;
        let Some(data) = block.get(..read).filter(|data| !data.is_empty()) else {
            return Ok(());
        };
        if data.iter().all(|byte| *byte == 0) {
            target.seek_relative(i64::try_from(read).map_err(std::io::Error::other)?)?;
        } else {
            target.write_all(data)?;
        }
    }
}
