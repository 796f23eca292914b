//! What ships besides the raw disk starts, too.
#![cfg(test)]

use std::time::Duration;

use ichor_vm::{Boot, NodeSpec};
use ichor_vm_tests::{Booted, image, iso, qcow2};

/// A CD drive is read in small pieces.
const PATIENCE: Duration = Duration::from_secs(240);

#[test]
fn vm_the_cd_starts_a_node_beside_an_empty_disk() {
    let spec = NodeSpec {
        boot: Boot::Cd(iso().unwrap()),
        ..NodeSpec::default()
    };
    let mut booted = Booted::power_on(image().unwrap(), spec).unwrap();
    booted.wait_for_answer(PATIENCE).unwrap();
    // Only the OS of the CD has this argument.
    let log = booted.ichor(&["dmesg"]).unwrap();
    assert!(log.contains("talos.halt_if_installed=1"), "{log}");
    let disks = booted
        .wait_for(PATIENCE, &["disks"], |text| text.contains("/dev/vda"))
        .unwrap();
    let disk = disks.lines().find(|line| line.contains("/dev/vda"));
    assert!(!disk.unwrap().ends_with('*'), "{disks}");
}

#[test]
fn vm_the_qcow2_disk_starts_a_node() {
    let image = qcow2().unwrap();
    let content = std::fs::read(&image).unwrap();
    assert!(content.starts_with(b"QFI\xfb"));
    let mut booted = Booted::power_on(image, NodeSpec::default()).unwrap();
    booted.wait_for_answer(PATIENCE).unwrap();
    let is_system = |text: &str| {
        let disk = text.lines().find(|line| line.contains("/dev/vda"));
        disk.is_some_and(|line| line.ends_with('*'))
    };
    booted.wait_for(PATIENCE, &["disks"], is_system).unwrap();
}
