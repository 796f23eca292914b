//! The partition table of the system disk.
//!
//! An image is smaller than the disk that it is written to: its partition table ends where the image
//! did, and what lies behind belongs to nobody. [`grow`] lets it reach the end of the disk.
//!
//! Source: UEFI Specification 2.10, section 5.3.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use gptman::{GPT, GPTHeader, GPTPartitionEntry};

/// The only size of an entry that is in use.
const ENTRY_BYTES: u32 = 128;
/// Tables have 128. More than this is no table of ours, and would only take memory.
const ENTRIES_MAX: u32 = 1024;

/// A header, and its list of partitions with the free places in it.
type Table = (GPTHeader, Vec<GPTPartitionEntry>);

/// Why a partition table stays as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// The disk refuses.
    #[error("read or write the disk")]
    Disk(#[from] io::Error),
    /// What is there is no valid table. Looking again does not help.
    #[error("its partition table is not valid: {0}")]
    Invalid(&'static str),
    /// The same, in the words of the library.
    #[error("its partition table is not valid")]
    Unreadable(#[source] gptman::Error),
}

impl TableError {
    /// Whether another attempt may do better.
    pub(crate) fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::Disk(_))
    }
}

/// Lets the partition table of a disk reach its end. Partitions stay as they are. Returns whether
/// anything was to do; then it is on the disk.
///
/// A power cut leaves the old table or the new one: the first copy is valid at each moment, and
/// names a second copy that is valid, too.
///
/// # Errors
/// [`TableError`]: nothing is lost.
pub(crate) fn grow(disk: &Path, sector_bytes: u64) -> Result<bool, TableError> {
    // Opened for writing, udev would look at it again each time.
    let mut file = File::open(disk)?;
    let sectors = file.seek(SeekFrom::End(0))? / sector_bytes;
    let (header, entries) = load(&mut file, sector_bytes)?;
    let Some(mut grown) = plan(&header, &entries, sectors, sector_bytes)? else {
        return Ok(false);
    };
    let mut file = File::options().read(true).write(true).open(disk)?;
    let mut second = second_copy(&grown);
    second
        .write_into(&mut file, sector_bytes, &entries)
        .map_err(refused)?;
    file.sync_data()?;
    grown
        .write_into(&mut file, sector_bytes, &entries)
        .map_err(refused)?;
    GPT::write_protective_mbr_into(&mut file, sector_bytes).map_err(refused)?;
    file.sync_data()?;
    Ok(true)
}

/// Reads the first copy.
fn load(disk: &mut (impl Read + Seek), sector_bytes: u64) -> Result<Table, TableError> {
    disk.seek(SeekFrom::Start(sector_bytes))?;
    let header = GPTHeader::read_from(disk).map_err(refused)?;
    let number = header.number_of_partition_entries;
    if header.size_of_partition_entry != ENTRY_BYTES || !(1..=ENTRIES_MAX).contains(&number) {
        return Err(TableError::Invalid("the size of its list of partitions"));
    }
    if header.partition_entry_lba != 2 {
        return Err(TableError::Invalid("the place of its list of partitions"));
    }
    let entries = header.read_partitions(disk, sector_bytes);
    Ok((header, entries.map_err(refused)?))
}

/// The header of a table that reaches the end of a disk of so many sectors. `None` when it does.
fn plan(
    header: &GPTHeader,
    entries: &[GPTPartitionEntry],
    sectors: u64,
    sector_bytes: u64,
) -> Result<Option<GPTHeader>, TableError> {
    let list_bytes = u64::from(ENTRY_BYTES) * u64::from(header.number_of_partition_entries);
    let list_sectors = list_bytes.div_ceil(sector_bytes);
    // Behind the last usable sector are the list and the header.
    let last = sectors.saturating_sub(1);
    let last_usable = last.saturating_sub(list_sectors + 1);
    if header.primary_lba != 1 || header.backup_lba > last {
        return Err(TableError::Invalid("it is that of a larger disk"));
    }
    if header.backup_lba == last {
        return Ok(None);
    }
    let mut used = entries.iter().filter(|entry| entry.is_used());
    if header.last_usable_lba > last_usable || used.any(|entry| entry.ending_lba > last_usable) {
        return Err(TableError::Invalid("a partition lies beyond its end"));
    }
    Ok(Some(GPTHeader {
        backup_lba: last,
        last_usable_lba: last_usable,
        ..header.clone()
    }))
}

/// The header at the end of the disk. Its list lies before it.
fn second_copy(first: &GPTHeader) -> GPTHeader {
    GPTHeader {
        primary_lba: first.backup_lba,
        backup_lba: first.primary_lba,
        partition_entry_lba: first.last_usable_lba + 1,
        ..first.clone()
    }
}

fn refused(error: gptman::Error) -> TableError {
    match error {
        gptman::Error::Io(error) => TableError::Disk(error),
        error => TableError::Unreadable(error),
    }
}

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
#[cfg(test)]
mod tests;
