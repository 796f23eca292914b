//! Whole builds, from a small tree that looks like the packages' and needs no network.

mod tampered;

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use ichor_authenticode::VerifyError;

use super::*;
use crate::inspect::Distrust;
use crate::lock::Package;
use crate::{inspect, keys};

/// Clocks of FAT count in steps of two seconds.
const TICK: Duration = Duration::from_millis(2100);

/// An ELF file that needs no library.
fn elf() -> Vec<u8> {
    let mut file = vec![0; 192];
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    file[0x28] = 64; // One section header, that of the names, whose only byte is at 128.
    file[0x3a] = 64;
    file[0x3c] = 1;
    file[64 + 0x18] = 128;
    file[64 + 0x20] = 1;
    file
}

/// A program with room for more sections.
fn program() -> Vec<u8> {
    let mut file = vec![0; 0x600];
    file[..2].copy_from_slice(b"MZ");
    file[0x3c] = 0x40;
    file[0x40..0x44].copy_from_slice(b"PE\0\0");
    file[0x46] = 1;
    file[0x54] = 240;
    file[0x58..0x5a].copy_from_slice(&0x20b_u16.to_le_bytes());
    let mut word = |at: usize, value: u32| {
        file[at..at + 4].copy_from_slice(&value.to_le_bytes());
    };
    word(0x58 + 32, 0x1000);
    word(0x58 + 36, 0x200);
    word(0x58 + 60, 0x400);
    word(0x58 + 108, 16);
    let section = 0x58 + 240;
    word(section + 8, 0x200);
    word(section + 12, 0x1000);
    word(section + 16, 0x200);
    word(section + 20, 0x400);
    file
}

/// What the packages hold, as far as an image needs it.
fn packages() -> Vec<(String, Vec<u8>)> {
    let allowed = include_str!("../../modules.txt").lines();
    let builtin: String = allowed
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .map(|name| format!("kernel/{name}.ko\n"))
        .collect();
    let modules = "usr/lib/modules/6.12.0-test";
    let efi = "usr/lib/systemd/boot/efi";
    let mut files = vec![
        (format!("{modules}/modules.builtin"), builtin.into_bytes()),
        (format!("{modules}/modules.builtin.modinfo"), vec![]),
        ("boot/vmlinuz-6.12.0-test".into(), vec![9; 5000]),
        (format!("{efi}/linuxx64.efi.stub"), program()),
        (format!("{efi}/systemd-bootx64.efi"), program()),
        (
            "usr/share/ca-certificates/mozilla/a.crt".into(),
            b"a".into(),
        ),
        (
            "usr/share/ca-certificates/mozilla/b.crt".into(),
            b"b".into(),
        ),
        ("usr/lib/udev/hwdb.bin".into(), vec![]),
        ("usr/lib/udev/rules.d/50-b.rules".into(), b"b".into()),
        ("usr/lib/udev/rules.d/50-a.rules".into(), b"a".into()),
        ("usr/lib/systemd/network/99-a.link".into(), b"a".into()),
    ];
    let programs = rootfs::PROGRAMS.iter();
    files.extend(programs.map(|(_, path)| ((*path).to_owned(), elf())));
    files
}

/// Lays the packages out and builds everything; returns the images by name.
fn build_in(
    root: &Path,
    files: &[(String, Vec<u8>)],
    signer: &Signer,
) -> BTreeMap<String, Vec<u8>> {
    build_with(root, files, signer, None)
}

fn build_with(
    root: &Path,
    files: &[(String, Vec<u8>)],
    signer: &Signer,
    probe: Option<&Path>,
) -> BTreeMap<String, Vec<u8>> {
    let packages = root.join("packages");
    for (path, content) in files {
        let path = packages.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let binary = root.join("binary");
    fs::write(&binary, [3; 70_000]).unwrap();
    let lock = Lock {
        suite: "trixie".into(),
        packages: vec![Package {
            name: "udev".into(),
            version: "1".into(),
            sha256: "00".into(),
        }],
    };
    let inputs = Inputs {
        version: "1.2.3",
        binary: &binary,
        stage1: &binary,
        probe: probe.map(|program| Probe {
            program,
            tools: &lock,
        }),
        lock: &lock,
        when_gone: WhenGone::Refuse,
        compression: Compression::Fast,
        signer: Some(signer),
        also: &[Also::Qcow2, Also::Iso, Also::Oci],
        cache: root,
        out: &root.join("out"),
    };
    assemble(&inputs, &packages, None, lock.clone(), &|_step| {}).unwrap();
    let images = rootfs::sorted(inputs.out).unwrap();
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    images
        .iter()
        .map(|path| (name(path), fs::read(path).unwrap()))
        .collect()
}

#[test]
fn two_builds_in_different_places_at_different_times_give_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let signer = keys::load_or_make(&directory.path().join("keys")).unwrap();
    let mut files = packages();
    let first = build_in(&directory.path().join("here"), &files, &signer);
    sleep(TICK);
    // A directory lists its files in another order when they are made in another order.
    files.reverse();
    let second = build_in(&directory.path().join("over/there"), &files, &signer);
    let names: Vec<_> = first.keys().map(String::as_str).collect();
    let expected = [
        "cmdline",
        "disk.qcow2",
        "disk.raw",
        "ichor-1.2.3.efi",
        "ichor-1.2.3.iso",
        "ichor-1.2.3.oci.tar",
        "ichor-1.2.3.spdx.json",
        "initramfs",
        "rootfs.squashfs",
        "vmlinuz",
    ];
    assert_eq!(names, expected);
    for (name, bytes) in &first {
        let differs = bytes.iter().zip(&second[name]).position(|(a, b)| a != b);
        assert_eq!(differs, None, "{name} differs at this byte");
        assert_eq!(bytes.len(), second[name].len(), "{name}");
    }
}

/// Paths in a root file system, and where the links lead.
fn listing(squashfs: &Path) -> BTreeMap<String, Option<String>> {
    let file = std::io::BufReader::new(fs::File::open(squashfs).unwrap());
    let reader = backhand::FilesystemReader::from_reader(file).unwrap();
    let entries = reader.files().map(|node| {
        let target = match &node.inner {
            backhand::InnerNode::Symlink(link) => Some(link.link.display().to_string()),
            _ => None,
        };
        (node.fullpath.display().to_string(), target)
    });
    entries.collect()
}

#[test]
fn the_probe_is_only_in_an_image_that_asks_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let signer = keys::load_or_make(&directory.path().join("keys")).unwrap();
    let binary = directory.path().join("probe");
    fs::write(&binary, "probe").unwrap();
    let mut starts = Vec::new();
    for (name, probe) in [("usual", None), ("probed", Some(binary.as_path()))] {
        let root = directory.path().join(name);
        build_with(&root, &packages(), &signer, probe);
        let files = listing(&root.join("out/rootfs.squashfs"));
        let has_probe = files.keys().any(|path| path.contains("ichor-probe"));
        assert_eq!(has_probe, probe.is_some(), "{name}");
        starts.push(files["/usr/sbin/init"].clone().unwrap());
    }
    assert_eq!(starts, ["/usr/bin/ichor-os", "/usr/bin/ichor-probe"]);
}

const IMAGES: [(&str, inspect::Form); 4] = [
    ("ichor-1.2.3.efi", inspect::Form::Program),
    ("disk.raw", inspect::Form::Raw),
    ("disk.qcow2", inspect::Form::Qcow2),
    ("ichor-1.2.3.iso", inspect::Form::Iso),
];

#[test]
fn every_image_tells_what_is_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let signer = keys::load_or_make(&directory.path().join("keys")).unwrap();
    build_in(directory.path(), &packages(), &signer);
    for (name, form) in IMAGES {
        let found = inspect::load(&directory.path().join("out").join(name)).unwrap();
        assert_eq!(found.form, form);
        let [system] = found.systems.as_slice() else {
            panic!("{name}: {} systems", found.systems.len());
        };
        assert_eq!(
            (system.version.as_str(), system.kernel.as_str()),
            ("1.2.3", "6.12.0-test")
        );
        assert!(
            system.cmdline.contains("ichor.verity="),
            "{}",
            system.cmdline
        );
        assert_eq!(
            system.cmdline.ends_with(ISO_ARGUMENT),
            form == inspect::Form::Iso
        );
        let sections: Vec<_> = system.sections.iter().map(|s| s.name.as_str()).collect();
        let ours = [".osrel", ".cmdline", ".uname", ".sbom", ".initrd", ".linux"];
        assert!(sections.ends_with(&ours), "{sections:?}");
        let text = found.to_string();
        assert!(
            text.contains("udev") && text.contains("ichor-machined"),
            "{text}"
        );
    }
    let empty = directory.path().join("empty");
    fs::write(&empty, "").unwrap();
    let error = inspect::load(&empty).unwrap_err().to_string();
    assert!(error.contains("empty: no partition table"), "{error}");
}

#[test]
fn every_image_is_verified_with_its_own_key_only() {
    let directory = tempfile::tempdir().unwrap();
    let signer = keys::load_or_make(&directory.path().join("keys")).unwrap();
    let other = keys::load_or_make(&directory.path().join("other")).unwrap();
    build_in(directory.path(), &packages(), &signer);
    let check = |name: &str, signer: &Signer| -> Vec<_> {
        let path = directory.path().join("out").join(name);
        let verdicts = inspect::verify(&path, signer.certificate()).unwrap();
        verdicts
            .into_iter()
            .map(|verdict| verdict.outcome)
            .collect()
    };
    for (name, form) in IMAGES {
        // A disk has the boot loader, too, and PK, KEK and db for it to enrol.
        let (programs, keys) = match form {
            inspect::Form::Program => (1, 0),
            _ => (2, 3),
        };
        let all = programs + keys;
        assert_eq!(check(name, &signer), vec![Ok(()); all], "{name}");
        let mut refused = vec![Err(VerifyError::OtherKey.into()); programs];
        refused.resize(all, Err(Distrust::Enrols));
        assert_eq!(check(name, &other), refused, "{name}");
    }
    let uki = fs::read(directory.path().join("out/ichor-1.2.3.efi")).unwrap();
    let mut disk = fs::read(directory.path().join("out/disk.raw")).unwrap();
    // The kernel is not compressible here: five thousand nines, found nowhere else.
    let place = disk
        .windows(5000)
        .position(|part| part == [9; 5000])
        .unwrap();
    assert!(uki.windows(5000).any(|part| part == [9; 5000]));
    disk[place + 4000] = 8;
    fs::write(directory.path().join("out/flipped.raw"), disk).unwrap();
    let mut flipped = vec![Ok(()); 5];
    flipped[1] = Err(VerifyError::Changed.into());
    assert_eq!(check("flipped.raw", &signer), flipped);
}
