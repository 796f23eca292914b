//! Hardware inventory.

use ichor_api::talos::resource::definitions::hardware as wire;
use serde::Serialize;

use crate::specs::text;

/// A CPU core.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CpuCore {
    /// Socket.
    #[serde(skip_serializing_if = "text::unset")]
    pub socket: String,
    /// Number of the core in its socket.
    #[serde(rename = "coreID", skip_serializing_if = "text::unset")]
    pub core_id: String,
    /// Numbers of its logical CPUs.
    #[serde(rename = "logicalCPUs", skip_serializing_if = "text::unset")]
    pub logical_cpus: Vec<u32>,
    /// CPU vendor.
    #[serde(rename = "vendorID", skip_serializing_if = "text::unset")]
    pub vendor_id: String,
    /// Family number.
    #[serde(skip_serializing_if = "text::unset")]
    pub cpu_family: String,
    /// Model.
    #[serde(skip_serializing_if = "text::unset")]
    pub model: String,
    /// Model name.
    #[serde(skip_serializing_if = "text::unset")]
    pub model_name: String,
    /// Stepping.
    #[serde(skip_serializing_if = "text::unset")]
    pub stepping: String,
    /// Version of the microcode.
    #[serde(skip_serializing_if = "text::unset")]
    pub microcode: String,
    /// Size of the cache with its unit.
    #[serde(skip_serializing_if = "text::unset")]
    pub cache_size: String,
    /// Cores in the socket.
    #[serde(skip_serializing_if = "text::unset")]
    pub cores_per_socket: u32,
    /// Threads in the socket.
    #[serde(skip_serializing_if = "text::unset")]
    pub threads_per_socket: u32,
    /// Features.
    #[serde(skip_serializing_if = "text::unset")]
    pub flags: Vec<String>,
    /// Known faults.
    #[serde(skip_serializing_if = "text::unset")]
    pub bugs: Vec<String>,
    /// Delay loop calibration.
    #[serde(skip_serializing_if = "text::unset")]
    pub bogo_mips: f64,
    /// Sizes of addresses.
    #[serde(skip_serializing_if = "text::unset")]
    pub address_sizes: String,
}

message!(CpuCore, wire::CpuCoreSpec {
    socket, core_id, logical_cpus as logical_cp_us, vendor_id, cpu_family, model, model_name, stepping, microcode, cache_size, cores_per_socket, threads_per_socket, flags, bugs, bogo_mips, address_sizes
});
spec!(
    CpuCore,
    wire::CpuCoreSpec,
    "CPUCores.hardware.talos.dev",
    "hardware"
);

/// A CPU socket, from SMBIOS.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Processor {
    /// Socket.
    #[serde(skip_serializing_if = "text::unset")]
    pub socket: String,
    /// Manufacturer.
    #[serde(skip_serializing_if = "text::unset")]
    pub manufacturer: String,
    /// Product name.
    #[serde(skip_serializing_if = "text::unset")]
    pub product_name: String,
    /// Highest clock in MHz.
    #[serde(skip_serializing_if = "text::unset")]
    pub max_speed_mhz: u32,
    /// Clock at boot in MHz.
    #[serde(skip_serializing_if = "text::unset")]
    pub boot_speed_mhz: u32,
    /// Status byte of SMBIOS.
    #[serde(skip_serializing_if = "text::unset")]
    pub status: u32,
    /// Serial number.
    #[serde(skip_serializing_if = "text::unset")]
    pub serial_number: String,
    /// Asset tag.
    #[serde(skip_serializing_if = "text::unset")]
    pub asset_tag: String,
    /// Part number.
    #[serde(skip_serializing_if = "text::unset")]
    pub part_number: String,
    /// Cores.
    #[serde(skip_serializing_if = "text::unset")]
    pub core_count: u32,
    /// Enabled cores.
    #[serde(skip_serializing_if = "text::unset")]
    pub core_enabled: u32,
    /// Threads.
    #[serde(skip_serializing_if = "text::unset")]
    pub thread_count: u32,
}

message!(Processor, wire::ProcessorSpec {
    socket, manufacturer, product_name, max_speed_mhz as max_speed, boot_speed_mhz as boot_speed, status, serial_number, asset_tag, part_number, core_count, core_enabled, thread_count
});
spec!(
    Processor,
    wire::ProcessorSpec,
    "Processors.hardware.talos.dev",
    "hardware"
);

/// A memory module, from SMBIOS.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryModule {
    /// Size in MiB.
    #[serde(rename = "sizeMiB", skip_serializing_if = "text::unset")]
    pub size_mib: u32,
    /// Slot.
    #[serde(skip_serializing_if = "text::unset")]
    pub device_locator: String,
    /// Bank.
    #[serde(skip_serializing_if = "text::unset")]
    pub bank_locator: String,
    /// Speed in MT/s.
    #[serde(skip_serializing_if = "text::unset")]
    pub speed: u32,
    /// Manufacturer.
    #[serde(skip_serializing_if = "text::unset")]
    pub manufacturer: String,
    /// Serial number.
    #[serde(skip_serializing_if = "text::unset")]
    pub serial_number: String,
    /// Asset tag.
    #[serde(skip_serializing_if = "text::unset")]
    pub asset_tag: String,
    /// Product name.
    #[serde(skip_serializing_if = "text::unset")]
    pub product_name: String,
}

message!(MemoryModule, wire::MemoryModuleSpec {
    size_mib as size, device_locator, bank_locator, speed, manufacturer, serial_number, asset_tag, product_name
});
spec!(
    MemoryModule,
    wire::MemoryModuleSpec,
    "MemoryModules.hardware.talos.dev",
    "hardware"
);

/// The machine, from SMBIOS.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemInformation {
    /// Manufacturer.
    #[serde(skip_serializing_if = "text::unset")]
    pub manufacturer: String,
    /// Product name.
    #[serde(skip_serializing_if = "text::unset")]
    pub product_name: String,
    /// Version of the product.
    #[serde(skip_serializing_if = "text::unset")]
    pub version: String,
    /// Version of the firmware.
    #[serde(skip_serializing_if = "text::unset")]
    pub bios_version: String,
    /// Serial number.
    #[serde(rename = "serialnumber", skip_serializing_if = "text::unset")]
    pub serial_number: String,
    /// UUID.
    #[serde(skip_serializing_if = "text::unset")]
    pub uuid: String,
    /// What switched the machine on.
    #[serde(skip_serializing_if = "text::unset")]
    pub wake_up_type: String,
    /// Stock keeping number.
    #[serde(skip_serializing_if = "text::unset")]
    pub sku_number: String,
}

message!(
    SystemInformation,
    wire::SystemInformationSpec {
        manufacturer,
        product_name,
        version,
        bios_version,
        serial_number,
        uuid,
        wake_up_type,
        sku_number
    }
);
spec!(
    SystemInformation,
    wire::SystemInformationSpec,
    "SystemInformations.hardware.talos.dev",
    "hardware"
);

/// A PCI device; its id is its address.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PciDevice {
    /// Class name.
    #[serde(skip_serializing_if = "text::unset")]
    pub class: String,
    /// Subclass name.
    #[serde(skip_serializing_if = "text::unset")]
    pub subclass: String,
    /// Vendor name.
    #[serde(skip_serializing_if = "text::unset")]
    pub vendor: String,
    /// Product name.
    #[serde(skip_serializing_if = "text::unset")]
    pub product: String,
    /// Class number, such as `0x02`.
    pub class_id: String,
    /// Subclass number.
    pub subclass_id: String,
    /// Vendor number.
    pub vendor_id: String,
    /// Product number.
    pub product_id: String,
    /// Kernel driver.
    #[serde(skip_serializing_if = "text::unset")]
    pub driver: String,
}

message!(
    PciDevice,
    wire::PciDeviceSpec {
        class,
        subclass,
        vendor,
        product,
        class_id,
        subclass_id,
        vendor_id,
        product_id,
        driver
    }
);
spec!(
    PciDevice,
    wire::PciDeviceSpec,
    "PCIDevices.hardware.talos.dev",
    "hardware"
);
