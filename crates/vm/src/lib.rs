//! Virtual machines for local clusters and for tests: QEMU on real firmware, without root.
//!
//! A [`Cluster`] is a directory with a plan, a hub and nodes. The hub is a QEMU without a machine
//! that joins user-mode networking (DHCP, DNS, forwards from 127.0.0.1) with one socket per NIC;
//! each node is a QEMU with a disk copied from the image, its own firmware variables, a console
//! that goes to a file, and a control socket ([`Qmp`]).
//!
//! Who dies first is a matter of [`Lifetime`]: a test's machines end with the test, also when it is
//! killed; those of `ichor cluster create` stay until `ichor cluster destroy`.

mod accel;
mod cluster;
mod console;
mod disk;
mod firmware;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod network;
mod node;
mod process;
mod qmp;
mod requirements;
mod spec;

pub use accel::{Accel, choose as choose_accel};
pub use cluster::{Cluster, ClusterError, Step, Then};
pub use console::{Console, ConsoleError};
pub use disk::DiskError;
pub use firmware::{Firmware, FirmwareError};
pub use network::NetworkError;
pub use node::{HotPlugged, Node, NodeError};
pub use process::{Lifetime, ProcessError};
pub use qmp::{Qmp, QmpError};
pub use requirements::{Lack, lacks};
pub use spec::{Boot, ClusterSpec, Forward, Kernel, NodePlan, NodeSpec, Plan};
