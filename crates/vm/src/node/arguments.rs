//! The command line of a node's QEMU.

use std::path::Path;

use crate::accel::Accel;
use crate::disk::{self, DiskError};
use crate::firmware::Firmware;
use crate::network::{mac_text, node_netdev};
use crate::process::option_value;
use crate::spec::{Boot, Kernel, NodePlan};

pub(super) const SYSTEM_DISK: &str = "disk";
pub(super) const VARS: &str = "vars.fd";
pub(super) const CONSOLE: &str = "console.log";

/// What the firmware starts from.
const FIRST: &str = ",bootindex=0";

pub(super) fn extra_disk(number: usize) -> String {
    format!("extra-{number}")
}

pub(super) fn serial_port(name: &str) -> String {
    format!("serial-{name}")
}

pub(super) fn hot_port(number: usize) -> String {
    format!("hot-{number}")
}

/// Everything but what [`Process`](crate::process::Process) adds.
pub(super) fn arguments(
    plan: &NodePlan,
    accel: Accel,
    firmware: &Firmware,
    directory: &Path,
    hub: &Path,
) -> Result<Vec<String>, DiskError> {
    let spec = &plan.spec;
    let mut all = Arguments(Vec::new());
    all.add("-name", plan.name.clone());
    all.add(
        "-machine",
        format!(
            "q35,smm={},vmport=off",
            if firmware.smm { "on" } else { "off" }
        ),
    );
    if firmware.smm {
        all.add("-global", "driver=cfi.pflash01,property=secure,value=on");
    }
    all.0
        .extend(accel.arguments().iter().map(|&word| word.to_owned()));
    all.add("-smp", spec.cpus.to_string());
    all.add("-m", spec.memory_mib.to_string());
    all.0
        .extend(["-nodefaults", "-no-user-config"].map(str::to_owned));
    all.add("-display", "none");
    match &spec.boot {
        Boot::Kernel(kernel) => all.kernel(kernel),
        Boot::Disk | Boot::Cd(_) => {
            all.flash(&firmware.code, ",readonly=on");
            all.flash(&directory.join(VARS), "");
        }
    }
    let console = option_value(&directory.join(CONSOLE));
    all.add(
        "-chardev",
        format!("file,id=console,append=on,path={console}"),
    );
    all.add("-serial", "chardev:console");
    all.add("-device", "virtio-rng-pci");
    let system = directory.join(SYSTEM_DISK);
    // A kernel that is named is the first by itself, and nothing else may be.
    let place = match spec.boot {
        Boot::Disk => FIRST,
        Boot::Cd(_) | Boot::Kernel(_) => "",
    };
    all.disk("system", &system, disk::load_format(&system)?, place);
    if let Boot::Cd(iso) = &spec.boot {
        all.cd(iso);
    }
    for number in 0..spec.extra_disks_bytes.len() {
        let id = extra_disk(number);
        all.disk(&id, &directory.join(&id), disk::Format::Raw, "");
    }
    for (number, image) in spec.images.iter().enumerate() {
        all.read_only_disk(&format!("image-{number}"), image);
    }
    all.serial_ports(&spec.serial_ports, directory);
    all.add("-netdev", node_netdev("net-0", hub, plan.index, 0));
    // Without its option ROM the firmware does not try to boot from the network.
    let mac = mac_text(plan.mac);
    all.add(
        "-device",
        format!("virtio-net-pci,id=nic-0,netdev=net-0,mac={mac},romfile="),
    );
    for number in 0..spec.hot_plug_ports {
        let port = format!(
            "pcie-root-port,id={},chassis={number},slot={number}",
            hot_port(number)
        );
        all.add("-device", port);
    }
    Ok(all.0)
}

struct Arguments(Vec<String>);

impl Arguments {
    fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.extend([name.to_owned(), value.into()]);
    }

    /// QEMU's own firmware hands over to it.
    fn kernel(&mut self, kernel: &Kernel) {
        self.add("-kernel", kernel.kernel.display().to_string());
        self.add("-initrd", kernel.initramfs.display().to_string());
        self.add("-append", kernel.arguments.trim_end());
    }

    fn serial_ports(&mut self, names: &[String], directory: &Path) {
        if names.is_empty() {
            return;
        }
        self.add("-device", "virtio-serial-pci");
        for name in names {
            let id = serial_port(name);
            let path = option_value(&directory.join(&id));
            self.add(
                "-chardev",
                format!("socket,id={id},path={path},server=on,wait=off"),
            );
            self.add(
                "-device",
                format!("virtserialport,chardev={id},name={name}"),
            );
        }
    }

    fn flash(&mut self, file: &Path, more: &str) {
        let file = option_value(file);
        self.add("-drive", format!("if=pflash,format=raw,file={file}{more}"));
    }

    fn disk(&mut self, id: &str, file: &Path, format: disk::Format, more: &str) {
        let (file, format) = (option_value(file), format.name());
        let backend = format!("format={format},file={file},discard=unmap");
        self.block_device(id, &backend, more);
    }

    fn read_only_disk(&mut self, id: &str, file: &Path) {
        let backend = format!("format=raw,file={},readonly=on", option_value(file));
        self.block_device(id, &backend, "");
    }

    fn cd(&mut self, iso: &Path) {
        let file = option_value(iso);
        let backend = format!("if=none,id=drive-cd,media=cdrom,format=raw,file={file}");
        self.add("-drive", backend);
        self.add("-device", format!("ide-cd,id=cd,drive=drive-cd{FIRST}"));
    }

    fn block_device(&mut self, id: &str, backend: &str, more: &str) {
        self.add("-drive", format!("if=none,id=drive-{id},{backend}"));
        self.add(
            "-device",
            format!("virtio-blk-pci,id={id},drive=drive-{id},serial={id}{more}"),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::path::PathBuf;

    use super::*;
    use crate::NodeSpec;

    fn words(spec: NodeSpec) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        disk::create(&directory.path().join(SYSTEM_DISK), 512).unwrap();
        let plan = NodePlan {
            name: "node-1".into(),
            index: 0,
            mac: [0; 6],
            address: Ipv4Addr::LOCALHOST,
            forwards: Vec::new(),
            spec,
        };
        let firmware = Firmware {
            code: "/code.fd".into(),
            vars: "/vars.fd".into(),
            smm: false,
        };
        let hub = PathBuf::from("/hub");
        arguments(&plan, Accel::Tcg, &firmware, directory.path(), &hub).unwrap()
    }

    #[test]
    fn a_kernel_is_started_in_place_of_the_firmware() {
        let usual = words(NodeSpec::default());
        assert!(usual.iter().any(|word| word.contains("if=pflash")));
        let kernel = Kernel {
            kernel: "/vmlinuz".into(),
            initramfs: "/initramfs".into(),
            arguments: "quiet\n".into(),
        };
        let direct = words(NodeSpec {
            boot: Boot::Kernel(kernel),
            ..NodeSpec::default()
        });
        let firmware = ["if=pflash", "bootindex"];
        assert!(
            !direct
                .iter()
                .any(|word| firmware.iter().any(|part| word.contains(part)))
        );
        assert!(
            direct
                .windows(2)
                .any(|pair| pair == ["-append", "quiet"].map(str::to_owned))
        );
    }

    #[test]
    fn a_machine_starts_from_its_cd_and_not_from_its_disk() {
        let words = words(NodeSpec {
            boot: Boot::Cd("/a,b.iso".into()),
            ..NodeSpec::default()
        });
        let first: Vec<_> = words
            .iter()
            .filter(|word| word.contains("bootindex"))
            .collect();
        assert_eq!(first, ["ide-cd,id=cd,drive=drive-cd,bootindex=0"]);
        let drive = "if=none,id=drive-cd,media=cdrom,format=raw,file=/a,,b.iso";
        assert!(words.iter().any(|word| word == drive), "{words:?}");
        assert!(words.iter().any(|word| word.contains("if=pflash")));
    }

    #[test]
    fn disks_of_the_host_cannot_be_written_and_ports_have_names() {
        let spec = NodeSpec {
            images: vec!["/a,b".into()],
            serial_ports: vec!["x.y".into()],
            ..NodeSpec::default()
        };
        let words = words(spec);
        let ends = |end: &str| words.iter().any(|word| word.ends_with(end));
        assert!(ends("file=/a,,b,readonly=on"), "{words:?}");
        assert!(ends("virtserialport,chardev=serial-x.y,name=x.y"));
    }
}
