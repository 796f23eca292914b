//! Links below `/dev/disk`, which udev makes.

use std::collections::BTreeMap;

use super::Tree;

const DIRECTORY: &str = "/dev/disk";
/// While udev replaces a link, the new one begins so.
const UNFINISHED: &str = ".#";
/// `by-path/PATH-part/by-partuuid/UUID` is the deepest.
const DEPTH_MAX: usize = 5;

/// The links to each block device, sorted, by the device's name below `/dev`.
pub(crate) fn load(tree: &Tree) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    walk(tree, DIRECTORY, DEPTH_MAX, &mut found);
    found
}

fn walk(tree: &Tree, directory: &str, depth: usize, found: &mut BTreeMap<String, Vec<String>>) {
    for name in tree.names(directory) {
        let path = format!("{directory}/{name}");
        match tree.target(&path) {
            Some(_) if name.starts_with(UNFINISHED) => {}
            Some(target) => {
                if let Some(device) = parse_device(directory, &target) {
                    found.entry(device).or_default().push(path);
                }
            }
            None if depth > 1 => walk(tree, &path, depth - 1, found),
            None => {}
        }
    }
}

/// The name below `/dev` that a link in `directory` leads to.
pub(super) fn parse_device(directory: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = match target.starts_with('/') {
        true => Vec::new(),
        false => directory.split('/').skip(1).collect(),
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    match parts.as_slice() {
        ["dev", name @ ..] if !name.is_empty() => Some(name.join("/")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, Random};

    #[test]
    fn links_lead_to_devices() {
        let device = |target| parse_device("/dev/disk/by-id", target);
        assert_eq!(device("../../sda1").as_deref(), Some("sda1"));
        assert_eq!(device("../../cciss/c0d0").as_deref(), Some("cciss/c0d0"));
        assert_eq!(device("/dev/dm-0").as_deref(), Some("dm-0"));
        for target in ["../..", "../../../sda", "../../../../../..", "/sys/x", ""] {
            assert_eq!(
                device(target).filter(|name| name != "disk/by-id"),
                None,
                "{target}"
            );
        }
    }

    #[test]
    fn links_are_found_at_any_depth_and_sorted() {
        let fake = Fake::virtio();
        let part = "dev/disk/by-path/pci-0000:00:02.0-part/by-partlabel/META";
        fake.link(part, "../../../../vda2");
        fake.link("dev/disk/by-partlabel/META", "../../vda2");
        fake.link("dev/disk/by-diskseq/9", "../../vda");
        fake.link("dev/disk/by-diskseq/.#9x", "../../vda");
        fake.file("dev/disk/by-id/no-link", b"");
        fake.file("dev/disk/1/2/3/4/5/6/7", b"");
        let found = load(&fake.tree());
        assert_eq!(found.keys().collect::<Vec<_>>(), ["vda", "vda2"]);
        assert_eq!(found["vda"], ["/dev/disk/by-diskseq/9"]);
        let expected = ["/dev/disk/by-partlabel/META".to_owned(), format!("/{part}")];
        assert_eq!(found["vda2"], expected);
    }

    #[test]
    fn no_target_makes_it_panic() {
        let mut random = Random::new(3);
        for _ in 0..10_000 {
            let target = random.spoil(b"../../../../cciss/c0d0");
            let _read = parse_device("/dev/disk/by-id", &String::from_utf8_lossy(&target));
        }
    }
}
