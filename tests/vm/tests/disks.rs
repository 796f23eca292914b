//! Disks of a node without configuration, as they are and as they come and go.

use std::time::{Duration, Instant};

use ichor_vm_tests::shared;

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
