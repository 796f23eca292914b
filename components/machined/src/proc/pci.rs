//! Devices on PCI, from `/sys/bus/pci/devices`.
//!
//! Source: Documentation/ABI/testing/sysfs-bus-pci: one directory for each device, named by its
//! address; numbers are texts such as `0x1af4`.

use std::fs;
use std::path::Path;

use ichor_resource::specs::hardware::PciDevice;

/// A device as the kernel describes it: without names.
pub(crate) struct Found {
    /// Such as `0000:00:02.0`.
    pub(crate) address: String,
    /// What drivers and names are found by.
    pub(crate) alias: String,
    pub(crate) device: PciDevice,
}

/// All devices, by their addresses.
pub(crate) fn list(directory: &Path) -> Vec<Found> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let devices = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let address = entry.file_name().into_string().ok()?;
        read(address, &entry.path())
    });
    let mut devices: Vec<_> = devices.collect();
    devices.sort_by(|one, other| one.address.cmp(&other.address));
    devices
}

/// `None` for a device that goes while this runs.
fn read(address: String, directory: &Path) -> Option<Found> {
    let text = |name: &str| {
        let text = fs::read_to_string(directory.join(name)).ok()?;
        Some(text.trim_end().to_owned())
    };
    // 0xCCSSPP: class, subclass, programming interface.
    let class = text("class")?;
    let digits = class.strip_prefix("0x")?;
    let driver = fs::read_link(directory.join("driver")).unwrap_or_default();
    let driver = driver.file_name().unwrap_or_default();
    let device = PciDevice {
        class_id: format!("0x{}", digits.get(..2)?),
        subclass_id: format!("0x{}", digits.get(2..4)?),
        vendor_id: text("vendor")?,
        product_id: text("device")?,
        driver: driver.to_string_lossy().into_owned(),
        ..PciDevice::default()
    };
    Some(Found {
        address,
        alias: text("modalias").unwrap_or_default(),
        device,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_devices_with_and_without_a_driver() {
        let root = std::env::temp_dir().join(format!("ichor-pci-{}", std::process::id()));
        for (address, class) in [("0000:00:02.0", "0x020000"), ("0000:00:01.0", "0x0604")] {
            let directory = root.join(address);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("class"), format!("{class}\n")).unwrap();
            fs::write(directory.join("vendor"), "0x1af4\n").unwrap();
            fs::write(directory.join("device"), "0x1041\n").unwrap();
        }
        let link = root.join("0000:00:02.0/driver");
        if !link.is_symlink() {
            std::os::unix::fs::symlink("../../drivers/virtio-pci", link).unwrap();
        }
        fs::create_dir_all(root.join("broken")).unwrap();
        let found = list(&root);
        let addresses: Vec<_> = found.iter().map(|found| found.address.as_str()).collect();
        assert_eq!(addresses, ["0000:00:01.0", "0000:00:02.0"]);
        let nic = &found[1].device;
        assert_eq!(
            (nic.class_id.as_str(), nic.subclass_id.as_str()),
            ("0x02", "0x00")
        );
        assert_eq!(
            (nic.driver.as_str(), nic.vendor_id.as_str()),
            ("virtio-pci", "0x1af4")
        );
        assert!(list(&root.join("nowhere")).is_empty());
    }
}
