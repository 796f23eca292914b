//! One block device: a disk or a partition.

use ichor_resource::specs::block::BlockDevice;

use super::Tree;

pub(super) const DISK: &str = "disk";
pub(super) const PARTITION: &str = "partition";

/// What the kernel says of a device of `/sys/class/block`, and its name below `/dev`. Devices that
/// have no node, such as a path of a multipath disk, are left out.
pub(super) fn load(tree: &Tree, name: &str) -> Option<(String, BlockDevice)> {
    let path = parse_place(&tree.target(&format!("/sys/class/block/{name}"))?)?;
    let text = tree.text(&format!("{path}/uevent"));
    let (id, mut device) = parse(&text)?;
    match device.device_type == PARTITION {
        true => device.parent = parent(&path).unwrap_or_default(),
        false => device.secondaries = tree.names(format!("{path}/slaves")),
    }
    for name in &mut device.secondaries {
        *name = below_dev(name);
    }
    device.device_path = path;
    Some((id, device))
}

/// The device that a link of sysfs leads to, as a path: `../../devices/x` is `/sys/devices/x`.
pub(super) fn parse_place(target: &str) -> Option<String> {
    let from = target.find("devices/")?;
    let (up, place) = target.split_at_checked(from)?;
    let is_up = up.split_terminator('/').all(|part| part == "..");
    let is_plain = place
        .split('/')
        .all(|part| !matches!(part, "" | "." | ".."));
    (is_up && is_plain).then(|| format!("/sys/{place}"))
}

/// The lines of a `uevent` file.
pub(super) fn parse(text: &str) -> Option<(String, BlockDevice)> {
    let value = |key: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    };
    let number = |key| value(key).and_then(|text| text.parse().ok());
    let id = value("DEVNAME").filter(|name| !name.is_empty())?;
    let device = BlockDevice {
        device_type: value("DEVTYPE").unwrap_or_default().to_owned(),
        major: number("MAJOR")?,
        minor: number("MINOR")?,
        partition_name: value("PARTNAME").unwrap_or_default().to_owned(),
        partition_number: number("PARTN").unwrap_or_default(),
        ..BlockDevice::default()
    };
    Some((id.to_owned(), device))
}

/// A partition is a directory in that of its disk.
fn parent(path: &str) -> Option<String> {
    let (disk, _) = path.rsplit_once('/')?;
    let (_, name) = disk.rsplit_once('/')?;
    Some(below_dev(name))
}

/// Names in sysfs have no slashes.
fn below_dev(name: &str) -> String {
    name.replace('!', "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    #[test]
    fn links_of_sysfs_lead_to_devices() {
        let place = |target| parse_place(target);
        let expected = Some("/sys/devices/virtual/block/loop0".to_owned());
        assert_eq!(place("../../devices/virtual/block/loop0"), expected);
        for target in [
            "",
            "devices",
            "../x/devices/y",
            "../../devices/../x",
            "/devices/x",
            "../../devices//x",
        ] {
            assert_eq!(place(target), None, "{target}");
        }
    }

    #[test]
    fn partitions_have_a_number_a_name_and_a_disk() {
        let text = "MAJOR=259\nMINOR=2\nDEVNAME=nvme0n1p2\nDEVTYPE=partition\nDISKSEQ=9\nPARTN=2\n\
                    PARTNAME=EPHEMERAL\n";
        let (id, device) = parse(text).unwrap();
        assert_eq!(id, "nvme0n1p2");
        assert_eq!((device.major, device.minor), (259, 2));
        assert_eq!(device.device_type, PARTITION);
        assert_eq!(
            (device.partition_number, &*device.partition_name),
            (2, "EPHEMERAL")
        );
        let disk = parent("/sys/devices/pci0000:00/block/cciss!c0d0/cciss!c0d0p1");
        assert_eq!(disk.as_deref(), Some("cciss/c0d0"));
    }

    #[test]
    fn a_device_without_a_node_is_none() {
        assert_eq!(parse("DEVTYPE=disk\n"), None);
        assert_eq!(parse("DEVNAME=sda\nMAJOR=8\nMINOR=x\n"), None);
        assert_eq!(parse("DEVNAME=\nMAJOR=8\nMINOR=0\n"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn no_text_makes_it_panic() {
        let mut random = Random::new(1);
        let text =
            "MAJOR=259\nMINOR=2\nDEVNAME=nvme0n1p2\nDEVTYPE=partition\nPARTN=2\nPARTNAME=x\n";
        for _ in 0..10_000 {
            let text = random.spoil(text.as_bytes());
            let text = String::from_utf8_lossy(&text);
            let _read = (parse(&text), parent(&text), parse_place(&text));
            let _place = parse_place(&format!("../../devices/{text}"));
        }
    }
}
