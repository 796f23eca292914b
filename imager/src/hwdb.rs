//! udev's hardware database, compiled from the package's texts.

use std::fs;
use std::path::Path;

use ichor_hwdb::Trie;

use crate::ImageError;
use crate::error::at;

/// What a server has. Left out: owners of MAC addresses, keyboards, mice, sensors, sound.
const FILES: &[&str] = &[
    "20-acpi-vendor.hwdb",
    "20-dmi-id.hwdb",
    "20-net-ifname.hwdb",
    "20-pci-classes.hwdb",
    "20-pci-vendor-model.hwdb",
    "20-usb-classes.hwdb",
    "20-usb-vendor-model.hwdb",
    "20-vmbus-class.hwdb",
];

/// Compiles the texts in `directory`.
pub(crate) fn compile(directory: &Path) -> Result<Vec<u8>, ImageError> {
    let mut trie = Trie::default();
    for name in FILES {
        let path = directory.join(name);
        let text = fs::read_to_string(&path).map_err(at("read", &path))?;
        trie.add(name, &text);
    }
    Ok(trie.write())
}
