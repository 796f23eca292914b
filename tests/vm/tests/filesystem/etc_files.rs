//! Files of /etc that change at run time.

use std::path::Path;
use std::time::Duration;

use ichor_probe::Kind;

use crate::{assert_read_only, mounts, node};

const FILES: &[&str] = &[
    "hostname",
    "hosts",
    "machine-id",
    "os-release",
    "resolv.conf",
];
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn vm_files_of_etc_that_change_are_shown_from_system() {
    let mut node = node();
    node.wait_for_network(PATIENCE).unwrap();
    let mounts = mounts(&mut node);
    let system = mounts.iter().find(|mount| mount.target == "/system");
    let system = system.unwrap();
    let mut of_etc: Vec<_> = mounts
        .iter()
        .filter(|mount| mount.target.starts_with("/etc"))
        .collect();
    of_etc.sort_by_key(|mount| &mount.target);
    let targets: Vec<_> = of_etc.iter().map(|mount| mount.target.as_str()).collect();
    let expected: Vec<_> = FILES.iter().map(|name| format!("/etc/{name}")).collect();
    assert_eq!(targets, expected);
    for mount in of_etc {
        assert_eq!(mount.root, mount.target, "of /system");
        assert_eq!(
            (&mount.fstype, &mount.source),
            (&system.fstype, &system.source)
        );
        assert!(mount.has("ro,nosuid,nodev,noexec"), "{mount:?}");
    }
    for name in FILES {
        let shown = node.probe.read(format!("/etc/{name}")).unwrap();
        assert!(!shown.is_empty(), "{name}");
        assert_eq!(
            shown,
            node.probe.read(format!("/system/etc/{name}")).unwrap()
        );
    }
}

#[test]
fn vm_nothing_in_etc_can_be_written() {
    let mut node = node();
    node.wait_for_network(PATIENCE).unwrap();
    assert_read_only(node.probe.write("/etc/new", b"x"), "/etc/new");
    let mut tried = 0;
    let entries = node.probe.list("/etc").unwrap().into_iter();
    let files = entries.filter(|(_, entry)| matches!(entry.kind, Kind::File { .. }));
    let mut paths: Vec<_> = files.map(|(path, _)| path).collect();
    paths.extend(FILES.iter().map(|name| Path::new("/etc").join(name)));
    for path in paths {
        let path = path.display().to_string();
        let content = node.probe.read(&path).unwrap();
        assert_read_only(node.probe.write(&path, &content), &path);
        tried += 1;
    }
    assert!(tried >= 8, "{tried} files");
}
