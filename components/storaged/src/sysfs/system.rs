//! Which disk holds the installed system.
//!
//! The installed system is known by its partition META: the kernel tells the names of partitions. Of
//! several disks that have one, it is that which the machine was booted from, as the boot loader has
//! left it in a variable of the firmware, otherwise the first.

use std::collections::BTreeMap;

use ichor_efi::Variables;
use ichor_resource::specs::block::{BlockDevice, Disk, SystemDisk};

use super::{Tree, disk, links};

const META: &str = "META";
const VARIABLES: &str = "/sys/firmware/efi/efivars";
/// An image that somebody looks at is not the system.
const LOOP: &str = "loop";

/// The UUID of the partition that the boot loader was read from, in lower case.
pub(super) fn load_boot_partition(tree: &Tree) -> Option<String> {
    let variables = Variables::in_directory(tree.place(VARIABLES));
    let uuid = variables.loader_text("LoaderDevicePartUUID")?;
    Some(uuid.trim().to_ascii_lowercase())
}

/// How much of the machine is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Devices and links may be missing.
    Some,
    /// udev has seen all.
    All,
}

/// Whether the firmware has variables that are not there yet: their file system is mounted late.
pub(super) fn awaits_variables(tree: &Tree) -> bool {
    tree.place(VARIABLES).is_dir() && tree.names(VARIABLES).is_empty()
}

/// Chooses among `devices`.
pub(crate) fn system_disk(
    tree: &Tree,
    devices: &BTreeMap<String, BlockDevice>,
) -> Option<SystemDisk> {
    let known = match tree.is_settled() {
        true => Known::All,
        false => Known::Some,
    };
    choose(devices, &links::load(tree), tree.boot_partition(), known)
}

/// The disk that the machine was booted from, when an installed system is on it.
pub(crate) fn booted_disk(
    tree: &Tree,
    devices: &BTreeMap<String, BlockDevice>,
) -> Option<(String, Disk)> {
    let links = links::load(tree);
    let id = choose(devices, &links, tree.boot_partition(), Known::Some)?.disk_id;
    let disk = disk::load(tree, &id, devices.get(&id)?)?;
    Some((id, disk))
}

/// While not all are known, only the disk that was booted from is certain: the first may be that of
/// a system that lies on another disk.
fn choose(
    devices: &BTreeMap<String, BlockDevice>,
    links: &BTreeMap<String, Vec<String>>,
    boot: Option<&str>,
    known: Known,
) -> Option<SystemDisk> {
    let metas = devices.values().filter(|device| {
        device.partition_name == META
            && !device.parent.is_empty()
            && !device.parent.starts_with(LOOP)
    });
    let disks: Vec<&str> = metas.map(|device| device.parent.as_str()).collect();
    let booted = boot.and_then(|uuid| {
        let link = format!("/dev/disk/by-partuuid/{uuid}");
        let (partition, _) = links.iter().find(|(_, paths)| paths.contains(&link))?;
        Some(devices.get(partition)?.parent.as_str())
    });
    let found = booted.filter(|disk| disks.contains(disk));
    let first = disks.first().copied().filter(|_| known == Known::All);
    let found = found.or(first)?;
    Some(SystemDisk {
        disk_id: found.to_owned(),
        dev_path: format!("/dev/{found}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fake;

    const UUID: &str = "86c7d987-b71a-5aba-a5e1-d80ff3e43a63";

    fn partition(name: &str, parent: &str) -> BlockDevice {
        BlockDevice {
            device_type: "partition".into(),
            partition_name: name.into(),
            parent: parent.into(),
            ..BlockDevice::default()
        }
    }

    fn chosen(devices: &[(&str, &str, &str)], booted: Option<&str>) -> Option<String> {
        chosen_of(devices, booted, Known::All)
    }

    fn chosen_of(
        devices: &[(&str, &str, &str)],
        booted: Option<&str>,
        known: Known,
    ) -> Option<String> {
        let devices = devices
            .iter()
            .map(|(id, name, parent)| ((*id).to_owned(), partition(name, parent)))
            .collect();
        let links = booted.map(|id| (id.to_owned(), vec![format!("/dev/disk/by-partuuid/{UUID}")]));
        let found = choose(&devices, &links.into_iter().collect(), Some(UUID), known)?;
        assert_eq!(found.dev_path, format!("/dev/{}", found.disk_id));
        Some(found.disk_id)
    }

    #[test]
    fn the_disk_with_meta_is_the_system_disk() {
        let one = [("sda1", "EFI", "sda"), ("sdb2", "META", "sdb")];
        assert_eq!(chosen(&one, None).as_deref(), Some("sdb"));
        // Booted from a medium: what is installed stays what it is.
        assert_eq!(chosen(&one, Some("sda1")).as_deref(), Some("sdb"));
        assert_eq!(chosen(&[("sda1", "EFI", "sda")], Some("sda1")), None);
        assert_eq!(chosen(&[("loop8p2", "META", "loop8")], None), None);
        assert_eq!(chosen(&[], None), None);
    }

    #[test]
    fn of_two_the_booted_one_is_the_system_disk() {
        let two = [
            ("sda2", "META", "sda"),
            ("sdb1", "EFI", "sdb"),
            ("sdb2", "META", "sdb"),
        ];
        assert_eq!(chosen(&two, None).as_deref(), Some("sda"));
        assert_eq!(chosen(&two, Some("sdb1")).as_deref(), Some("sdb"));
        assert_eq!(chosen(&two, Some("gone")).as_deref(), Some("sda"));
    }

    #[test]
    fn while_some_devices_are_missing_only_the_booted_disk_is_certain() {
        let one = [("sda2", "META", "sda")];
        let two = [one[0], ("sdb1", "EFI", "sdb"), ("sdb2", "META", "sdb")];
        let chosen = |devices: &[_], booted| chosen_of(devices, booted, Known::Some);
        assert_eq!(chosen(&one, None), None);
        assert_eq!(chosen(&two, None), None);
        assert_eq!(chosen(&two, Some("sdb1")).as_deref(), Some("sdb"));
    }

    #[test]
    fn the_boot_loader_tells_its_partition() {
        let fake = Fake::virtio();
        let tree = fake.tree();
        std::fs::create_dir_all(tree.place(VARIABLES)).unwrap();
        assert!(tree.awaits_variables());
        assert_eq!(tree.boot_partition(), None);
        let mut content = vec![6, 0, 0, 0];
        let text = UUID.to_uppercase() + "\0";
        content.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        let name = "LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
        fake.file(&format!("sys/firmware/efi/efivars/{name}"), &content);
        // That there was none before is not remembered.
        assert_eq!(tree.boot_partition(), Some(UUID));
        assert!(!tree.awaits_variables());
    }
}
