//! Texts and links of sysfs.

use std::path::{Component, Path};

use super::{device, disk, links, transport};

/// What files and links of a device may hold.
pub(crate) fn check(input: &[u8]) {
    let text = &*String::from_utf8_lossy(input);
    if let Some((name, _)) = device::parse(text) {
        assert!(!name.is_empty());
    }
    if let Some(place) = device::parse_place(text) {
        let is_plain =
            |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
        let path = Path::new(&place);
        assert!(
            path.starts_with("/sys/devices") && path.components().all(is_plain),
            "{place}"
        );
    }
    if let Some(name) = links::parse_device("/dev/disk/by-id", text) {
        assert!(
            !name.split('/').any(|part| matches!(part, "" | "." | "..")),
            "{name:?}"
        );
    }
    transport::parse_host(text);
    if let Some(serial) = disk::parse_serial_page(input) {
        assert_eq!(serial.trim(), serial);
    }
}
