//! The root file system: what it holds, and where.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::ImageError;
use crate::elf::Elf;
use crate::error::at;
use crate::modules::Modules;
use crate::tree::{Content, Tree};

/// What stage 1 executes.
const INIT: &str = "usr/sbin/init";
/// Where the probe expects itself to be.
const PROBE: &str = "usr/bin/ichor-probe";
/// Names by which the one binary is called; each is a link to it.
const APPLETS: &[&str] = &[
    INIT,
    "usr/sbin/modprobe",
    "usr/sbin/poweroff",
    "usr/sbin/reboot",
    "usr/sbin/shutdown",
    "usr/bin/machined",
    "usr/bin/networkd",
    "usr/bin/apid",
    "usr/bin/storaged",
];
/// Programs of packages, which bring the libraries they need.
pub(crate) const PROGRAMS: &[(&str, &str)] = &[
    ("usr/bin/udevadm", "usr/bin/udevadm"),
    ("usr/sbin/mkfs.xfs", "usr/sbin/mkfs.xfs"),
    ("usr/sbin/xfs_growfs", "usr/sbin/xfs_growfs"),
    ("usr/sbin/xfs_repair", "usr/sbin/xfs_repair"),
    ("usr/lib/udev/ata_id", "usr/lib/udev/ata_id"),
    ("usr/lib/udev/scsi_id", "usr/lib/udev/scsi_id"),
    ("usr/lib/udev/cdrom_id", "usr/lib/udev/cdrom_id"),
];
/// Programs that tests call, in an image for tests.
const TOOLS: &[(&str, &str)] = &[
    ("usr/bin/ip", "usr/bin/ip"),
    ("usr/bin/dnsmasq", "usr/sbin/dnsmasq"),
];
const LIBRARY_DIRECTORIES: &[&str] = &[
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/x86_64-linux-gnu/systemd",
];
/// Rules that have nothing to do on a machine without users, sound and seats.
const RULES_LEFT_OUT: &[&str] = &[
    "60-persistent-alsa.rules",
    "60-persistent-v4l.rules",
    "60-sensor.rules",
    "70-camera.rules",
    "70-joystick.rules",
    "70-mouse.rules",
    "70-touchpad.rules",
    "71-seat.rules",
    "73-seat-late.rules",
    "78-sound-card.rules",
];
const DIRECTORIES: &[&str] = &[
    "boot",
    "dev",
    "etc/cni",
    "etc/kubernetes",
    "mnt",
    "opt",
    "proc",
    "root",
    "run",
    "sys",
    "system",
    "tmp",
    "usr/libexec/kubernetes",
    "var",
];
/// Places for files that are made at run time.
const PLACES: &[&str] = &[
    "etc/hostname",
    "etc/hosts",
    "etc/machine-id",
    "etc/resolv.conf",
];
/// Rules of our own. udevd resolves no names, so those of groups in the others have no effect.
const OWN_RULES: (&str, &str) = (
    "usr/lib/udev/rules.d/90-ichor.rules",
    "# storaged, which is not root, keeps the table of the system disk.\n\
     SUBSYSTEM==\"block\", GROUP=\"6\", MODE=\"0660\"\n",
);
/// Tells PID 1 that it runs in a container.
const IN_CONTAINER: &str = "usr/etc/in-container";
const PASSWD: &str = "root:x:0:0:root:/root:/sbin/nologin\n\
    apid:x:50:50:API:/:/sbin/nologin\ntrustd:x:51:51:trust:/:/sbin/nologin\n\
    networkd:x:52:52:network:/:/sbin/nologin\ntimed:x:53:53:time:/:/sbin/nologin\n\
    clusterd:x:54:54:cluster:/:/sbin/nologin\ndashboard:x:55:55:dashboard:/:/sbin/nologin\n\
    storaged:x:56:56:storage:/:/sbin/nologin\n\
    etcd:x:60:60:etcd:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n";
/// Groups of devices have the numbers that they have everywhere.
const GROUP: &str = "root:x:0:\ntty:x:5:\ndisk:x:6:\nlp:x:7:\nkmem:x:15:\ndialout:x:20:\n\
    cdrom:x:24:\ntape:x:26:\naudio:x:29:\nvideo:x:44:\napid:x:50:\ntrustd:x:51:\n\
    networkd:x:52:\ntimed:x:53:\nclusterd:x:54:\ndashboard:x:55:\nstoraged:x:56:\netcd:x:60:\n\
    input:x:101:\nsgx:x:102:\nkvm:x:103:\nrender:x:104:\nnobody:x:65534:\n";

/// What a root file system is made from.
pub(crate) struct Inputs<'a> {
    /// Unpacked packages.
    pub(crate) packages: &'a Path,
    /// Version of the kernel package, as in `/usr/lib/modules`.
    pub(crate) kernel: &'a str,
    /// The one binary of the OS.
    pub(crate) binary: &'a Path,
    /// What takes the place of PID 1 in an image for tests.
    pub(crate) probe: Option<&'a Path>,
    /// Unpacked packages of programs that tests call.
    pub(crate) tools: Option<&'a Path>,
    pub(crate) modules: &'a Modules,
    /// The text of `/etc/os-release`.
    pub(crate) os_release: &'a str,
}

/// The root of a machine.
pub(crate) fn tree(inputs: &Inputs<'_>) -> Result<Tree, ImageError> {
    let mut tree = common(inputs)?;
    kernel_modules(&mut tree, inputs);
    if let Some(probe) = inputs.probe {
        tree.file(PROBE, 0o755, Content::Path(probe.to_owned()));
        tree.link(INIT, &format!("/{PROBE}"));
    }
    if let Some(tools) = inputs.tools {
        // The libraries of the image come first: they belong to its loader.
        programs(&mut tree, TOOLS, tools, &[inputs.packages, tools])?;
    }
    Ok(tree)
}

/// The root of a container, which has the kernel of its host.
pub(crate) fn container(inputs: &Inputs<'_>) -> Result<Tree, ImageError> {
    let mut tree = common(inputs)?;
    tree.text(IN_CONTAINER, "");
    Ok(tree)
}

fn common(inputs: &Inputs<'_>) -> Result<Tree, ImageError> {
    let mut tree = Tree::default();
    for directory in DIRECTORIES {
        tree.directory(directory, 0o755);
    }
    for link in ["bin", "lib", "lib64", "sbin"] {
        tree.directory(&format!("usr/{link}"), 0o755);
        tree.link(link, &format!("usr/{link}"));
    }
    for place in PLACES {
        tree.text(place, "");
    }
    tree.text("etc/passwd", PASSWD);
    tree.text("etc/group", GROUP);
    tree.text("etc/os-release", inputs.os_release);
    tree.text(
        "etc/ssl/certs/ca-certificates.crt",
        certificates(inputs.packages)?,
    );
    tree.file(
        "usr/bin/ichor-os",
        0o755,
        Content::Path(inputs.binary.to_owned()),
    );
    for applet in APPLETS {
        tree.link(applet, "/usr/bin/ichor-os");
    }
    programs(&mut tree, PROGRAMS, inputs.packages, &[inputs.packages])?;
    tree.link("usr/lib/systemd/systemd-udevd", "../../bin/udevadm");
    udev(&mut tree, inputs.packages)?;
    Ok(tree)
}

/// All certificates of the package in one file.
fn certificates(packages: &Path) -> Result<Vec<u8>, ImageError> {
    let directory = packages.join("usr/share/ca-certificates/mozilla");
    let mut bundle = Vec::new();
    for path in sorted(&directory)? {
        bundle.extend(fs::read(&path).map_err(at("read", &path))?);
    }
    Ok(bundle)
}

/// Adds programs, and the libraries they need from the first of several places that has them.
fn programs(
    tree: &mut Tree,
    list: &[(&str, &str)],
    packages: &Path,
    libraries: &[&Path],
) -> Result<(), ImageError> {
    let mut seen = BTreeSet::new();
    let mut wanted = Vec::new();
    for (path, source) in list {
        let source = packages.join(source);
        wanted.extend(needs(&source)?);
        tree.file(path, 0o755, Content::Path(source));
    }
    while let Some(name) = wanted.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let (directory, source) = library(libraries, &name)?;
        wanted.extend(needs(&source)?);
        let path = if name.starts_with("ld-linux") {
            format!("usr/lib64/{name}")
        } else {
            format!("{directory}/{name}")
        };
        tree.file(&path, 0o755, Content::Path(source));
    }
    Ok(())
}

/// Libraries and the loader that a program or library asks for.
fn needs(path: &Path) -> Result<Vec<String>, ImageError> {
    let bytes = fs::read(path).map_err(at("read", path))?;
    let elf = Elf::parse(&bytes).ok_or_else(|| ImageError::Format {
        path: path.to_owned(),
        problem: "not an ELF file".into(),
    })?;
    let mut names = elf.needed();
    let loader = elf.interpreter();
    names.extend(loader.and_then(|path| path.rsplit('/').next().map(str::to_owned)));
    Ok(names)
}

fn library(places: &[&Path], name: &str) -> Result<(&'static str, PathBuf), ImageError> {
    for place in places {
        for directory in LIBRARY_DIRECTORIES {
            let path = place.join(directory).join(name);
            if path.is_file() {
                return Ok((directory, path));
            }
        }
    }
    Err(ImageError::Missing {
        what: format!("library {name}"),
    })
}

fn udev(tree: &mut Tree, packages: &Path) -> Result<(), ImageError> {
    let database = "usr/lib/udev/hwdb.bin";
    tree.file(database, 0o644, Content::Path(packages.join(database)));
    for path in sorted(&packages.join("usr/lib/udev/rules.d"))? {
        let name = file_name(&path);
        if !RULES_LEFT_OUT.contains(&name.as_str()) {
            tree.file(
                &format!("usr/lib/udev/rules.d/{name}"),
                0o644,
                Content::Path(path),
            );
        }
    }
    let (rules, text) = OWN_RULES;
    tree.file(rules, 0o644, Content::Bytes(text.into()));
    for path in sorted(&packages.join("usr/lib/systemd/network"))? {
        if path
            .extension()
            .is_some_and(|extension| extension == "link")
        {
            let name = file_name(&path);
            tree.file(
                &format!("usr/lib/systemd/network/{name}"),
                0o644,
                Content::Path(path),
            );
        }
    }
    Ok(())
}

fn kernel_modules(tree: &mut Tree, inputs: &Inputs<'_>) {
    let base = format!("usr/lib/modules/{}", inputs.kernel);
    for module in inputs.modules.iter() {
        let content = Content::Bytes(module.content.clone());
        tree.file(&format!("{base}/{}", module.path), 0o644, content);
    }
    tree.text(
        &format!("{base}/modules.dep"),
        inputs.modules.dependencies(),
    );
    tree.text(
        &format!("{base}/modules.softdep"),
        inputs.modules.soft_dependencies(),
    );
    tree.text(&format!("{base}/modules.alias"), inputs.modules.aliases());
    for name in ["modules.builtin", "modules.builtin.modinfo"] {
        let source = inputs.packages.join(&base).join(name);
        tree.file(&format!("{base}/{name}"), 0o644, Content::Path(source));
    }
}

/// The files of a directory in an order that does not depend on the disk.
pub(crate) fn sorted(directory: &Path) -> Result<Vec<PathBuf>, ImageError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(at("read", directory))? {
        paths.push(entry.map_err(at("read", directory))?.path());
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
