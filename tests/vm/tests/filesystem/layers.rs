//! The second layer: tmpfs and pseudo file systems.

use std::collections::BTreeMap;
use std::path::Path;

use ichor_vm_tests::Probed;

use crate::{assert_read_only, mounts, node};

const SECURE: &str = "rw,nosuid,nodev,noexec";

/// Where, what, and how.
const TABLE: &[(&str, &str, &str)] = &[
    ("/dev", "devtmpfs", "rw,nosuid,mode=755"),
    ("/dev/hugepages", "hugetlbfs", SECURE),
    (
        "/dev/pts",
        "devpts",
        "rw,nosuid,noexec,ptmxmode=000,mode=620,gid=5",
    ),
    ("/dev/shm", "tmpfs", SECURE),
    ("/proc", "proc", SECURE),
    ("/run", "tmpfs", "rw,nosuid,nodev,mode=755"),
    ("/sys", "sysfs", SECURE),
    (
        "/sys/firmware/efi/efivars",
        "efivarfs",
        "ro,nosuid,nodev,noexec",
    ),
    (
        "/sys/fs/cgroup",
        "cgroup2",
        "rw,nosuid,nodev,noexec,nsdelegate,favordynmods,memory_recursiveprot",
    ),
    ("/sys/fs/bpf", "bpf", SECURE),
    ("/sys/kernel/config", "configfs", SECURE),
    ("/sys/kernel/debug", "debugfs", SECURE),
    ("/sys/kernel/security", "securityfs", SECURE),
    ("/sys/kernel/tracing", "tracefs", SECURE),
    ("/system", "tmpfs", "rw,nosuid,nodev,mode=755"),
    ("/tmp", "tmpfs", "rw,nosuid,nodev,mode=755,size=65536k"),
];

#[test]
fn vm_layers_are_those_of_the_table_and_no_others() {
    let mut node = node();
    // What a node can be without comes when the API can be reached.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let found = loop {
        let found = found(&mut node);
        let complete = TABLE.iter().all(|(target, ..)| found.contains_key(*target));
        if complete || std::time::Instant::now() > deadline {
            break found;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    };
    for (target, fstype, options) in TABLE {
        let mount = found.get(*target);
        let mount = mount.unwrap_or_else(|| panic!("nothing is mounted at {target}"));
        assert_eq!(mount.fstype, *fstype, "{target}");
        assert!(
            mount.has(options),
            "{target} has not all of {options}: {mount:?}"
        );
    }
    let known: Vec<_> = TABLE.iter().map(|(target, ..)| *target).collect();
    let others: Vec<_> = found
        .keys()
        .filter(|target| !known.contains(&target.as_str()))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

fn found(node: &mut Probed) -> BTreeMap<String, ichor_vm_tests::MountPoint> {
    let layers = mounts(node).into_iter();
    let layers = layers.filter(|mount| mount.target != "/" && !mount.target.starts_with("/etc/"));
    layers.map(|mount| (mount.target.clone(), mount)).collect()
}

#[test]
fn vm_layers_belong_to_root_and_have_their_modes() {
    let mut node = node();
    for (path, mode) in [
        ("/dev/shm", 0o1777),
        ("/run", 0o755),
        ("/system", 0o755),
        ("/system/run", 0o751),
        ("/system/secrets", 0o700),
        ("/system/state", 0o700),
        ("/tmp", 0o755),
    ] {
        let listed = node.probe.list(path).unwrap();
        let entry = &listed[Path::new(path)];
        assert_eq!((entry.mode, entry.uid, entry.gid), (mode, 0, 0), "{path}");
    }
}

#[test]
fn vm_variables_of_the_firmware_cannot_be_written() {
    let mut node = node();
    let path = "/sys/firmware/efi/efivars/Test-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    assert_read_only(node.probe.write(path, b"\x07\0\0\0x"), path);
}
