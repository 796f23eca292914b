//! Block devices.

use ichor_api::talos::resource::definitions::block as wire;
use serde::Serialize;

use crate::specs::text;

/// A block device of the kernel; its id is its kernel name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockDevice {
    /// `disk` or `partition`.
    #[serde(rename = "type")]
    pub device_type: String,
    /// Major device number.
    pub major: i64,
    /// Minor device number.
    pub minor: i64,
    /// Name in the partition table.
    #[serde(skip_serializing_if = "text::unset")]
    pub partition_name: String,
    /// Number in the partition table.
    #[serde(skip_serializing_if = "text::unset")]
    pub partition_number: i64,
    /// Its directory in sysfs, such as `/sys/devices/virtual/block/loop0`.
    pub device_path: String,
    /// Raised for each change.
    pub generation: i64,
    /// Kernel name of the disk of a partition.
    #[serde(skip_serializing_if = "text::unset")]
    pub parent: String,
    /// Kernel names of the devices below.
    #[serde(skip_serializing_if = "text::unset")]
    pub secondaries: Vec<String>,
}

message!(BlockDevice, wire::DeviceSpec {
    device_type as r#type, major, minor, partition_name, partition_number, device_path, generation, parent, secondaries
});
spec!(
    BlockDevice,
    wire::DeviceSpec,
    "BlockDevices.block.talos.dev",
    "runtime"
);

/// A whole disk; its id is its kernel name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Disk {
    /// Device node.
    pub dev_path: String,
    /// Size in bytes.
    pub size: u64,
    /// Size for people.
    pub pretty_size: String,
    /// Best transfer size in bytes.
    pub io_size: u64,
    /// Size of a logical sector in bytes.
    pub sector_size: u64,
    /// Whether it refuses writes.
    pub readonly: bool,
    /// Whether it is an optical drive.
    pub cdrom: bool,
    /// Model.
    #[serde(skip_serializing_if = "text::unset")]
    pub model: String,
    /// Version of the firmware.
    #[serde(skip_serializing_if = "text::unset")]
    pub firmware_version: String,
    /// Serial number.
    #[serde(skip_serializing_if = "text::unset")]
    pub serial: String,
    /// Alias that chooses the driver.
    #[serde(skip_serializing_if = "text::unset")]
    pub modalias: String,
    /// World-wide id.
    #[serde(skip_serializing_if = "text::unset")]
    pub wwid: String,
    /// UUID.
    #[serde(skip_serializing_if = "text::unset")]
    pub uuid: String,
    /// The device that it is on, as a path below /sys/devices.
    #[serde(skip_serializing_if = "text::unset")]
    pub bus_path: String,
    /// Its class in sysfs.
    #[serde(skip_serializing_if = "text::unset")]
    pub sub_system: String,
    /// Transport: `nvme`, `virtio`, `mmc`, `usb`, `sata`, `ata`, `sas`, `fc` or `iscsi`, when it is
    /// known.
    #[serde(skip_serializing_if = "text::unset")]
    pub transport: String,
    /// Whether it spins.
    #[serde(skip_serializing_if = "text::unset")]
    pub rotational: bool,
    /// Kernel names of the disks below.
    #[serde(skip_serializing_if = "text::unset")]
    pub secondary_disks: Vec<String>,
    /// Links to the device node.
    #[serde(skip_serializing_if = "text::unset")]
    pub symlinks: Vec<String>,
}

message!(
    Disk,
    wire::DiskSpec {
        dev_path,
        size,
        pretty_size,
        io_size,
        sector_size,
        readonly,
        cdrom,
        model,
        firmware_version,
        serial,
        modalias,
        wwid,
        uuid,
        bus_path,
        sub_system,
        transport,
        rotational,
        secondary_disks,
        symlinks
    }
);
spec!(Disk, wire::DiskSpec, "Disks.block.talos.dev", "runtime");

/// What is on a block device; its id is the kernel name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DiscoveredVolume {
    /// Device node.
    pub dev_path: String,
    /// `disk` or `partition`.
    #[serde(rename = "type")]
    pub device_type: String,
    /// Path below /sys/devices.
    pub device_path: String,
    /// Kernel name of the disk of a partition.
    #[serde(skip_serializing_if = "text::unset")]
    pub parent: String,
    /// Device node of the disk.
    #[serde(skip_serializing_if = "text::unset")]
    pub parent_dev_path: String,
    /// Start within the disk in bytes.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
    /// Size for people.
    pub pretty_size: String,
    /// Sector size in bytes.
    #[serde(skip_serializing_if = "text::unset")]
    pub sector_size: u64,
    /// Best transfer size in bytes.
    #[serde(skip_serializing_if = "text::unset")]
    pub io_size: u64,
    /// File system or partition table found.
    pub name: String,
    /// UUID.
    #[serde(skip_serializing_if = "text::unset")]
    pub uuid: String,
    /// Label.
    #[serde(skip_serializing_if = "text::unset")]
    pub label: String,
    /// Block size in bytes.
    #[serde(skip_serializing_if = "text::unset")]
    pub block_size: u32,
    /// Block size of the file system in bytes.
    #[serde(skip_serializing_if = "text::unset")]
    pub filesystem_block_size: u32,
    /// Size of the file system in bytes.
    #[serde(skip_serializing_if = "text::unset")]
    pub probed_size: u64,
    /// UUID of the partition.
    #[serde(skip_serializing_if = "text::unset")]
    pub partition_uuid: String,
    /// Type UUID of the partition.
    #[serde(skip_serializing_if = "text::unset")]
    pub partition_type: String,
    /// Label of the partition.
    #[serde(skip_serializing_if = "text::unset")]
    pub partition_label: String,
    /// Number of the partition.
    #[serde(skip_serializing_if = "text::unset")]
    pub partition_index: u64,
}

message!(DiscoveredVolume, wire::DiscoveredVolumeSpec {
    dev_path, device_type as r#type, device_path, parent, parent_dev_path, offset, size, pretty_size, sector_size, io_size, name, uuid, label, block_size, filesystem_block_size, probed_size, partition_uuid, partition_type, partition_label, partition_index
});
spec!(
    DiscoveredVolume,
    wire::DiscoveredVolumeSpec,
    "DiscoveredVolumes.block.talos.dev",
    "runtime"
);

/// Links below /dev/disk to a block device; its id is the kernel name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BlockSymlink {
    /// Links to the device node.
    pub paths: Vec<String>,
}

message!(BlockSymlink, wire::SymlinkSpec { paths });
spec!(
    BlockSymlink,
    wire::SymlinkSpec,
    "BlockSymlinks.block.talos.dev",
    "runtime"
);

/// The disk that holds the system.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemDisk {
    /// Kernel name of the disk.
    #[serde(rename = "diskID")]
    pub disk_id: String,
    /// Device node.
    pub dev_path: String,
}

message!(SystemDisk, wire::SystemDiskSpec { disk_id, dev_path });
spec!(
    SystemDisk,
    wire::SystemDiskSpec,
    "SystemDisks.block.talos.dev",
    "runtime"
);

/// Asks for a new look at the devices.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DiscoveryRefreshRequest {
    /// Number of the request.
    pub request: i64,
}

message!(
    DiscoveryRefreshRequest,
    wire::DiscoveryRefreshRequestSpec { request }
);
spec!(
    DiscoveryRefreshRequest,
    wire::DiscoveryRefreshRequestSpec,
    "DiscoveryRefreshRequests.block.talos.dev",
    "runtime"
);

/// The last request that was served.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DiscoveryRefreshStatus {
    /// Number of the request.
    pub request: i64,
}

message!(
    DiscoveryRefreshStatus,
    wire::DiscoveryRefreshStatusSpec { request }
);
spec!(
    DiscoveryRefreshStatus,
    wire::DiscoveryRefreshStatusSpec,
    "DiscoveryRefreshStatuses.block.talos.dev",
    "runtime"
);
