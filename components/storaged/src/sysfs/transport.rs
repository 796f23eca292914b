//! How a disk is reached.

use super::Tree;

/// Names that say it.
const BY_NAME: &[(&str, &str)] = &[("nvme", "nvme"), ("vd", "virtio"), ("mmcblk", "mmc")];
/// Kinds of SCSI hosts that say it.
const BY_HOST: &[(&str, &str)] = &[
    ("sas_host", "sas"),
    ("fc_host", "fc"),
    ("iscsi_host", "iscsi"),
];

/// The transport of the disk `id`, whose directory is `path`; empty when it is not known.
pub(super) fn transport(tree: &Tree, id: &str, path: &str) -> &'static str {
    if let Some((_, name)) = BY_NAME.iter().find(|(start, _)| id.starts_with(start)) {
        return name;
    }
    let target = tree.target(&format!("{path}/device"));
    let Some(host) = target.as_deref().and_then(parse_host) else {
        return "";
    };
    let of_host = BY_HOST.iter().find(|(class, _)| {
        let directory = format!("/sys/class/{class}/host{host}");
        tree.place(directory).is_dir()
    });
    if let Some((_, name)) = of_host {
        return name;
    }
    if path.split('/').any(is_usb_bus) {
        return "usb";
    }
    by_driver(&tree.text(&format!("/sys/class/scsi_host/host{host}/proc_name")))
}

/// The number of the host in the address of a SCSI device, such as `2` in `../../../2:0:1:0`.
pub(super) fn parse_host(target: &str) -> Option<u32> {
    let (_, address) = target.rsplit_once('/')?;
    let (host, _) = address.split_once(':')?;
    host.parse().ok()
}

fn is_usb_bus(part: &str) -> bool {
    let number = part.strip_prefix("usb").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn by_driver(name: &str) -> &'static str {
    match name {
        "ahci" | "sata" => "sata",
        "virtio_scsi" => "virtio",
        name if name.contains("ata") => "ata",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_stands_first_in_an_address() {
        assert_eq!(parse_host("../../../12:0:1:0"), Some(12));
        assert_eq!(parse_host("../../../virtio1"), None);
        assert_eq!(parse_host("../../mmc0:aaaa"), None);
        assert_eq!(parse_host("0:0:0:0"), None);
        assert_eq!(parse_host(""), None);
    }

    #[test]
    fn drivers_have_their_transport() {
        assert_eq!(by_driver("ahci"), "sata");
        assert_eq!(by_driver("ata_piix"), "ata");
        assert_eq!(by_driver("megaraid_sas"), "");
        assert!(is_usb_bus("usb2") && !is_usb_bus("usb") && !is_usb_bus("usbx"));
    }
}
