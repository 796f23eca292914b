//! Disks of a node without configuration, as they are and as they come and go.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::time::{Duration, Instant};

use gptman::{GPT, GPTHeader};
use ichor_vm_tests::shared;

const SECTOR_BYTES: u64 = 512;

/// Until udev has seen what was there at the boot.
const PATIENCE: Duration = Duration::from_secs(90);
/// For a change on a node that is up; emulation is slow, and slower while the host builds.
const SECONDS: Duration = Duration::from_secs(20);

/// The line of a table that names something.
fn line<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find(|line| line.split_whitespace().any(|word| word == name))
}

#[test]
fn vm_disks_are_listed() {
    let mut booted = shared().unwrap();
    // Drivers of disks are loaded after the API is there.
    let listed = |text: &str| line(text, "/dev/vda").is_some_and(|disk| disk.ends_with('*'));
    let text = booted.wait_for(PATIENCE, &["disks"], listed).unwrap();
    let disk = line(&text, "/dev/vda").unwrap();
    assert!(
        disk.contains(" system ") && disk.contains("6.4 GB"),
        "{text}"
    );
    assert!(disk.contains("/virtio"), "{text}");
    let text = booted
        .wait_for(SECONDS, &["get", "disks"], |text| {
            line(text, "vda").is_some()
        })
        .unwrap();
    let disk = line(&text, "vda").unwrap();
    assert!(disk.contains("6.4 GB") && disk.contains("virtio"), "{text}");
    assert!(disk.ends_with("system"), "{text}");
    let text = booted.ichor(&["get", "blockdevices"]).unwrap();
    assert!(line(&text, "META").unwrap().contains("vda"), "{text}");
    let text = booted.ichor(&["get", "systemdisk"]).unwrap();
    assert!(text.contains("vda"), "{text}");
}

/// The image is written to a larger disk. QEMU writes to the file that is read here.
#[test]
fn vm_partition_table_reaches_the_end_of_the_disk() {
    let mut booted = shared().unwrap();
    let grown = |text: &str| text.contains("reaches the end of the disk now");
    let text = booted
        .wait_for(PATIENCE, &["logs", "storaged"], grown)
        .unwrap();
    assert!(text.contains("/dev/vda"), "{text}");
    let mut disk = File::open(booted.node().unwrap().system_disk()).unwrap();
    let sectors = disk.metadata().unwrap().len() / SECTOR_BYTES;
    let table = GPT::read_from(&mut disk, SECTOR_BYTES).unwrap();
    assert_eq!(table.header.backup_lba, sectors - 1);
    let names: Vec<_> = table
        .iter()
        .map(|(_, entry)| entry.partition_name.as_str())
        .collect();
    assert_eq!(names[..2], ["EFI", "META"]);
    disk.seek(SeekFrom::End(-SECTOR_BYTES.cast_signed()))
        .unwrap();
    let second = GPTHeader::read_from(&mut disk).unwrap();
    assert_eq!(second.backup_lba, 1);
    second.read_partitions(&mut disk, SECTOR_BYTES).unwrap();
}

#[test]
fn vm_disks_have_links_of_udev() {
    let mut booted = shared().unwrap();
    let ready = |text: &str| text.contains("true");
    booted
        .wait_for(PATIENCE, &["get", "devicesstatus"], ready)
        .unwrap();
    let links = |text: &str| {
        text.contains("/dev/disk/by-id/virtio-system\n") && text.contains("/dev/disk/by-path/pci-")
    };
    let arguments = ["get", "blocksymlink", "vda", "-o", "yaml"];
    booted.wait_for(SECONDS, &arguments, links).unwrap();
    let arguments = ["get", "disk", "vda", "-o", "yaml"];
    booted.wait_for(SECONDS, &arguments, links).unwrap();
}

#[test]
fn vm_disk_comes_and_goes() {
    let mut booted = shared().unwrap();
    let ready = |text: &str| text.contains("true");
    booted
        .wait_for(PATIENCE, &["get", "devicesstatus"], ready)
        .unwrap();
    let before = booted.ichor(&["get", "blockdevices"]).unwrap();
    let start = Instant::now();
    let disk = booted.node().unwrap().plug_disk(256 << 20).unwrap();
    let serial = disk.id.clone();
    booted
        .wait_for(SECONDS, &["get", "disks"], |text| {
            line(text, &serial).is_some()
        })
        .unwrap();
    println!("listed after {:?}", start.elapsed());
    let text = booted.ichor(&["disks"]).unwrap();
    assert!(line(&text, &serial).unwrap().contains("268 MB"), "{text}");
    let link = format!("/dev/disk/by-id/virtio-{serial}");
    booted
        .wait_for(SECONDS, &["get", "blocksymlinks", "-o", "yaml"], |text| {
            text.contains(&link)
        })
        .unwrap();
    println!("with its link after {:?}", start.elapsed());

    booted.node().unwrap().unplug(disk).unwrap();
    let start = Instant::now();
    booted
        .wait_for(SECONDS, &["get", "disks"], |text| {
            line(text, &serial).is_none()
        })
        .unwrap();
    booted
        .wait_for(SECONDS, &["get", "blocksymlinks", "-o", "yaml"], |text| {
            !text.contains(&link)
        })
        .unwrap();
    println!("gone after {:?}", start.elapsed());
    let after = booted.ichor(&["get", "blockdevices"]).unwrap();
    assert_eq!(before.lines().count(), after.lines().count(), "{after}");
    let text = booted.ichor(&["disks"]).unwrap();
    assert!(line(&text, &serial).is_none(), "{text}");
}
