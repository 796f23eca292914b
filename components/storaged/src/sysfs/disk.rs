//! One disk.

use std::collections::BTreeMap;

use ichor_resource::specs::block::{BlockDevice, Disk};
use ichor_resource::specs::pretty_size;

use super::device::DISK;
use super::transport::transport;
use super::{Tree, device};

/// The kernel counts in these, whatever the sectors of the disk are.
const SECTOR_BYTES: u64 = 512;
/// What a disk is read and written in when it says nothing else.
const BLOCK_BYTES: u64 = 512;
/// Source: `Documentation/admin-guide/devices.txt` of the kernel.
const RAM_DISKS: i64 = 1;
const CD_DRIVES: i64 = 11;
/// The size of a drive without a disc. A disc has whole sectors of 2048 bytes, so it is never that.
///
/// Source: `drivers/scsi/sr.c` of the kernel.
const NO_DISC_SECTORS: u64 = 0x1f_ffff;
/// Parts of a volume that are not for use begin so, and have something behind the UUIDs.
const LVM: &str = "LVM-";

/// Describes a disk without its links. `None` for partitions, and for what is not for use: RAM disks,
/// devices without a size, such as loop devices without a file, and hidden parts of LVM.
pub(super) fn load(tree: &Tree, id: &str, device: &BlockDevice) -> Option<Disk> {
    if device.device_type != DISK || device.major == RAM_DISKS {
        return None;
    }
    let path = &device.device_path;
    let file = |name: &str| format!("{path}/{name}");
    let sectors = tree.number(&file("size")).filter(|size| *size > 0)?;
    if is_hidden(&tree.text(&file("dm/uuid"))) {
        return None;
    }
    let cdrom = device.major == CD_DRIVES;
    let size = match (cdrom, sectors) {
        (true, NO_DISC_SECTORS) => 0,
        (_, sectors) => sectors.saturating_mul(SECTOR_BYTES),
    };
    let first = |names: &[&str]| {
        let texts = names.iter().map(|name| tree.text(&file(name)));
        texts
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    };
    let wwid = first(&["wwid", "device/wwid"]);
    Some(Disk {
        dev_path: format!("/dev/{id}"),
        size,
        pretty_size: pretty_size(size),
        io_size: io_size(tree, path),
        sector_size: tree
            .number(&file("queue/logical_block_size"))
            .unwrap_or(BLOCK_BYTES),
        readonly: tree.text(&file("ro")) == "1",
        cdrom,
        // Cards have a name where others have a model.
        model: first(&["device/model", "device/name"]),
        firmware_version: first(&["device/firmware_rev", "device/rev", "device/fwrev"]),
        serial: serial(tree, path),
        modalias: tree.text(&file("device/modalias")),
        uuid: uuid(&first(&["device/uuid"]), &wwid),
        wwid,
        bus_path: bus_path(path),
        sub_system: sub_system(tree, path),
        transport: transport(tree, id, path).to_owned(),
        rotational: tree.text(&file("queue/rotational")) == "1",
        secondary_disks: Vec::new(),
        symlinks: Vec::new(),
    })
}

/// The disks that a disk is made of, each once.
pub(super) fn secondaries(
    disk: &BlockDevice,
    devices: &BTreeMap<String, BlockDevice>,
) -> Vec<String> {
    let parts = disk.secondaries.iter().map(|part| {
        let found = devices
            .get(part)
            .filter(|part| part.device_type == device::PARTITION);
        found.map_or(part, |part| &part.parent).clone()
    });
    let mut disks: Vec<String> = Vec::new();
    for disk in parts {
        if !disks.contains(&disk) {
            disks.push(disk);
        }
    }
    disks
}

/// The best size of a transfer: the optimal one, otherwise the smallest.
fn io_size(tree: &Tree, path: &str) -> u64 {
    let files = ["queue/optimal_io_size", "queue/minimum_io_size"];
    let mut sizes = files
        .iter()
        .filter_map(|name| tree.number(&format!("{path}/{name}")));
    sizes
        .find(|size| size.is_power_of_two())
        .unwrap_or(BLOCK_BYTES)
}

/// A serial number stands in a file of the controller, of the disk, or in a page of SCSI.
fn serial(tree: &Tree, path: &str) -> String {
    let files = ["device/serial", "serial"];
    let mut texts = files
        .iter()
        .map(|name| tree.text(&format!("{path}/{name}")));
    if let Some(text) = texts.find(|text| !text.is_empty()) {
        return text;
    }
    let page = tree.bytes(&format!("{path}/device/vpd_pg80"));
    page.and_then(|page| parse_serial_page(&page))
        .unwrap_or_default()
}

/// Source: SPC-4, section 7.8.18, Unit Serial Number VPD page.
pub(super) fn parse_serial_page(page: &[u8]) -> Option<String> {
    let [_, 0x80, high, low, rest @ ..] = page else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let text = String::from_utf8_lossy(rest.get(..length)?);
    let is_blank = |sign: char| sign.is_whitespace() || sign == '\0';
    Some(text.trim_matches(is_blank).to_owned())
}

/// NVMe says its UUID within the world-wide id.
fn uuid(own: &str, wwid: &str) -> String {
    let in_wwid = wwid.strip_prefix("uuid.").unwrap_or_default();
    match own.is_empty() {
        true => in_wwid.to_owned(),
        false => own.to_owned(),
    }
}

/// The device that the disk is on, below `/sys/devices`.
fn bus_path(path: &str) -> String {
    let below = path.strip_prefix("/sys/devices").unwrap_or(path);
    let mut parts = below.rsplitn(3, '/').skip(2);
    parts.next().unwrap_or_default().to_owned()
}

/// `../../../../class/block` is `/sys/class/block`.
fn sub_system(tree: &Tree, path: &str) -> String {
    let target = tree
        .target(&format!("{path}/subsystem"))
        .unwrap_or_default();
    match target.rsplit_once("../") {
        Some((_, place)) => format!("/sys/{place}"),
        None => String::new(),
    }
}

/// Whether a device-mapper UUID is `LVM-UUIDS-LAYER`.
fn is_hidden(uuid: &str) -> bool {
    let rest = uuid.strip_prefix(LVM);
    rest.is_some_and(|rest| rest.contains('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    #[test]
    fn a_serial_page_is_read_without_its_blanks() {
        let read = |page: &[u8]| parse_serial_page(page);
        let expected = Some("QM00001".to_owned());
        assert_eq!(read(b"\0\x80\0\x14QM00001             "), expected);
        assert_eq!(read(b"\0\x80\0\x09  QM00001rest"), expected);
        assert_eq!(read(b"\0\x80\0\x08QM00001\0"), expected);
        assert_eq!(read(b"\0\x80\0\x14QM"), None);
        assert_eq!(read(b"\0\x83\0\x02QM"), None);
        assert_eq!(read(b""), None);
    }

    #[test]
    fn no_page_makes_it_panic() {
        let mut random = Random::new(2);
        for _ in 0..10_000 {
            let _read = parse_serial_page(&random.spoil(b"\0\x80\0\x14QM00001             "));
        }
    }

    #[test]
    fn a_bus_path_ends_before_the_class_of_the_device() {
        let cases = [
            ("/sys/devices/virtual/block/loop0", "/virtual"),
            (
                "/sys/devices/pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1",
                "/pci0000:00/0000:00:04.0/nvme",
            ),
            (
                "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda",
                "/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0",
            ),
            ("/sys/devices/x", ""),
            ("", ""),
        ];
        for (path, expected) in cases {
            assert_eq!(bus_path(path), expected, "{path}");
        }
    }

    #[test]
    fn layers_of_lvm_are_hidden_and_volumes_are_not() {
        let ids = "BZ3rWDWDCJ2Lzk2i3XPLd1qQAzJTbAPBmeJRlhSYaTvUnQlRXRz0sWWFTxZJAULX";
        assert!(is_hidden(&format!("LVM-{ids}-pool")));
        assert!(!is_hidden(&format!("LVM-{ids}")));
        assert!(!is_hidden("CRYPT-VERITY-1234-root"));
        assert!(!is_hidden(""));
    }

    #[test]
    fn a_uuid_may_stand_in_the_world_wide_id() {
        assert_eq!(uuid("", "uuid.6f1d"), "6f1d");
        assert_eq!(uuid("own", "uuid.6f1d"), "own");
        assert_eq!(uuid("", "eui.0025"), "");
    }
}
