//! What sysfs, the links of udev and the firmware tell of block devices.
//!
//! Everything here is read as it is at that moment, from a [`Tree`] that is `/` on a machine and a
//! directory in tests. A device may go while it is read: what cannot be read is missing.
//!
//! Sources: `Documentation/ABI/stable/sysfs-block` of the kernel and its neighbours.

mod device;
mod disk;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod links;
mod system;
#[cfg(test)]
mod tests;
mod transport;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use ichor_resource::specs::block::{BlockDevice, Disk};

pub(crate) use links::load as links;
pub(crate) use system::{booted_disk, system_disk};

/// Attributes are no longer than a page.
const ATTRIBUTE_BYTES_MAX: u64 = 4096;

/// The place of `sys` and `dev`.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    /// Asked for once: it does not change, and the firmware takes its time.
    boot_partition: Arc<OnceLock<Option<String>>>,
    settled: Arc<AtomicBool>,
}

impl Tree {
    pub(crate) fn at(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            boot_partition: Arc::default(),
            settled: Arc::default(),
        }
    }

    /// The UUID of the partition that the boot loader was read from, in lower case.
    pub(crate) fn boot_partition(&self) -> Option<&str> {
        if self.boot_partition.get().is_none() && self.awaits_variables() {
            return None;
        }
        let load = || system::load_boot_partition(self);
        self.boot_partition.get_or_init(load).as_deref()
    }

    /// Whether variables of the firmware are still to come.
    pub(crate) fn awaits_variables(&self) -> bool {
        system::awaits_variables(self)
    }

    /// Whether all is there that was there before storaged.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Relaxed)
    }

    /// From now on, for all copies.
    pub(crate) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }

    /// The real place of a path that the machine names, such as `/sys/class/block`.
    pub(crate) fn place(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let file = File::open(self.place(path)).ok()?;
        let mut bytes = Vec::new();
        file.take(ATTRIBUTE_BYTES_MAX)
            .read_to_end(&mut bytes)
            .ok()?;
        Some(bytes)
    }

    /// The text of a file without blanks around it; empty when there is none.
    fn text(&self, path: &str) -> String {
        let bytes = self.bytes(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    /// The number in a file.
    fn number(&self, path: &str) -> Option<u64> {
        self.text(path).parse().ok()
    }

    /// Where a link leads, as it is written.
    fn target(&self, path: &str) -> Option<String> {
        let target = std::fs::read_link(self.place(path)).ok()?;
        target.into_os_string().into_string().ok()
    }

    /// The names in a directory, sorted.
    fn names(&self, path: impl AsRef<Path>) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.place(path)) else {
            return Vec::new();
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
        names.sort();
        names
    }
}

/// All block devices that have a node, by their names below `/dev`.
pub(crate) fn devices(tree: &Tree) -> BTreeMap<String, BlockDevice> {
    let names = tree.names("/sys/class/block");
    names
        .iter()
        .filter_map(|name| device::load(tree, name))
        .collect()
}

/// The disks among `devices`.
pub(crate) fn disks(tree: &Tree, devices: &BTreeMap<String, BlockDevice>) -> Vec<(String, Disk)> {
    let found = devices.iter().filter_map(|(id, device)| {
        let mut disk = disk::load(tree, id, device)?;
        disk.secondary_disks = disk::secondaries(device, devices);
        Some((id.clone(), disk))
    });
    found.collect()
}
