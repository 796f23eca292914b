//! Types of the group `hardware`.

use super::{Column, Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[
    Definition {
        type_name: "CPUCores.hardware.talos.dev",
        display_type: "CPUCore",
        default_namespace: "hardware",
        aliases: &["cpucore", "cpucores", "cpucore", "cpuc", "cpucs"],
        columns: &[
            Column::new("Socket", "{.socket}"),
            Column::new("Core", "{.coreID}"),
            Column::new("Model", "{.modelName}"),
            Column::new("Logical CPUs", "{.logicalCPUs}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "MemoryModules.hardware.talos.dev",
        display_type: "MemoryModule",
        default_namespace: "hardware",
        aliases: &["memorymodules", "ram", "memorymodule", "mm", "mms"],
        columns: &[
            Column::new("Manufacturer", "{.manufacturer}"),
            Column::new("Model", "{.productName}"),
            Column::new("SizeMiB", "{.sizeMiB}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "PCIDriverRebindConfigs.runtime.talos.dev",
        display_type: "PCIDriverRebindConfig",
        default_namespace: "hardware",
        aliases: &["pcidriverrebindconfig", "pcidrc", "pcidrcs"],
        columns: &[
            Column::new("Name", "{.name}"),
            Column::new("PCI ID", "{.pciID}"),
            Column::new("TargetDriver", "{.targetDriver}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "PCIDriverRebindStatuses.runtime.talos.dev",
        display_type: "PCIDriverRebindStatus",
        default_namespace: "hardware",
        aliases: &["pcidriverrebinds", "pcidriverrebindstatus", "pcidrs"],
        columns: &[
            Column::new("Name", "{.name}"),
            Column::new("PCI ID", "{.pciID}"),
            Column::new("TargetDriver", "{.targetDriver}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "PCIDevices.hardware.talos.dev",
        display_type: "PCIDevice",
        default_namespace: "hardware",
        aliases: &["devices", "device", "pcidevice", "pcid", "pcids"],
        columns: &[
            Column::new("Class", "{.class}"),
            Column::new("Subclass", "{.subclass}"),
            Column::new("Vendor", "{.vendor}"),
            Column::new("Product", "{.product}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "PCRStatuses.hardware.talos.dev",
        display_type: "PCRStatus",
        default_namespace: "hardware",
        aliases: &["pcrstatus", "pcrs"],
        columns: &[],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "Processors.hardware.talos.dev",
        display_type: "Processor",
        default_namespace: "hardware",
        aliases: &["cpus", "cpu", "processor"],
        columns: &[
            Column::new("Manufacturer", "{.manufacturer}"),
            Column::new("Model", "{.productName}"),
            Column::new("Cores", "{.coreCount}"),
            Column::new("Threads", "{.threadCount}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "SystemInformations.hardware.talos.dev",
        display_type: "SystemInformation",
        default_namespace: "hardware",
        aliases: &["systeminformation", "systeminformation", "si", "sis"],
        columns: &[
            Column::new("Manufacturer", "{.manufacturer}"),
            Column::new("ProductName", "{.productName}"),
            Column::new("Version", "{.version}"),
            Column::new("SerialNumber", "{.serialnumber}"),
            Column::new("UUID", "{.uuid}"),
            Column::new("WakeUpType", "{.wakeUpType}"),
            Column::new("SKUNumber", "{.skuNumber}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
];
