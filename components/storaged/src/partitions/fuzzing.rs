//! Partition tables as a disk may hold them.

use std::io::Cursor;

use gptman::Error;

use super::{TableError, load, plan, second_copy};

const SECTOR_BYTES: usize = 512;
/// Where a header has the sum of itself, and that of its list.
const OWN_SUM: usize = SECTOR_BYTES + 16;
const LIST_SUM: usize = SECTOR_BYTES + 88;

/// The first sectors of a disk. Wrong sums are made right: whoever writes a table can.
pub(crate) fn check(input: &[u8]) {
    let mut disk = input.to_vec();
    for _ in 0..3 {
        let (place, sum) = match load(&mut Cursor::new(&disk), SECTOR_BYTES as u64) {
            Err(TableError::Unreadable(Error::InvalidChecksum(_, sum))) => (OWN_SUM, sum),
            Err(TableError::Unreadable(Error::InvalidPartitionEntryArrayChecksum(_, sum))) => {
                (LIST_SUM, sum)
            }
            Err(_) => return,
            Ok((header, entries)) => {
                for sectors in [0, 1, header.backup_lba, header.backup_lba / 2, u64::MAX] {
                    let planned = plan(&header, &entries, sectors, SECTOR_BYTES as u64);
                    let Ok(Some(grown)) = planned else { continue };
                    let second = second_copy(&grown);
                    assert!(second.primary_lba < sectors);
                    assert!(second.partition_entry_lba < second.primary_lba);
                    for entry in entries.iter().filter(|entry| entry.is_used()) {
                        assert!(entry.ending_lba < second.partition_entry_lba);
                    }
                }
                return;
            }
        };
        if let Some(place) = disk.get_mut(place..place + 4) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
    }
}
