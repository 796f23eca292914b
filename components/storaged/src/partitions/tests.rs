use std::fs;
use std::io::Write;

use super::*;

const SECTOR_BYTES: u64 = 512;
const MIB: u64 = 1 << 20;
const IMAGE_BYTES: u64 = 8 * MIB;

/// An image of 8 MiB with one partition that fills it.
fn image() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(IMAGE_BYTES).unwrap();
    let mut table = GPT::new_from(file.as_file_mut(), SECTOR_BYTES, [7; 16]).unwrap();
    table[1] = GPTPartitionEntry {
        partition_type_guid: [1; 16],
        unique_partition_guid: [2; 16],
        starting_lba: 2048,
        ending_lba: 4095,
        attribute_bits: 0,
        partition_name: "META".into(),
    };
    table.write_into(file.as_file_mut()).unwrap();
    GPT::write_protective_mbr_into(file.as_file_mut(), SECTOR_BYTES).unwrap();
    file
}

/// Both copies are what a reader of the whole disk finds, and agree.
fn assert_reaches_the_end(file: &tempfile::NamedTempFile, bytes: u64) {
    let mut disk = file.reopen().unwrap();
    let (first, entries) = load(&mut disk, SECTOR_BYTES).unwrap();
    let last = bytes / SECTOR_BYTES - 1;
    assert_eq!(first.backup_lba, last);
    assert_eq!(first.last_usable_lba, last - 33);
    disk.seek(SeekFrom::Start(last * SECTOR_BYTES)).unwrap();
    let second = GPTHeader::read_from(&mut disk).unwrap();
    assert_eq!((second.primary_lba, second.backup_lba), (last, 1));
    let second_entries = second.read_partitions(&mut disk, SECTOR_BYTES).unwrap();
    assert_eq!(second_entries, entries);
    assert_eq!(entries[0].partition_name.as_str(), "META");
    assert_eq!(
        (entries[0].starting_lba, entries[0].ending_lba),
        (2048, 4095)
    );
    let content = fs::read(file.path()).unwrap();
    assert_eq!(
        content[458..462],
        u32::try_from(last).unwrap().to_le_bytes()
    );
}

#[test]
fn a_table_reaches_the_end_of_a_larger_disk() {
    let file = image();
    let before = fs::read(file.path()).unwrap();
    assert!(!grow(file.path(), SECTOR_BYTES).unwrap());
    assert_eq!(fs::read(file.path()).unwrap(), before);
    for bytes in [IMAGE_BYTES + SECTOR_BYTES, 9 * MIB, 64 * MIB] {
        file.as_file().set_len(bytes).unwrap();
        assert!(grow(file.path(), SECTOR_BYTES).unwrap());
        assert_reaches_the_end(&file, bytes);
        assert!(!grow(file.path(), SECTOR_BYTES).unwrap());
    }
}

#[test]
fn what_is_no_table_or_not_of_this_disk_stays() {
    let refused = |file: &tempfile::NamedTempFile| {
        let before = fs::read(file.path()).unwrap();
        let error = grow(file.path(), SECTOR_BYTES).unwrap_err();
        assert!(!error.is_of_the_disk(), "{error}");
        assert_eq!(fs::read(file.path()).unwrap(), before);
        error.to_string()
    };
    let smaller = image();
    smaller.as_file().set_len(IMAGE_BYTES / 2).unwrap();
    assert!(refused(&smaller).ends_with("that of a larger disk"));

    let broken = image();
    broken.as_file().set_len(2 * IMAGE_BYTES).unwrap();
    let mut file = broken.reopen().unwrap();
    file.seek(SeekFrom::Start(2 * SECTOR_BYTES)).unwrap();
    file.write_all(b"x").unwrap();
    refused(&broken);

    let empty = tempfile::NamedTempFile::new().unwrap();
    empty.as_file().set_len(IMAGE_BYTES).unwrap();
    refused(&empty);
}

#[test]
fn a_partition_beyond_the_end_is_not_overwritten() {
    let file = image();
    let (header, mut entries) = load(&mut file.reopen().unwrap(), SECTOR_BYTES).unwrap();
    let sectors = 2 * IMAGE_BYTES / SECTOR_BYTES;
    entries[0].ending_lba = sectors - 33;
    assert!(plan(&header, &entries, sectors, SECTOR_BYTES).is_err());
    entries[0].ending_lba = sectors - 34;
    assert!(
        plan(&header, &entries, sectors, SECTOR_BYTES)
            .unwrap()
            .is_some()
    );
}
