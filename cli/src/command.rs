//! One module for each command.

pub(crate) mod boot;
pub(crate) mod cluster;
pub(crate) mod completion;
pub(crate) mod controllers;
pub(crate) mod diskfree;
pub(crate) mod disks;
pub(crate) mod dmesg;
pub(crate) mod events;
pub(crate) mod get;
pub(crate) mod image;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod memory;
pub(crate) mod mounts;
pub(crate) mod netstat;
pub(crate) mod processes;
pub(crate) mod service;
pub(crate) mod usage;
pub(crate) mod version;
