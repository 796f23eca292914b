//! The first layer.

use std::path::Path;

use ichor_probe::{MountCall, ProbeError};
use ichor_vm_tests::Probed;
use rustix::mount::MountFlags;

use crate::{assert_read_only, mounts, node};

/// `MS_REMOUNT` of mount(2).
const REMOUNT: u32 = 32;

#[test]
fn vm_root_is_a_verified_squashfs_that_lies_in_memory() {
    let mut node = node();
    let mounts = mounts(&mut node);
    let root = mounts.iter().find(|mount| mount.target == "/").unwrap();
    assert_eq!(root.fstype, "squashfs");
    assert!(root.has("ro,nosuid,nodev"), "{root:?}");
    assert_eq!(root.source, "/dev/dm-0");
    let mut text = |path: &str| node.probe.read_text(path).unwrap();
    assert_eq!(text("/sys/block/dm-0/dm/name"), "root");
    assert_eq!(text("/sys/block/dm-0/ro"), "1");
    assert_eq!(text("/sys/block/loop0/ro"), "1");
    // Stage 1 has removed the file's name; it lies in the initramfs, which is memory.
    let file = text("/sys/block/loop0/loop/backing_file");
    assert_eq!(file, "/rootfs.squashfs (deleted)");
    let below = node.probe.list("/sys/block/dm-0/slaves").unwrap();
    assert!(below.contains_key(Path::new("/sys/block/dm-0/slaves/loop0")));
    assert_eq!(below.len(), 2, "{below:?}");
    let of_disks = mounts.iter().filter(|mount| {
        mount.source.starts_with("/dev/") && !mount.source.starts_with("/dev/dm-0")
    });
    assert_eq!(of_disks.count(), 0, "{mounts:?}");
}

#[test]
fn vm_root_refuses_writes_also_when_it_was_to_be_made_writable() {
    let mut node = node();
    assert_all_read_only(&mut node);
    // The device below is read-only.
    assert!(remount(&mut node, MountFlags::empty()).is_err());
    // The mount alone can be made writable; that does not make the file system so.
    remount(&mut node, MountFlags::BIND).unwrap();
    let written = node.probe.write("/new", b"x");
    let usual = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    remount(&mut node, MountFlags::BIND | usual).unwrap();
    assert_read_only(written, "/new");
    assert_all_read_only(&mut node);
}

fn assert_all_read_only(node: &mut Probed) {
    for path in ["/new", "/usr/bin/ichor-os", "/etc/passwd", "/var/new"] {
        assert_read_only(node.probe.write(path, b"x"), path);
    }
    let made = node.probe.make_directory("/usr/new");
    assert_read_only(made, "/usr/new");
}

fn remount(node: &mut Probed, flags: MountFlags) -> Result<(), ProbeError> {
    node.probe.mount(MountCall {
        target: "/".into(),
        flags: REMOUNT | flags.bits(),
        ..MountCall::default()
    })
}
