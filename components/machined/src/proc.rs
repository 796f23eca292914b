//! Texts of `/proc`, as the API shows them. Pure: the callers read.

pub(crate) mod cores;
pub(crate) mod cpu;
pub(crate) mod disks;
pub(crate) mod frequency;
pub(crate) mod memory;
pub(crate) mod modules;
pub(crate) mod namespaces;
pub(crate) mod netstat;
pub(crate) mod network;
pub(crate) mod paths;
pub(crate) mod pci;
pub(crate) mod process;
pub(crate) mod system;
