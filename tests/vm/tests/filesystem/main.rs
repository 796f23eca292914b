//! The file system of a node: each row of its table, seen from the inside.
#![cfg(test)]

mod etc_files;
mod hardening;
mod layers;
mod restart;
mod root;

use std::sync::MutexGuard;

use ichor_probe::ProbeError;
use ichor_vm::NodeSpec;
use ichor_vm_tests::{MountPoint, Probed, parse_mounts, shared_with_probe};

/// Room for a file system: XFS needs at least 300 MiB.
const SCRATCH_BYTES: u64 = 512 << 20;
/// The serial number of that disk.
const SCRATCH: &str = "extra-0";

/// The kernel's word for writing on what is read-only.
const EROFS: i32 = 30;

/// The node of all these tests.
fn node() -> MutexGuard<'static, Probed> {
    let start = || {
        Probed::start_with_program(NodeSpec {
            extra_disks_bytes: vec![SCRATCH_BYTES],
            ..NodeSpec::default()
        })
    };
    shared_with_probe(start).unwrap()
}

/// What PID 1 sees mounted.
fn mounts(node: &mut Probed) -> Vec<MountPoint> {
    parse_mounts(&node.probe.read_text("/proc/1/mountinfo").unwrap())
}

/// That it is refused because it is read-only.
fn assert_read_only(result: Result<(), ProbeError>, path: &str) {
    let errno = result.as_ref().err().and_then(ProbeError::errno);
    assert_eq!(errno, Some(EROFS), "write {path}: {result:?}");
}
