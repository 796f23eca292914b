//! What is asked for, and what was planned from it.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Accel, Firmware};

/// A cluster as asked for.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// Name of the cluster.
    pub name: String,
    /// Disk image (raw or qcow2); nodes that start from their disk have a copy of it.
    pub image: PathBuf,
    /// Number of nodes, at most seven.
    pub nodes: usize,
    /// What each node looks like.
    pub node: NodeSpec,
}

/// A node as asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeSpec {
    /// Virtual processors.
    pub cpus: u32,
    /// Memory.
    pub memory_mib: u32,
    /// Size of the system disk; a raw image smaller than that grows.
    pub disk_bytes: u64,
    /// Sizes of further, empty disks.
    pub extra_disks_bytes: Vec<u64>,
    /// Ports of the node that are reachable on 127.0.0.1.
    pub forwards: Vec<u16>,
    /// How many devices can be plugged in while the machine runs. Each port takes the guest its time
    /// to start.
    #[serde(default)]
    pub hot_plug_ports: usize,
    /// Whether the firmware can enforce Secure Boot.
    pub secure_boot: bool,
    /// Firmware variables to start with, for instance with enrolled keys, in place of empty ones.
    pub vars: Option<PathBuf>,
    /// Files that are further disks, which the node cannot write.
    #[serde(default)]
    pub images: Vec<PathBuf>,
    /// Names of virtio serial ports; the other end of each is [`Node::serial_port`].
    ///
    /// [`Node::serial_port`]: crate::Node::serial_port
    #[serde(default)]
    pub serial_ports: Vec<String>,
    /// What the machine starts from.
    #[serde(default)]
    pub boot: Boot,
}

/// What a machine starts from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Boot {
    /// The system disk, a copy of the cluster's image.
    #[default]
    Disk,
    /// An ISO in a CD drive. The system disk is empty.
    Cd(PathBuf),
    /// A kernel, without UEFI. The system disk is empty.
    Kernel(Kernel),
}

/// A kernel as files of the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kernel {
    /// The kernel itself.
    pub kernel: PathBuf,
    /// Its first file system.
    pub initramfs: PathBuf,
    /// Its arguments.
    pub arguments: String,
}

impl Kernel {
    /// The kernel that an image was made of, whose files lie in one directory.
    ///
    /// # Errors
    /// When its arguments cannot be read.
    pub fn of_image(directory: &Path) -> std::io::Result<Self> {
        Ok(Self {
            kernel: directory.join("vmlinuz"),
            initramfs: directory.join("initramfs"),
            arguments: std::fs::read_to_string(directory.join("cmdline"))?,
        })
    }
}

impl Default for NodeSpec {
    fn default() -> Self {
        Self {
            cpus: 2,
            memory_mib: 2048,
            disk_bytes: 6 << 30,
            extra_disks_bytes: Vec::new(),
            forwards: vec![50000],
            hot_plug_ports: 0,
            secure_boot: false,
            vars: None,
            images: Vec::new(),
            serial_ports: Vec::new(),
            boot: Boot::Disk,
        }
    }
}

/// A cluster as it runs; kept as `cluster.json` in its directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the cluster.
    pub name: String,
    /// What executes the guests.
    pub accel: Accel,
    /// What the guests start with.
    pub firmware: Firmware,
    /// The nodes.
    pub nodes: Vec<NodePlan>,
}

/// A node as it runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodePlan {
    /// Its name and that of its directory.
    pub name: String,
    /// Its number, from zero.
    pub index: u8,
    /// Hardware address of its NIC.
    pub mac: [u8; 6],
    /// The address that DHCP gives it.
    pub address: Ipv4Addr,
    /// Its reachable ports.
    pub forwards: Vec<Forward>,
    /// What was asked for.
    pub spec: NodeSpec,
}

/// A port of a node on 127.0.0.1.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Forward {
    /// Port on 127.0.0.1.
    pub host: u16,
    /// Port of the node.
    pub guest: u16,
}

impl NodePlan {
    /// The port on 127.0.0.1 that leads to `guest` on the node.
    pub fn port(&self, guest: u16) -> Option<u16> {
        self.forwards
            .iter()
            .find(|forward| forward.guest == guest)
            .map(|forward| forward.host)
    }
}
