//! One module for each command.

pub(crate) mod cluster;
pub(crate) mod dmesg;
pub(crate) mod get;
pub(crate) mod logs;
pub(crate) mod memory;
pub(crate) mod service;
pub(crate) mod version;
