//! What a restart keeps, what it makes anew, and that it is clean.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ichor_probe::{Entry, MountCall};
use ichor_vm_tests::Probed;

use crate::{SCRATCH, mounts, node};

const PATIENCE: Duration = Duration::from_secs(60);
/// Asks PID 1 to restart the machine.
const SIGUSR1: i32 = 10;

/// What differs from boot to boot below /system: identities. Times are not compared.
const DIFFERS: &[&str] = &[
    // Without a configuration there is no place to keep it.
    "/system/etc/machine-id",
];

/// Directories of the image whose changes persist.
const OVERLAYS: &[&str] = &[
    "/etc/cni",
    "/etc/kubernetes",
    "/opt",
    "/usr/libexec/kubernetes",
];

/// Runs in the machine.
#[test]
#[ignore = "it is started in a machine by another test"]
fn applies_overlays() {
    ichor_machined::apply_overlays().unwrap();
}

#[test]
fn vm_a_restart_is_clean_keeps_var_and_makes_system_anew() {
    let mut node = node();
    node.wait_for_network(PATIENCE).unwrap();
    let disk = node.probe.disk(SCRATCH).unwrap();
    let words = node.run("/usr/sbin/mkfs.xfs", &[disk.to_str().unwrap()]);
    println!("{}", words.unwrap());
    mount_var(&mut node, &disk);
    write_through_overlays(&mut node);
    let before = system(&mut node);

    let asked = Instant::now();
    node.probe.signal(1, SIGUSR1).unwrap();
    node.wait_for_boot().unwrap();
    println!("restarted in {:?}", asked.elapsed());
    assert_went_down_in_order(&mut node);

    node.wait_for_network(PATIENCE).unwrap();
    assert_same(&before, &system(&mut node));
    assert_image_is_as_it_was(&mut node);
    mount_var(&mut node, &disk);
    assert_overlays_kept(&mut node);
    assert_var_was_clean(&mut node, &disk);
    // Others find the node as it was.
    for target in OVERLAYS.iter().chain(&["/var"]) {
        node.probe.unmount(target).unwrap();
    }
}

fn mount_var(node: &mut Probed, disk: &Path) {
    node.probe
        .mount(MountCall {
            source: disk.display().to_string(),
            target: "/var".into(),
            fstype: "xfs".to_owned(),
            ..MountCall::default()
        })
        .unwrap();
    node.run_test("restart::applies_overlays").unwrap();
    for target in OVERLAYS {
        let mounts = mounts(node);
        let mount = mounts.iter().find(|mount| mount.target == *target);
        let mount = mount.unwrap_or_else(|| panic!("no overlay at {target}"));
        assert_eq!(mount.fstype, "overlay");
        let name = target.trim_start_matches('/').replace('/', "-");
        let store = "/var/system/overlays";
        let options =
            format!("rw,nosuid,nodev,upperdir={store}/{name}-diff,workdir={store}/{name}-workdir");
        assert!(mount.has(&options), "{mount:?}");
        assert_eq!(mount.has("noexec"), target.starts_with("/etc"), "{target}");
    }
}

fn write_through_overlays(node: &mut Probed) {
    for target in OVERLAYS {
        let directory = format!("{target}/of-a-test");
        node.probe.make_directory(&directory).unwrap();
        let file = format!("{directory}/file");
        node.probe.write(&file, target.as_bytes()).unwrap();
    }
}

/// The overlays are not there now.
fn assert_image_is_as_it_was(node: &mut Probed) {
    for target in OVERLAYS {
        let listed = node.probe.list(target).unwrap();
        let new = listed.keys().find(|path| path.ends_with("of-a-test"));
        assert_eq!(new, None);
    }
}

fn assert_overlays_kept(node: &mut Probed) {
    for target in OVERLAYS {
        let file = format!("{target}/of-a-test/file");
        assert_eq!(node.probe.read_text(&file).unwrap(), *target);
    }
}

fn assert_var_was_clean(node: &mut Probed, disk: &Path) {
    let log = node.booted.ichor(&["dmesg"]).unwrap();
    let name = disk.file_name().unwrap().to_string_lossy();
    let about = format!("XFS ({name}): ");
    let said: Vec<_> = log.lines().filter(|line| line.contains(&about)).collect();
    assert!(
        said.iter().any(|line| line.contains("Ending clean mount")),
        "{said:#?}"
    );
    assert!(
        !said.iter().any(|line| line.contains("recovery")),
        "{said:#?}"
    );
}

fn assert_went_down_in_order(node: &mut Probed) {
    let text = node.booted.node().unwrap().console().text().unwrap();
    let (_, down) = text.split_once("going down power=Restart").unwrap();
    let (down, _) = down.split_once("reboot: Restarting system").unwrap();
    let services = ["networkd", "apid", "udevd"];
    let finished = services.map(|name| format!("service[{name}](Finished)"));
    let unmounted = OVERLAYS.iter().chain(&["/var"]);
    let unmounted = unmounted.map(|target| format!("unmounted {target}"));
    let last = ["everything is written to the disks".to_owned()];
    for line in finished.into_iter().chain(unmounted).chain(last) {
        assert!(down.contains(&line), "{line} is not in:\n{down}");
    }
    assert!(!down.contains("killing it"), "{down}");
    assert!(!down.contains("read-only"), "{down}");
}

fn system(node: &mut Probed) -> BTreeMap<PathBuf, Entry> {
    node.probe.list("/system").unwrap()
}

fn assert_same(before: &BTreeMap<PathBuf, Entry>, after: &BTreeMap<PathBuf, Entry>) {
    let paths = before.keys().chain(after.keys());
    let mut wrong: Vec<_> = paths
        .filter(|path| !DIFFERS.iter().any(|known| Path::new(known) == *path))
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| {
            format!(
                "{}: {:?} {:?}",
                path.display(),
                before.get(path),
                after.get(path)
            )
        })
        .collect();
    wrong.dedup();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for known in DIFFERS {
        let path = Path::new(known);
        assert!(
            before.contains_key(path) && after.contains_key(path),
            "{known} is gone"
        );
        assert_ne!(before.get(path), after.get(path), "{known} does not differ");
    }
}
