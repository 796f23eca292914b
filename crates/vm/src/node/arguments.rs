//! The command line of a node's QEMU.

use std::path::Path;

use crate::accel::Accel;
use crate::disk::{self, DiskError};
use crate::firmware::Firmware;
use crate::network::{mac_text, node_netdev};
use crate::process::option_value;
use crate::spec::NodePlan;

/// Root ports that devices can be plugged into while the machine runs.
pub(super) const HOT_PORTS: usize = 4;

pub(super) const SYSTEM_DISK: &str = "disk";
pub(super) const VARS: &str = "vars.fd";
pub(super) const CONSOLE: &str = "console.log";

pub(super) fn extra_disk(number: usize) -> String {
    format!("extra-{number}")
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
    all.flash(&firmware.code, ",readonly=on");
    all.flash(&directory.join(VARS), "");
    let console = option_value(&directory.join(CONSOLE));
    all.add(
        "-chardev",
        format!("file,id=console,append=on,path={console}"),
    );
    all.add("-serial", "chardev:console");
    all.add("-device", "virtio-rng-pci");
    let system = directory.join(SYSTEM_DISK);
    all.disk(
        "system",
        &system,
        disk::load_format(&system)?,
        ",bootindex=0",
    );
    for number in 0..spec.extra_disks_bytes.len() {
        let id = extra_disk(number);
        all.disk(&id, &directory.join(&id), disk::Format::Raw, "");
    }
    all.add(
        "-netdev",
        node_netdev("net-0", hub, directory, plan.index, 0),
    );
    // Without its option ROM the firmware does not try to boot from the network.
    let mac = mac_text(plan.mac);
    all.add(
        "-device",
        format!("virtio-net-pci,id=nic-0,netdev=net-0,mac={mac},romfile="),
    );
    for number in 0..HOT_PORTS {
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

    fn flash(&mut self, file: &Path, more: &str) {
        let file = option_value(file);
        self.add("-drive", format!("if=pflash,format=raw,file={file}{more}"));
    }

    fn disk(&mut self, id: &str, file: &Path, format: disk::Format, more: &str) {
        let (file, format) = (option_value(file), format.name());
        self.add(
            "-drive",
            format!("if=none,id=drive-{id},format={format},file={file},discard=unmap"),
        );
        self.add(
            "-device",
            format!("virtio-blk-pci,id={id},drive=drive-{id},serial={id}{more}"),
        );
    }
}
