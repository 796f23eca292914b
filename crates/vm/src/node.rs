//! One virtual machine of a cluster.

mod arguments;

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use serde_json::{Value, json};

use crate::accel::Accel;
use crate::console::{Console, TAIL_LINES};
use crate::disk::{self, DiskError};
use crate::firmware::Firmware;
use crate::network::{self, PORTS_PER_NODE, mac, mac_text};
use crate::process::{Lifetime, Process, ProcessError, qmp_path};
use crate::qmp::{Qmp, QmpError};
use crate::spec::{Boot, NodePlan};

/// Why something could not be done to a machine.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A disk could not be made.
    #[error("give {node} a disk")]
    Disk {
        /// The node.
        node: String,
        /// What went wrong.
        source: DiskError,
    },
    /// Its directory or the firmware's variables could not be made.
    #[error("make {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// QEMU does not run.
    #[error("run {node}")]
    Process {
        /// The node.
        node: String,
        /// What went wrong.
        source: ProcessError,
    },
    /// QEMU does not do it.
    #[error("control {node}")]
    Control {
        /// The node.
        node: String,
        /// What went wrong.
        source: QmpError,
    },
    /// No more can be plugged.
    #[error("{node} has no free {what}")]
    Full {
        /// The node.
        node: String,
        /// What there is no more of.
        what: &'static str,
    },
}

/// A device that was plugged in while the machine ran.
#[derive(Debug, PartialEq, Eq)]
pub struct HotPlugged {
    /// Identity of the device; the serial number of a disk.
    pub id: String,
    port: usize,
    backend: Backend,
}

#[derive(Debug, PartialEq, Eq)]
enum Backend {
    Disk,
    Nic,
}

/// A guest has to let go of a device first, and under emulation that takes its time.
const UNPLUG_TIME_MAX: Duration = Duration::from_secs(30);

/// A virtual machine, on or off.
#[derive(Debug)]
pub struct Node {
    plan: NodePlan,
    directory: PathBuf,
    hub: PathBuf,
    process: Option<Process>,
    /// Whether something is in each of the ports.
    hot_ports: Vec<bool>,
    hot_nic: bool,
    hot_count: usize,
}

impl Node {
    /// Makes its directory, with disks and firmware variables.
    pub(crate) fn create(
        plan: NodePlan,
        image: &Path,
        firmware: &Firmware,
        directory: PathBuf,
        hub: PathBuf,
    ) -> Result<Self, NodeError> {
        let file = |path: &Path, source| NodeError::File {
            path: path.to_owned(),
            source,
        };
        let disk = |source| NodeError::Disk {
            node: plan.name.clone(),
            source,
        };
        fs::create_dir_all(&directory).map_err(|source| file(&directory, source))?;
        let vars = directory.join(arguments::VARS);
        let template = plan.spec.vars.as_ref().unwrap_or(&firmware.vars);
        fs::copy(template, &vars).map_err(|source| file(&vars, source))?;
        let system = directory.join(arguments::SYSTEM_DISK);
        match &plan.spec.boot {
            Boot::Disk => disk::copy(image, &system, plan.spec.disk_bytes),
            Boot::Cd(_) | Boot::Kernel(_) => disk::create(&system, plan.spec.disk_bytes),
        }
        .map_err(disk)?;
        for (number, bytes) in plan.spec.extra_disks_bytes.iter().enumerate() {
            disk::create(&directory.join(arguments::extra_disk(number)), *bytes).map_err(disk)?;
        }
        Ok(Self::open(plan, directory, hub))
    }

    /// The node in a directory that exists.
    pub(crate) fn open(plan: NodePlan, directory: PathBuf, hub: PathBuf) -> Self {
        let process = Process::attach(&directory);
        let hot_ports = vec![false; plan.spec.hot_plug_ports];
        Self {
            plan,
            directory,
            hub,
            process,
            hot_ports,
            hot_nic: false,
            hot_count: 0,
        }
    }

    /// Turns the power on.
    pub(crate) fn start(
        &mut self,
        accel: Accel,
        firmware: &Firmware,
        lifetime: Lifetime,
    ) -> Result<(), NodeError> {
        if self.is_running() {
            return Ok(());
        }
        let arguments =
            arguments::arguments(&self.plan, accel, firmware, &self.directory, &self.hub).map_err(
                |source| NodeError::Disk {
                    node: self.plan.name.clone(),
                    source,
                },
            )?;
        let process = Process::start(&self.directory, &arguments, lifetime)
            .map_err(|source| self.process_error(source))?;
        self.process = Some(process);
        self.hot_ports.fill(false);
        self.hot_nic = false;
        Ok(())
    }

    /// Its name, addresses and ports.
    pub fn plan(&self) -> &NodePlan {
        &self.plan
    }

    /// What it writes to its serial port.
    pub fn console(&self) -> Console {
        Console::new(self.directory.join(arguments::CONSOLE))
    }

    /// The file that is its system disk.
    pub fn system_disk(&self) -> PathBuf {
        self.directory.join(arguments::SYSTEM_DISK)
    }

    /// The socket that is the other end of one of its serial ports. It takes one connection at a
    /// time.
    pub fn serial_port(&self, name: &str) -> PathBuf {
        self.directory.join(arguments::serial_port(name))
    }

    /// Whether its power is on.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// A connection to its control socket; others wait until it is dropped.
    ///
    /// # Errors
    /// [`NodeError::Control`] when the machine is off.
    pub fn qmp(&self) -> Result<Qmp, NodeError> {
        Qmp::connect(&qmp_path(&self.directory)).map_err(|source| self.control_error(source))
    }

    /// Cuts the power: nothing is written any more.
    ///
    /// # Errors
    /// [`NodeError::Process`] when the process does not end.
    pub fn cut_power(&mut self) -> Result<(), NodeError> {
        match self.process.take() {
            Some(mut process) => process.kill().map_err(|source| self.process_error(source)),
            None => Ok(()),
        }
    }

    /// Presses the reset button.
    ///
    /// # Errors
    /// [`NodeError::Control`].
    pub fn reset(&self) -> Result<(), NodeError> {
        self.execute(&mut self.qmp()?, "system_reset", &json!({}))
            .map(drop)
    }

    /// Presses the power button, which asks the guest to stop.
    ///
    /// # Errors
    /// [`NodeError::Control`].
    pub fn press_power_button(&self) -> Result<(), NodeError> {
        self.execute(&mut self.qmp()?, "system_powerdown", &json!({}))
            .map(drop)
    }

    /// Plugs or pulls the cable of its first NIC.
    ///
    /// # Errors
    /// [`NodeError::Control`].
    pub fn set_link(&self, up: bool) -> Result<(), NodeError> {
        let arguments = json!({ "name": "nic-0", "up": up });
        self.execute(&mut self.qmp()?, "set_link", &arguments)
            .map(drop)
    }

    /// Plugs in an empty disk.
    ///
    /// # Errors
    /// [`NodeError::Full`] when no slot is free, otherwise the step that failed.
    pub fn plug_disk(&mut self, bytes: u64) -> Result<HotPlugged, NodeError> {
        let (port, id) = self.slot()?;
        let file = self.directory.join(&id);
        disk::create(&file, bytes).map_err(|source| NodeError::Disk {
            node: self.plan.name.clone(),
            source,
        })?;
        let mut qmp = self.qmp()?;
        let backend = json!({
            "driver": "raw",
            "node-name": format!("drive-{id}"),
            "discard": "unmap",
            "file": { "driver": "file", "filename": file },
        });
        self.execute(&mut qmp, "blockdev-add", &backend)?;
        let device = json!({
            "driver": "virtio-blk-pci", "id": id, "drive": format!("drive-{id}"), "serial": id,
            "bus": arguments::hot_port(port),
        });
        self.execute(&mut qmp, "device_add", &device)?;
        self.take(port);
        Ok(HotPlugged {
            id,
            port,
            backend: Backend::Disk,
        })
    }

    /// Plugs in a second NIC, on the same network.
    ///
    /// # Errors
    /// [`NodeError::Full`] when it is there already, otherwise the step that failed.
    pub fn plug_nic(&mut self) -> Result<HotPlugged, NodeError> {
        const NIC: u8 = PORTS_PER_NODE - 1;
        if self.hot_nic {
            return Err(NodeError::Full {
                node: self.plan.name.clone(),
                what: "port of the hub",
            });
        }
        let (port, id) = self.slot()?;
        let mut qmp = self.qmp()?;
        let hub = network::socket(&self.hub, self.plan.index, NIC);
        let backend = json!({
            "type": "stream", "id": format!("net-{id}"), "server": false,
            "addr": { "type": "unix", "path": hub },
        });
        self.execute(&mut qmp, "netdev_add", &backend)?;
        let device = json!({
            "driver": "virtio-net-pci", "id": id, "netdev": format!("net-{id}"),
            "mac": mac_text(mac(self.plan.index, NIC)), "bus": arguments::hot_port(port),
        });
        self.execute(&mut qmp, "device_add", &device)?;
        self.take(port);
        self.hot_nic = true;
        Ok(HotPlugged {
            id,
            port,
            backend: Backend::Nic,
        })
    }

    /// Pulls a device out and waits until the guest has let go of it.
    ///
    /// # Errors
    /// [`NodeError::Control`], also when the guest keeps it.
    pub fn unplug(&mut self, device: HotPlugged) -> Result<(), NodeError> {
        let id = &device.id;
        let mut qmp = self.qmp()?;
        self.execute(&mut qmp, "device_del", &json!({ "id": id }))?;
        qmp.wait_for_event("DEVICE_DELETED", UNPLUG_TIME_MAX, |data| {
            data.get("device").and_then(Value::as_str) == Some(id)
        })
        .map_err(|source| self.control_error(source))?;
        match device.backend {
            Backend::Disk => {
                let name = json!({ "node-name": format!("drive-{id}") });
                self.execute(&mut qmp, "blockdev-del", &name)?;
            }
            Backend::Nic => {
                self.execute(
                    &mut qmp,
                    "netdev_del",
                    &json!({ "id": format!("net-{id}") }),
                )?;
                self.hot_nic = false;
            }
        }
        if let Some(taken) = self.hot_ports.get_mut(device.port) {
            *taken = false;
        }
        Ok(())
    }

    /// What a failure shows: whether it runs, and the console's last lines.
    pub fn last_words(&mut self) -> String {
        let state = match self.is_running() {
            true => "on",
            false => "off",
        };
        let tail = self.console().tail(TAIL_LINES);
        format!(
            "--- {} is {state}; its console's end:\n{tail}\n---",
            self.plan.name
        )
    }

    /// A free slot, and an identity that was never used.
    fn slot(&mut self) -> Result<(usize, String), NodeError> {
        let port = self
            .hot_ports
            .iter()
            .position(|taken| !taken)
            .ok_or_else(|| NodeError::Full {
                node: self.plan.name.clone(),
                what: "slot",
            })?;
        self.hot_count += 1;
        Ok((port, format!("plugged-{}", self.hot_count)))
    }

    fn take(&mut self, port: usize) {
        if let Some(taken) = self.hot_ports.get_mut(port) {
            *taken = true;
        }
    }

    fn execute(&self, qmp: &mut Qmp, command: &str, arguments: &Value) -> Result<Value, NodeError> {
        qmp.execute(command, arguments)
            .map_err(|source| self.control_error(source))
    }

    fn control_error(&self, source: QmpError) -> NodeError {
        NodeError::Control {
            node: self.plan.name.clone(),
            source,
        }
    }

    fn process_error(&self, source: ProcessError) -> NodeError {
        NodeError::Process {
            node: self.plan.name.clone(),
            source,
        }
    }
}
